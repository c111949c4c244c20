import { SegueError, statusOf } from '../src/ops/errors.ts';
import type { Log } from '../src/ops/log.ts';
import { FailureLog } from '../src/ops/loop.ts';
import type { Metrics } from '../src/ops/metrics.ts';
import type { Ports, RequestEvent } from './ports.ts';

/** Paths that are asked every second by machines: only their failures are worth a line. */
const quiet = new Set(['/healthz', '/readyz', '/metrics']);

/** Logs one wide line a request and counts it. */
export function requestObserver(log: Log, metrics: Metrics): (event: RequestEvent) => void {
  const seconds = metrics.histogram('http_request_duration_seconds', 'Time until the headers of an answer', [
    'route',
    'method',
    'status',
  ]);
  const sources = metrics.counter(
    'segment_answers_total',
    'Segments and init segments answered, by kind of source',
    ['source'],
  );
  return ({ error, source, ...event }) => {
    const method = ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS'].includes(event.method) ? event.method : 'other';
    seconds.observe({ route: event.route, method, status: String(event.status) }, event.durationMs / 1000);
    if (source !== undefined) {
      // Node ids are not a closed set.
      sources.inc({ source: ['bucket', 'catalog', 'held'].includes(source) ? source : 'node' });
    }
    if (quiet.has(event.route) && event.status < 500) return;
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

/** Logs what went wrong on the way without making a request fail, each kind at most every half minute, and counts it. */
export function troubleLog(log: Log, metrics: Metrics): NonNullable<Ports['onTrouble']> {
  const kinds = new Map<string, FailureLog>();
  const troubles = metrics.counter(
    'troubles_total',
    'What went wrong on the way without making a request fail',
    ['what'],
  );
  return (what, error) => {
    // Node ids are not a closed set.
    troubles.inc({ what: what.replace(/ node .*$/, ' a node') });
    // Node ids are part of the kind; nodes come and go.
    if (kinds.size > 100) kinds.clear();
    const kind = kinds.get(what) ?? new FailureLog(log, what);
    kinds.set(what, kind);
    kind.failed(error, 0);
  };
}
