import { countOf, difference, intersection, type Ranges, unionOf } from '../catalog/ranges.ts';
import type { Prices } from '../policy/document/prices.ts';
import type { RenditionRanges } from '../policy/facts.ts';
import { type NodeState, newNodes, nodeFor, noteLoad } from './nodes.ts';
import { billOf, noQuantities, type Quantities, totalOf } from './quantities.ts';
import type { Trace } from './trace.ts';
import { exposureNow, newVideoState, segmentsIn, type VideoState } from './video-state.ts';

/** A run at one time; `at` in seconds of the trace. */
export interface Sample {
  readonly at: number;
  /** Seconds of media whose only copy is one node. */
  readonly exposure: number;
  /** Bytes in the bucket, and on the disks. */
  readonly stored: number;
  readonly disk: number;
  /** What was paid until then. */
  readonly money: number;
}

/** Ranges of a video's renditions, by their number. */
export type Copies = readonly (readonly [rendition: number, ranges: Ranges])[];

/** Segments `from <= n < to`. */
export type Span = readonly [from: number, to: number];

/** Samples of one run. */
const sampleCount = 240;

/** What the policy acts upon: videos, nodes, bucket, and a clock that counts what everything uses. It decides nothing itself. */
export interface World {
  readonly nodes: readonly NodeState[];
  readonly used: Quantities;
  readonly samples: readonly Sample[];
  /** Seconds of the trace. */
  readonly now: number;
  /** Lets time pass. */
  advance(at: number): void;
  /** A video by its number; undefined where the trace has none. */
  video(number: number): VideoState | undefined;
  /** The node that has something of a video. */
  holderOf(video: VideoState): NodeState | undefined;
  /** Renders what is nowhere of some segments. Says who did, and whether some of it had been rendered before. */
  render(video: VideoState, span: Span): { readonly node: NodeState; readonly isAgain: boolean } | undefined;
  /** Serves segments to one viewer, from the bucket where it has them. */
  serve(video: VideoState, span: Span): void;
  /** Takes segments off the disk of a video's node. */
  drop(video: VideoState, ranges: readonly RenditionRanges[]): void;
  /** What was queued for the bucket is there, but what left the disk before. */
  store(video: VideoState, copies: Copies, isSent: boolean): void;
  /** Takes everything of a video out of the bucket. */
  expire(video: VideoState): void;
  /** A node is gone with its disk. Calls `onGone` for each of its videos with the segments that are nowhere now. */
  lose(node: NodeState, seconds: number, onGone: (video: VideoState, gone: Ranges) => void): void;
}

/** A world before anything has happened. */
export function newWorld(trace: Trace, prices: Prices): World {
  const nodes = newNodes(trace.nodes);
  const videos: (VideoState | undefined)[] = Array.from({ length: trace.videos.length });
  const used = noQuantities();
  const samples: Sample[] = [];
  let [now, stored, disk, exposure] = [0, 0, 0, 0];

  const pass = (until: number): void => {
    used.storedByteSeconds += stored * (until - now);
    used.diskByteSeconds += disk * (until - now);
    now = until;
  };
  const settle = (video: VideoState): void => {
    const exposed = exposureNow(video);
    exposure += exposed - video.exposed;
    video.exposed = exposed;
  };
  const holderOf = (video: VideoState): NodeState | undefined =>
    video.node === undefined ? undefined : nodes[video.node];

  return {
    nodes,
    used,
    samples,
    get now() {
      return now;
    },
    advance(at) {
      for (;;) {
        const next = (samples.length * trace.seconds) / (sampleCount - 1);
        if (next > at || samples.length >= sampleCount) break;
        pass(next);
        samples.push({ at: now, exposure, stored, disk, money: totalOf(billOf(used, prices)) });
      }
      pass(at);
    },
    video(number) {
      const facts = trace.videos[number];
      if (facts === undefined) return undefined;
      return (videos[number] ??= newVideoState(facts, number));
    },
    holderOf,
    render(video, span) {
      const missing = video.renditions.map(({ here, stored: there }) =>
        difference(difference([span], here), there),
      );
      if (missing.every((ranges) => ranges.length === 0)) return undefined;
      const node = holderOf(video) ?? nodeFor(nodes, video.number, now);
      if (node === undefined) return undefined;
      let [first, again, bytes] = [0, 0, 0];
      for (const [index, rendition] of video.renditions.entries()) {
        const ranges = missing[index] ?? [];
        const before = countOf(intersection(ranges, rendition.made));
        const cpu = (video.trace.cpuSeconds / video.trace.segments) * rendition.share;
        again += before * cpu;
        first += (countOf(ranges) - before) * cpu;
        bytes += countOf(ranges) * rendition.segmentBytes;
        rendition.here = unionOf(rendition.here, ranges);
        rendition.made = unionOf(rendition.made, ranges);
      }
      used.firstCpu += first;
      used.againCpu += again;
      video.againCpu += again;
      video.node = node.number;
      node.videos.add(video);
      node.used += bytes;
      disk += bytes;
      noteLoad(node, now, first + again, 0);
      settle(video);
      return { node, isAgain: again > 0 };
    },
    serve(video, [from, to]) {
      const node = holderOf(video);
      for (const { isViewed, stored: there, segmentBytes } of video.renditions) {
        if (!isViewed) continue;
        const inBucket = countOf(intersection([[from, to]], there));
        const fromNode = (to - from - inBucket) * segmentBytes;
        used.gets += inBucket;
        used.bucketBytesOut += inBucket * segmentBytes;
        used.nodeBytesOut += fromNode;
        if (node !== undefined && fromNode > 0) noteLoad(node, now, 0, fromNode);
      }
    },
    drop(video, leaving) {
      const node = holderOf(video);
      if (node === undefined) return;
      for (const { name, ranges } of leaving) {
        const rendition = video.renditions.find((one) => one.name === name);
        if (rendition === undefined) continue;
        const bytes = countOf(intersection(rendition.here, ranges)) * rendition.segmentBytes;
        rendition.here = difference(rendition.here, ranges);
        node.used -= bytes;
        disk -= bytes;
      }
      if (video.renditions.every(({ here }) => here.length === 0)) {
        node.videos.delete(video);
        video.node = undefined;
      }
      settle(video);
    },
    store(video, copies, isSent) {
      for (const [index, ranges] of copies) {
        const rendition = video.renditions[index];
        if (rendition === undefined) continue;
        rendition.queued = difference(rendition.queued, ranges);
        if (!isSent) continue;
        const sent = difference(intersection(ranges, rendition.here), rendition.stored);
        const bytes = countOf(sent) * rendition.segmentBytes;
        used.puts += countOf(sent);
        used.copiedBytes += bytes;
        stored += bytes;
        rendition.stored = unionOf(rendition.stored, sent);
      }
      settle(video);
    },
    expire(video) {
      for (const rendition of video.renditions) {
        stored -= countOf(rendition.stored) * rendition.segmentBytes;
        rendition.stored = [];
      }
      settle(video);
    },
    lose(node, seconds, onGone) {
      node.life += 1;
      node.awayUntil = now + seconds;
      const held = [...node.videos];
      node.videos.clear();
      disk -= node.used;
      node.used = 0;
      for (const video of held) {
        const gone = unionOf(...video.renditions.map(({ here, stored: there }) => difference(here, there)));
        for (const rendition of video.renditions) [rendition.here, rendition.queued] = [[], []];
        video.node = undefined;
        settle(video);
        onGone(video, gone);
      }
    },
  };
}

/** What of the rest of a view somebody still has to get: the segments from where they are. */
export const restOf = (
  { trace }: VideoState,
  { from, since, until }: VideoState['watchers'][number],
  now: number,
): Span => segmentsIn(trace, from + now - since, from + until - since);
