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
import { isViewedAt, segmentsIn } from './video-state.ts';

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

/** What a viewer needs to exist when they begin; and whether they watch it, or it is only rendered ahead of them. */
interface Need {
  readonly at: number;
  readonly isWatched: boolean;
}

/** Segments that the same views come to. */
interface Stretch {
  readonly segments: number;
  readonly needs: readonly Need[];
}

/**
 * The offline optimum: the cost of whoever knows the whole trace beforehand, has disks without end and nodes that are back at once,
 * copies in no time, and decides for each segment alone. It renders what nodes render: from where somebody begins to `aheadSeconds`
 * beyond where they end. No policy that renders as far can do better, so it bounds them all from below. By dynamic programming over what
 * happens to a segment: at each moment it is nowhere, on the disk of one of the nodes, or in the bucket, and each of them has its
 * least cost so far.
 */
export const optimumOf = (trace: Trace, prices: Prices, aheadSeconds = Number.POSITIVE_INFINITY): Optimum =>
  finish(optimising(trace, prices, aheadSeconds));

/** As {@link optimumOf}, in steps. */
export function* optimising(trace: Trace, prices: Prices, aheadSeconds: number): Steps<Optimum> {
  const views: View[][] = trace.videos.map(() => []);
  const losses: Loss[] = [];
  for (const event of trace.events) {
    if (event.kind === 'view') views[event.video]?.push(event);
    else if (event.kind === 'loss') losses.push(event);
  }
  let [total, rendering] = [0, 0];
  for (const [number, video] of trace.videos.entries()) {
    if (number % videosInStep === 0) yield number / trace.videos.length;
    for (const { segments, needs } of stretchesOf(video, views[number] ?? [], aheadSeconds)) {
      for (const isViewed of [true, false]) {
        const weight = weightOf(video, segments, isViewed);
        if (weight === undefined) continue;
        const wanted = isViewed ? needs : needs.map(({ at }) => ({ at, isWatched: false }));
        rendering += renderPrice(weight, prices);
        total += leastCost(weight, wanted, losses, trace.nodes, prices);
      }
    }
  }
  return { total, rendering };
}

/** A video, cut where views begin or end. Where it has more segments than cells, only whole cells of a view count: never too much. */
function stretchesOf(video: TraceVideo, views: readonly View[], aheadSeconds: number): Stretch[] {
  const cell = Math.ceil(video.segments / mostCells);
  const endOf = (end: number): number =>
    end === video.segments ? Math.ceil(end / cell) : Math.floor(end / cell);
  const spans = views.map(({ at, from, to }) => {
    const [first, end] = segmentsIn(video, from, to);
    const rendered = segmentsIn(video, from, Math.min(video.seconds, to + aheadSeconds))[1];
    return { at, from: Math.ceil(first / cell), watched: endOf(end), rendered: endOf(rendered) };
  });
  const cuts = [...new Set(spans.flatMap((span) => [span.from, span.watched, span.rendered]))].toSorted(
    (a, b) => a - b,
  );
  return cuts.slice(1).flatMap((to, index) => {
    const from = cuts[index] ?? 0;
    const needs = spans.flatMap((span): Need[] =>
      span.from <= from && to <= span.rendered ? [{ at: span.at, isWatched: to <= span.watched }] : [],
    );
    if (needs.length === 0) return [];
    return [{ segments: Math.min(video.segments, to * cell) - from * cell, needs }];
  });
}

/** So many segments of all renditions that viewers get, or of all others; undefined: there are none. */
function weightOf(video: TraceVideo, segments: number, isViewed: boolean): Weight | undefined {
  const renditions = video.renditions.filter((_, index) => isViewedAt(video.renditions, index) === isViewed);
  if (renditions.length === 0) return undefined;
  const part = segments / video.segments;
  const sum = (all: TraceVideo['renditions']): number => all.reduce((total, { bytes }) => total + bytes, 0);
  const [own, all] = [sum(renditions), sum(video.renditions)];
  const share = all === 0 ? renditions.length / video.renditions.length : own / all;
  return {
    bytes: own * part,
    objects: renditions.length * segments,
    cpuSeconds: video.cpuSeconds * part * share,
  };
}

/** Least cost of what is needed at these times, in order. */
function leastCost(
  weight: Weight,
  needs: readonly Need[],
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
  let [last, loss] = [needs[0]?.at ?? 0, 0];
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
  for (const { at, isWatched } of needs) {
    for (let next = losses[loss]; next !== undefined && next.at < at; next = losses[loss]) {
      loss += 1;
      if (next.at <= last) continue;
      pass(next.at);
      if (next.node < nodes) disks[next.node] = Number.POSITIVE_INFINITY;
    }
    pass(at);
    const made = nowhere + render;
    for (const [index, cost] of disks.entries())
      disks[index] = Math.min(cost, made) + (isWatched ? fromNode : 0);
    if (isWatched) bucket += fromBucket;
    nowhere = Math.min(bucket, ...disks);
  }
  return nowhere;
}
