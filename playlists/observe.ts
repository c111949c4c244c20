import type { Change } from '../src/catalog/wake.ts';
import type { Log } from '../src/ops/log.ts';
import { FailureLog } from '../src/ops/loop.ts';
import type { Metrics } from '../src/ops/metrics.ts';
import { requestObserver } from '../src/ops/request-log.ts';
import { firstSegments } from './first-segments.ts';
import type { CatalogPort, Ports, ServiceLoad } from './ports.ts';

/** What the service tells of itself: ports, and what it hears of the catalog. */
export interface ServiceMetrics
  extends Required<Pick<Ports, 'onRequest' | 'onHold' | 'onAccepted' | 'onLoad'>> {
  heard(change: Change): void;
}

/** Kinds of places that segments come from. */
const sources = ['bucket', 'catalog', 'held', 'node'] as const;
/** What goes wrong most; the others are there once they have happened. */
const troubleKinds = [
  'asking a node',
  'catalog query',
  'reading the bucket',
  'segment from a node',
  'stalled reader',
] as const;
const liveStates = ['ready', 'draining'] as const;
const outcomes = ['answered', 'failed', 'left'] as const;

/** Registers the metrics of the playlist service, and writes a line a request. */
export function serviceMetrics(
  log: Log,
  metrics: Metrics,
  { now, nodes }: Pick<Ports, 'now'> & Pick<CatalogPort, 'nodes'>,
): ServiceMetrics {
  const request = requestObserver(log, metrics);
  const answers = metrics.counter(
    'segment_answers_total',
    'Segments and init segments answered, by kind of source',
    ['source'],
  );
  for (const source of sources) answers.inc({ source }, 0);
  const holds = metrics.histogram(
    'hold_duration_seconds',
    'Time that a request for something that did not exist yet was held, until its bytes were here',
    ['outcome'],
  );
  for (const outcome of outcomes) holds.zero({ outcome });
  const first = metrics.histogram(
    'first_segment_seconds',
    'Time from the post of a new video until its first segment was made',
  );
  metrics.gauge('nodes', 'Nodes that live, by what they do', ['state'], async (gauge) => {
    // While the catalog is away the last figures stay.
    const seen = await nodes().catch(() => undefined);
    for (const state of liveStates)
      if (seen !== undefined) gauge.set({ state }, seen.filter((node) => node.state === state).length);
  });
  const firsts = firstSegments(now, (seconds) => first.observe(seconds));
  return {
    onRequest(event) {
      const { source } = event;
      // Node ids are not a closed set.
      if (source !== undefined) answers.inc({ source: sources.find((kind) => kind === source) ?? 'node' });
      request(event);
    },
    onHold: ({ seconds, outcome }) => holds.observe({ outcome }, seconds),
    onAccepted: (renderId, since) => firsts.accepted(renderId, since),
    heard: (change) => firsts.seen(change),
    onLoad: (load) => loadGauges(metrics, load),
  };
}

function loadGauges(metrics: Metrics, load: () => ServiceLoad): void {
  metrics.gauge('holds', 'Requests held now', [], (gauge) => gauge.set(load().holds));
  metrics.gauge('holds_limit', 'Requests held at once at most', [], (gauge) => gauge.set(load().maxHolds));
  metrics.gauge('in_flight_bytes', 'Segments on their way through this process now', [], (gauge) =>
    gauge.set(load().bytesInFlight),
  );
  metrics.gauge('in_flight_limit_bytes', 'Segments on their way through this process at most', [], (gauge) =>
    gauge.set(load().maxBytesInFlight),
  );
}

/** Logs what went wrong on the way without making a request fail, each kind at most every half minute, and counts it. */
export function troubleLog(log: Log, metrics: Metrics): NonNullable<Ports['onTrouble']> {
  const kinds = new Map<string, FailureLog>();
  const troubles = metrics.counter(
    'troubles_total',
    'What went wrong on the way, though no request was answered with an error for it',
    ['what'],
  );
  for (const what of troubleKinds) troubles.inc({ what }, 0);
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
