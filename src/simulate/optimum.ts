import {
  bucketServePrice,
  copyPrice,
  diskPrice,
  nodeServePrice,
  renderPrice,
  storePrice,
} from '../policy/cost.ts';
import type { Prices } from '../policy/document/prices.ts';
import { reachParts } from '../policy/facts.ts';
import type { Trace, TraceEvent, TraceVideo } from './trace.ts';
import { partsIn } from './video-state.ts';

/** The least that a trace can cost, and how much of it is the first rendering, which nobody can save. */
export interface Optimum {
  readonly total: number;
  readonly rendering: number;
}

/**
 * The offline optimum: the cost of whoever knows the whole trace beforehand, has disks without end, copies in no time, and decides for
 * each sixteenth of each rendition alone. No policy can do better, so it bounds them all from below. By dynamic programming over
 * what happens to a part: at each moment it is nowhere, on the disk of one of the nodes, or in the bucket, and each of them
 * has its least cost so far.
 */
export function optimumOf(trace: Trace, prices: Prices): Optimum {
  const views: Extract<TraceEvent, { kind: 'view' }>[][] = trace.videos.map(() => []);
  const losses: Extract<TraceEvent, { kind: 'loss' }>[] = [];
  for (const event of trace.events) {
    if (event.kind === 'view') views[event.video]?.push(event);
    else if (event.kind === 'loss') losses.push(event);
  }
  let [total, rendering] = [0, 0];
  for (const [number, video] of trace.videos.entries()) {
    const own = views[number] ?? [];
    if (own.length === 0) continue;
    const reached = own.map(({ from, to }) => partsIn(video, from, to));
    for (let part = 0; part < reachParts; part += 1) {
      const times = own.filter((_, index) => {
        const [from, to] = reached[index] ?? [0, 0];
        return from <= part && part < to;
      });
      if (times.length === 0) continue;
      const cost = costOfPart(video, times.map(({ at }) => at), losses, trace, prices);
      total += cost.total;
      rendering += cost.first;
    }
  }
  return { total, rendering };
}

/** Least cost of one part of all renditions that are viewed. What nobody views is not even rendered. */
function costOfPart(
  video: TraceVideo,
  views: readonly number[],
  losses: readonly Extract<TraceEvent, { kind: 'loss' }>[],
  trace: Trace,
  prices: Prices,
): { total: number; first: number } {
  const all = video.renditions.reduce((sum, { bytes }) => sum + bytes, 0);
  const viewed = video.renditions.filter(({ kind }, index) => index === 0 || kind === 'audio');
  const bytes = viewed.reduce((sum, rendition) => sum + rendition.bytes, 0) / reachParts;
  const weight = {
    bytes,
    objects: (viewed.length * video.segments) / reachParts,
    cpuSeconds: (video.cpuSeconds * bytes) / Math.max(1, all),
  };
  const [render, copy] = [renderPrice(weight, prices), copyPrice(weight, prices)];
  const [rent, store] = [diskPrice(weight, prices), storePrice(weight, prices)];
  const [fromNode, fromBucket] = [nodeServePrice(weight, prices), bucketServePrice(weight, prices)];

  // Least cost so far of: being nowhere; on the disk of node i; in the bucket.
  let nowhere = 0;
  let bucket = Number.POSITIVE_INFINITY;
  const disks: number[] = Array.from({ length: trace.nodes }, () => Number.POSITIVE_INFINITY);
  let [last, loss] = [views[0] ?? 0, 0];
  const relax = (): void => {
    const leastDisk = Math.min(...disks);
    bucket = Math.min(bucket, leastDisk + copy);
    nowhere = Math.min(nowhere, leastDisk, bucket);
  };
  const pass = (at: number): void => {
    relax();
    for (const [index, cost] of disks.entries()) disks[index] = cost + rent * (at - last);
    bucket += store * (at - last);
    last = at;
    relax();
  };
  for (const at of views) {
    for (; (losses[loss]?.at ?? Number.POSITIVE_INFINITY) <= at; loss += 1) {
      const { at: when, node } = losses[loss] ?? { at: 0, node: 0 };
      if (when <= last) continue;
      pass(when);
      disks[node] = Number.POSITIVE_INFINITY;
    }
    pass(at);
    const away = awayAt(losses, at);
    const made = nowhere + render + fromNode;
    for (const [index, cost] of disks.entries())
      disks[index] = Math.min(cost + fromNode, away.has(index) ? Number.POSITIVE_INFINITY : made);
    bucket += fromBucket;
    nowhere = Math.min(made, Math.min(...disks), bucket);
  }
  relax();
  return { total: nowhere, first: render };
}

/** Nodes that are away. */
const awayAt = (losses: readonly Extract<TraceEvent, { kind: 'loss' }>[], at: number): ReadonlySet<number> =>
  new Set(losses.filter((loss) => loss.at <= at && at < loss.at + loss.seconds).map(({ node }) => node));
