import type { MiddlewareHandler } from 'hono';
import { rateLimiter, type Store } from 'hono-rate-limiter';
import { SegueError } from '../src/ops/errors.ts';
import { clientAddress } from './client.ts';
import type { Ports } from './ports.ts';
import type { RequestContext, RequestVariables } from './service.ts';

interface Variables {
  Variables: RequestVariables;
}
type Handler = MiddlewareHandler<Variables>;

/** Requests are counted by the minute, in milliseconds. */
const windowMs = 60_000;

/** Requests a minute with a credential that opens nothing, from one address. */
const strangersAMinute = 30;

/** The account that a request counts to: that of its key, else its address. */
export const accountOf = (c: RequestContext, ports: Ports): string =>
  c.get('actor')?.id ?? clientAddress(c, ports);

/**
 * Counts in the catalog, so that all services together count, and a Worker, which remembers nothing, as well. Where the catalog is
 * away nobody is refused for it: nothing that costs anything happens without the catalog.
 */
function sharedStore(ports: Ports, prefix: string): Store<Variables> {
  const { access } = ports.catalog;
  const unlessAway = async (query: Promise<void>): Promise<void> =>
    query.catch((error: unknown) => ports.onTrouble?.('counting requests', error));
  return {
    prefix,
    async increment(client) {
      try {
        const { count, resetsAt } = await access.countHit(prefix + client, windowMs);
        return { totalHits: count, resetTime: resetsAt };
      } catch (error) {
        ports.onTrouble?.('counting requests', error);
        return { totalHits: 0, resetTime: new Date(ports.now() + windowMs) };
      }
    },
    decrement: (client) => unlessAway(access.uncountHit(prefix + client)),
    resetKey: (client) => unlessAway(access.forgetHits(prefix + client)),
  };
}

function tooMany(c: RequestContext, limit: number): never {
  const after = Number(c.res.headers.get('retry-after') ?? 0);
  throw new SegueError('too_many_requests', `More than ${limit} requests of this kind in a minute`, {
    hint: 'Ask again when Retry-After says so.',
    retryAfterSeconds: Math.max(1, after),
  });
}

const changes = (c: RequestContext): boolean => !['GET', 'HEAD', 'OPTIONS'].includes(c.req.method);

/** Bounds how often a client may change something. */
export function limitChanges(ports: Ports): Handler {
  const limit = ports.settings.admission.changesPerMinute;
  return rateLimiter<Variables>({
    windowMs,
    limit,
    standardHeaders: 'draft-7',
    store: sharedStore(ports, 'changes:'),
    keyGenerator: (c) => accountOf(c, ports),
    skip: (c) => !changes(c),
    handler: (c) => tooMany(c, limit),
  });
}

/** Bounds how often one address may try credentials that open nothing. */
export function limitStrangers(ports: Ports): Handler {
  return rateLimiter<Variables>({
    windowMs,
    limit: strangersAMinute,
    standardHeaders: 'draft-7',
    store: sharedStore(ports, 'strangers:'),
    keyGenerator: (c) => clientAddress(c, ports),
    skip: (c) => c.get('stranger') !== true,
    handler: (c) => tooMany(c, strangersAMinute),
  });
}
