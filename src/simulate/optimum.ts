import {
  bucketServePrice,
  copyPrice,
  diskPrice,
  nodeServePrice,
  renderPrice,
  storePrice,
  type Weight,
} from '../policy/cost.ts';
import type { Prices } from '../policy/document/prices.ts';
import { finish, type Steps } from './steps.ts';
import type { Trace, TraceEvent, TraceVideo } from './trace.ts';
import { segmentsIn } from './video-state.ts';

/** The least that a trace can cost, and how much of it is the first rendering, which nobody can save. */
export interface Optimum {
  readonly total: number;
  readonly rendering: number;
}

/** So many videos are looked at in one step. */
const videosInStep = 50;
/** A video is cut into so many cells at most, where it has more segments. */
const mostCells = 256;

type View = Extract<TraceEvent, { kind: 'view' }>;
type Loss = Extract<TraceEvent, { kind: 'loss' }>;

/** Segments that the same views come to, and when. */
interface Stretch {
  readonly segments: number;
  readonly times: readonly number[];
}

/**
 * The offline optimum: the cost of whoever knows the whole trace beforehand, has disks without end and nodes that are back at once,
 * copies in no time, and decides for each segment alone. No policy can do better, so it bounds them all from below. By dynamic
 * programming over what happens to a segment: at each moment it is nowhere, on the disk of one of the nodes, or in the bucket, and each
 * of them has its least cost so far.
 */
export const optimumOf = (trace: Trace, prices: Prices): Optimum => finish(optimising(trace, prices));

/** As {@link optimumOf}, in steps. */
export function* optimising(trace: Trace, prices: Prices): Steps<Optimum> {
  const views: View[][] = trace.videos.map(() => []);
  const losses: Loss[] = [];
  for (const event of trace.events) {
    if (event.kind === 'view') views[event.video]?.push(event);
    else if (event.kind === 'loss') losses.push(event);
  }
  let [total, rendering] = [0, 0];
  for (const [number, video] of trace.videos.entries()) {
    if (number % videosInStep === 0) yield number / trace.videos.length;
    for (const { segments, times } of stretchesOf(video, views[number] ?? [])) {
      const weight = weightOf(video, segments);
      rendering += renderPrice(weight, prices);
      total += leastCost(weight, times, losses, trace.nodes, prices);
    }
  }
  return { total, rendering };
}

/** A video, cut where views begin or end. Where it has more segments than cells, only whole cells of a view count: never too much. */
function stretchesOf(video: TraceVideo, views: readonly View[]): Stretch[] {
  const cell = Math.ceil(video.segments / mostCells);
  const spans = views.flatMap(({ at, from, to }) => {
    const [first, end] = segmentsIn(video, from, to);
    const [a, b] = [Math.ceil(first / cell), end === video.segments ? Math.ceil(end / cell) : Math.floor(end / cell)];
    return a < b ? [{ at, a, b }] : [];
  });
  const cuts = [...new Set(spans.flatMap(({ a, b }) => [a, b]))].toSorted((a, b) => a - b);
  return cuts.slice(1).flatMap((to, index) => {
    const from = cuts[index] ?? 0;
    const times = spans.filter(({ a, b }) => a <= from && to <= b).map(({ at }) => at);
    if (times.length === 0) return [];
    return [{ segments: Math.min(video.segments, to * cell) - from * cell, times }];
  });
}

/** Segments of all renditions that are viewed. What nobody views is not even rendered. */
function weightOf(video: TraceVideo, segments: number): Weight {
  const all = video.renditions.reduce((sum, { bytes }) => sum + bytes, 0);
  const viewed = video.renditions.filter(({ kind }, index) => index === 0 || kind === 'audio');
  const part = segments / video.segments;
  const bytes = viewed.reduce((sum, rendition) => sum + rendition.bytes, 0) * part;
  return {
    bytes,
    objects: viewed.length * segments,
    cpuSeconds: all === 0 ? 0 : (video.cpuSeconds * bytes) / all,
  };
}

/** Least cost of what is viewed at these times, in order. */
function leastCost(
  weight: Weight,
  views: readonly number[],
  losses: readonly Loss[],
  nodes: number,
  prices: Prices,
): number {
  const [render, copy] = [renderPrice(weight, prices), copyPrice(weight, prices)];
  const [rent, store] = [diskPrice(weight, prices), storePrice(weight, prices)];
  const [fromNode, fromBucket] = [nodeServePrice(weight, prices), bucketServePrice(weight, prices)];

  // Least cost so far of: being nowhere; on the disk of node i; in the bucket.
  let nowhere = 0;
  let bucket = Number.POSITIVE_INFINITY;
  const disks: number[] = Array.from({ length: nodes }, () => Number.POSITIVE_INFINITY);
  let [last, loss] = [views[0] ?? 0, 0];
  const pass = (at: number): void => {
    for (const [index, cost] of disks.entries()) {
      bucket = Math.min(bucket, cost + copy);
      disks[index] = cost + rent * (at - last);
    }
    bucket += store * (at - last);
    last = at;
    for (const cost of disks) bucket = Math.min(bucket, cost + copy);
    nowhere = Math.min(nowhere, bucket, ...disks);
  };
  for (const at of views) {
    for (let next = losses[loss]; next !== undefined && next.at < at; next = losses[loss]) {
      loss += 1;
      if (next.at <= last) continue;
      pass(next.at);
      if (next.node < nodes) disks[next.node] = Number.POSITIVE_INFINITY;
    }
    pass(at);
    for (const [index, cost] of disks.entries()) disks[index] = Math.min(cost, nowhere + render) + fromNode;
    bucket += fromBucket;
    nowhere = Math.min(bucket, ...disks);
  }
  return nowhere;
}
