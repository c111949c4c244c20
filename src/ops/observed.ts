import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import { quietPaths, type RequestEvent } from './request-event.ts';
import type { Tracing } from './trace.ts';

/** Values that {@link observed} leaves for routes, and they for it. */
export interface ObservedVariables {
  requestId: string;
  /** Where segment bytes came from. */
  source: string | undefined;
}

/** What is done with requests. */
export interface Observing {
  /** Milliseconds. */
  readonly now: () => number;
  readonly onRequest?: ((event: RequestEvent) => void) | undefined;
  readonly tracing?: Tracing | undefined;
  /** A path as it may be told. Default: as it is. */
  readonly shown?: (path: string) => string;
}

const longestPath = 200;

/** Gives each request its id and, where there are traces, a span, and tells of it once it is answered. */
export function observed({
  now,
  onRequest,
  tracing,
  shown = (path) => path,
}: Observing): MiddlewareHandler<{ Variables: ObservedVariables }> {
  return async (c, next) => {
    const given = c.req.header('x-request-id') ?? '';
    const requestId = /^[\w.-]{1,64}$/.test(given) ? given : crypto.randomUUID();
    c.set('requestId', requestId);
    const { method } = c.req;
    const path = shown(c.req.path).slice(0, longestPath);

    const answer = async (): Promise<RequestEvent> => {
      const begun = now();
      await next();
      c.header('x-request-id', requestId);
      const event = {
        requestId,
        method,
        path,
        route: c.res.status === 404 ? 'none' : routePath(c, -1),
        status: c.res.status,
        durationMs: now() - begun,
        source: c.get('source'),
        clientLeft: c.req.raw.signal.aborted,
        error: c.error,
      };
      onRequest?.(event);
      return event;
    };
    if (tracing === undefined || quietPaths.has(path)) {
      await answer();
      return;
    }
    const { traceparent = '', tracestate = '' } = c.req.header();
    const span = tracing.begin(method, { kind: 'server', parent: { traceparent, tracestate } });
    const { route, status, source, error } = await span.run(answer);
    span.end({
      name: `${method} ${route}`,
      attributes: {
        'http.request.method': method,
        'url.path': path,
        'http.route': route,
        'http.response.status_code': status,
        'segue.request_id': requestId,
        'segue.source': source,
      },
      ...(status >= 500 ? { error: error ?? `status ${status}` } : {}),
    });
  };
}
