import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** The metrics of one process, in Prometheus text format (OpenMetrics names, base units). Node only. */
export interface Metrics {
  /** A number that only grows; its name ends in `_total`. `collect` adds to it what is new when it is read. */
  counter<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    collect?: (counter: Counter<L>) => void,
  ): Counter<L>;
  /** A number that goes up and down; `collect` sets it when it is read. */
  gauge<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L>;
  /** A distribution, by default over seconds from 5 ms to 60 s. */
  histogram<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    buckets?: readonly number[],
  ): Histogram<L>;
  /** Everything as text, for `GET /metrics`. */
  text(): Promise<string>;
  /** What was registered here, in that order; without the figures of process and Node.js. */
  readonly described: readonly MetricDescription[];
  readonly contentType: string;
}

/** A metric, as docs/METRICS.md lists it. */
export interface MetricDescription {
  /** With its prefix. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * Makes the registry of a process, with the conventional process and Node.js figures in it.
 * Every name gets the prefix `segue_`. Labels come from closed sets, so that the number of series stays bounded.
 */
export function createMetrics(options: { process?: boolean } = {}): Metrics {
  const registry = new Registry();
  if (options.process !== false)
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });
  const described: MetricDescription[] = [];
  const describe = <L extends string>(
    type: MetricDescription['type'],
    short: string,
    help: string,
    labels: readonly L[],
  ) => {
    const name = `segue_${short}`;
    described.push({ name, type, help, labels });
    return { name, help, labelNames: labels, registers: [registry] };
  };
  return {
    counter: <L extends string>(
      name: string,
      help: string,
      labels: readonly L[] = [],
      collect?: (counter: Counter<L>) => void,
    ) =>
      new Counter<L>({
        ...describe('counter', name, help, labels),
        ...(collect === undefined
          ? {}
          : {
              collect(this: Counter<L>) {
                collect(this);
              },
            }),
      }),
    gauge: <L extends string>(
      name: string,
      help: string,
      labels: readonly L[] = [],
      collect?: (gauge: Gauge<L>) => void | Promise<void>,
    ) =>
      new Gauge<L>({
        ...describe('gauge', name, help, labels),
        ...(collect === undefined
          ? {}
          : {
              collect(this: Gauge<L>) {
                return collect(this);
              },
            }),
      }),
    histogram: <L extends string>(
      name: string,
      help: string,
      labels: readonly L[] = [],
      buckets: readonly number[] = secondsBuckets,
    ) => new Histogram<L>({ ...describe('histogram', name, help, labels), buckets: [...buckets] }),
    text: () => registry.metrics(),
    described,
    contentType: registry.contentType,
  };
}
