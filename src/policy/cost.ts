import type { Prices } from './document/prices.ts';

const GB = 1e9;

/** Seconds of the month that prices are for: 30 days. */
export const monthSeconds = 30 * 86_400;

/** CPU seconds that copying a GB takes: read, checksum, TLS and PUT. Measured by `npm run bench -- copying`. */
export const copyCpuSecondsPerGb = 4;

/** Some segments, as far as they cost something. */
export interface Weight {
  readonly bytes: number;
  readonly objects: number;
  /** CPU seconds to render them. */
  readonly cpuSeconds: number;
}

/** What is transferred to one viewer. */
export type ViewWeight = Omit<Weight, 'cpuSeconds'>;

/** Price of copying segments to the bucket once: requests, line and CPU. */
export const copyPrice = ({ bytes, objects }: ViewWeight, prices: Prices): number =>
  (objects / 1000) * prices.perThousandPuts +
  (bytes / GB) * (prices.copiedGb + (copyCpuSecondsPerGb / 3600) * prices.cpuHour);

/** Price of having them in the bucket, by the second. */
export const storePrice = ({ bytes }: Pick<Weight, 'bytes'>, prices: Prices): number =>
  ((bytes / GB) * prices.storedGbMonth) / monthSeconds;

/** Price of having them on a node's disk, by the second. */
export const diskPrice = ({ bytes }: Pick<Weight, 'bytes'>, prices: Prices): number =>
  ((bytes / GB) * prices.diskGbMonth) / monthSeconds;

/** Price of rendering them. */
export const renderPrice = ({ cpuSeconds }: Pick<Weight, 'cpuSeconds'>, prices: Prices): number =>
  (cpuSeconds / 3600) * prices.cpuHour;

/** Price of serving them once from a node. */
export const nodeServePrice = ({ bytes }: Pick<Weight, 'bytes'>, prices: Prices): number =>
  (bytes / GB) * prices.nodeGbOut;

/** Price of serving them once from the bucket. */
export const bucketServePrice = ({ bytes, objects }: ViewWeight, prices: Prices): number =>
  (bytes / GB) * prices.bucketGbOut + (objects / 1000) * prices.perThousandGets;
