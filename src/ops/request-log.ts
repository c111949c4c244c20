import { errorCodes, SegueError, statusOf } from './errors.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { quietPaths, type RequestEvent } from './request-event.ts';

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']);

/** Logs one wide line a request and counts it. */
export function requestObserver(log: Log, metrics: Metrics): (event: RequestEvent) => void {
  const seconds = metrics.histogram('http_request_duration_seconds', 'Time until the headers of an answer', [
    'route',
    'method',
    'status',
  ]);
  const errors = metrics.counter('http_errors_total', 'Requests answered with an error, by its code', [
    'code',
  ]);
  for (const code of errorCodes) errors.inc({ code }, 0);
  return ({ error, source, ...event }) => {
    const method = methods.has(event.method) ? event.method : 'other';
    seconds.observe({ route: event.route, method, status: String(event.status) }, event.durationMs / 1000);
    if (error !== undefined && !event.clientLeft)
      errors.inc({ code: error instanceof SegueError ? error.code : 'internal' });
    if (quietPaths.has(event.route) && event.status < 500) return;
    const line = {
      ...event,
      durationMs: Math.round(event.durationMs),
      ...(source === undefined ? {} : { source }),
    };
    const expected = error instanceof SegueError && statusOf(error.code) < 500;
    if (error === undefined) log.info(line, 'request');
    else if (event.clientLeft) log.info(line, 'client went away');
    else if (expected) log.info({ ...line, code: error.code }, 'request');
    else log.error({ ...line, err: error }, 'request failed');
  };
}
