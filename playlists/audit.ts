import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import { clientAddress } from './client.ts';
import type { Ports } from './ports.ts';
import type { RequestVariables } from './service.ts';

/** Keeps who changed what, once it is done, or refused to somebody who is known. Looking, and strangers, are not kept: the log has them. */
export function audited(ports: Ports): MiddlewareHandler<{ Variables: RequestVariables }> {
  return async function audited(c, next) {
    await next();
    const { method } = c.req;
    if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return;
    const actor = c.get('actor');
    const { status } = c.res;
    const posted = c.get('subject');
    // Whoever is nobody can change nothing but by posting a video.
    if (actor === undefined && posted === undefined) return;
    const route = routePath(c, -1);
    try {
      await ports.catalog.access.noteAudit({
        kind: actor === undefined || actor.role === 'client' ? 'client' : 'operator',
        actor: actor?.id ?? 'anybody',
        address: clientAddress(c, ports),
        action: `${method} ${route}`,
        subject: posted ?? c.req.param('id') ?? null,
        status,
        requestId: c.get('requestId'),
      });
    } catch (error) {
      ports.onTrouble?.('keeping the audit log', error);
    }
  };
}
