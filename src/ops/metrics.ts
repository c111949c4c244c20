import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** The metrics of one process, in Prometheus text format (OpenMetrics names, base units). Node only. */
export interface Metrics {
  /** A number that only grows; its name ends in `_total`. */
  counter<L extends string = never>(name: string, help: string, labels?: readonly L[]): Counter<L>;
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
  readonly contentType: string;
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
  const named = (name: string) => `segue_${name}`;
  return {
    counter: <L extends string>(name: string, help: string, labels: readonly L[] = []) =>
      new Counter<L>({ name: named(name), help, labelNames: labels, registers: [registry] }),
    gauge: <L extends string>(
      name: string,
      help: string,
      labels: readonly L[] = [],
      collect?: (gauge: Gauge<L>) => void | Promise<void>,
    ) =>
      new Gauge<L>({
        name: named(name),
        help,
        labelNames: labels,
        registers: [registry],
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
    ) =>
      new Histogram<L>({
        name: named(name),
        help,
        labelNames: labels,
        buckets: [...buckets],
        registers: [registry],
      }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
