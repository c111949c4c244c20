import { copyCpuSecondsPerGb, monthSeconds } from '../policy/cost.ts';
import type { Prices } from '../policy/document/prices.ts';

/** What a run used, in units of their own. Times of bytes in byte seconds. */
export interface Quantities {
  puts: number;
  gets: number;
  storedByteSeconds: number;
  diskByteSeconds: number;
  bucketBytesOut: number;
  nodeBytesOut: number;
  copiedBytes: number;
  /** CPU seconds of rendering for the first time, and again. */
  firstCpu: number;
  againCpu: number;
}

/** Nothing used. */
export const noQuantities = (): Quantities => ({
  puts: 0,
  gets: 0,
  storedByteSeconds: 0,
  diskByteSeconds: 0,
  bucketBytesOut: 0,
  nodeBytesOut: 0,
  copiedBytes: 0,
  firstCpu: 0,
  againCpu: 0,
});

/** What it costs, item by item. */
export interface Bill {
  readonly requests: number;
  readonly storage: number;
  readonly disk: number;
  readonly out: number;
  readonly copying: number;
  readonly rendering: number;
  readonly renderingAgain: number;
}

/** The bill for what was used: the one model of cost for all policies, and for the optimum. */
export function billOf(used: Quantities, prices: Prices): Bill {
  const GB = 1e9;
  return {
    requests: (used.puts * prices.perThousandPuts + used.gets * prices.perThousandGets) / 1000,
    storage: (used.storedByteSeconds / GB / monthSeconds) * prices.storedGbMonth,
    disk: (used.diskByteSeconds / GB / monthSeconds) * prices.diskGbMonth,
    out: (used.bucketBytesOut * prices.bucketGbOut + used.nodeBytesOut * prices.nodeGbOut) / GB,
    copying: (used.copiedBytes / GB) * (prices.copiedGb + (copyCpuSecondsPerGb / 3600) * prices.cpuHour),
    rendering: (used.firstCpu / 3600) * prices.cpuHour,
    renderingAgain: (used.againCpu / 3600) * prices.cpuHour,
  };
}

/** Everything on a bill. */
export const totalOf = (bill: Bill): number =>
  Object.values(bill).reduce((sum: number, item: number) => sum + item, 0);
