import { countOf, difference, type Ranges, unionOf } from '../catalog/ranges.ts';
import { type Demand, reachParts, type VideoFacts } from '../policy/facts.ts';
import type { Matched } from '../policy/match.ts';
import type { TraceRendition, TraceVideo } from './trace.ts';

/** Where a rendition's segments are, in a simulation. */
interface RenditionState {
  readonly name: string;
  readonly kind: string;
  /** Bytes of one segment. */
  readonly segmentBytes: number;
  /** Share of the CPU seconds of a segment. */
  readonly share: number;
  /** Whether a view transfers it. */
  readonly isViewed: boolean;
  here: Ranges;
  stored: Ranges;
  /** On their way to the bucket. */
  queued: Ranges;
  /** Whatever was rendered at some time. */
  made: Ranges;
}

/** Somebody who watches: at `from` (seconds of the video) when it was `since`, and until `until` (seconds of the trace). */
export interface Watcher {
  readonly from: number;
  readonly since: number;
  readonly until: number;
}

/** A video in a simulation. Times in seconds of the trace. */
export interface VideoState {
  readonly trace: TraceVideo;
  /** Its number in the trace. */
  readonly number: number;
  readonly renditions: readonly RenditionState[];
  /** Which node has what is `here`. */
  node: number | undefined;
  firstAt: number;
  lastAt: number;
  views: number;
  readonly viewers: Set<string>;
  minutesWatched: number;
  readonly reach: number[];
  againCpu: number;
  watchers: Watcher[];
  /** Seconds with their only copy on its node, as last counted. */
  exposed: number;
  /** Counts its views: a look that was planned before the last one is none of the present. */
  look: number;
}

/** Whether viewers get a rendition: the first, and what is heard. */
export const isViewedAt = (renditions: readonly TraceRendition[], index: number): boolean =>
  index === 0 || renditions[index]?.kind === 'audio';

/** A video before anybody has watched it. */
export function newVideoState(trace: TraceVideo, number: number): VideoState {
  const bytes = trace.renditions.reduce((sum, rendition) => sum + rendition.bytes, 0);
  return {
    trace,
    number,
    renditions: trace.renditions.map((rendition, index) => ({
      name: rendition.name,
      kind: rendition.kind,
      segmentBytes: rendition.bytes / trace.segments,
      share: bytes === 0 ? 1 / trace.renditions.length : rendition.bytes / bytes,
      isViewed: isViewedAt(trace.renditions, index),
      here: [],
      stored: [],
      queued: [],
      made: [],
    })),
    node: undefined,
    firstAt: Number.NaN,
    lastAt: Number.NaN,
    views: 0,
    viewers: new Set(),
    minutesWatched: 0,
    reach: Array.from({ length: reachParts }, () => 0),
    againCpu: 0,
    watchers: [],
    exposed: 0,
    look: 0,
  };
}

/** Seconds of a segment: in a trace all are equal. */
export const segmentSeconds = ({ seconds, segments }: TraceVideo): number => seconds / segments;

/** Segments that hold something of `from` to `to` (seconds of the video). */
export function segmentsIn(trace: TraceVideo, from: number, to: number): readonly [number, number] {
  const length = segmentSeconds(trace);
  const last = Math.min(trace.segments, Math.max(1, Math.ceil(to / length - 1e-9)));
  return [Math.min(last - 1, Math.max(0, Math.floor(from / length + 1e-9))), last];
}

/** Parts of a video that `from` to `to` (seconds of it) comes to. */
export function partsIn({ seconds }: TraceVideo, from: number, to: number): readonly [number, number] {
  const last = Math.min(reachParts, Math.max(1, Math.ceil((to / seconds) * reachParts - 1e-9)));
  return [Math.min(last - 1, Math.max(0, Math.floor((from / seconds) * reachParts + 1e-9))), last];
}

/** Seconds of which the only copy is on the video's node. */
export const exposureNow = ({ trace, renditions }: VideoState): number =>
  Math.max(...renditions.map(({ here, stored }) => countOf(difference(here, stored)))) *
  segmentSeconds(trace);

/** What rules look at. `startedAt`: as below. */
export const matchedOf = ({ trace, firstAt }: VideoState, startedAt: number): Matched => ({
  labels: trace.labels,
  size: trace.size,
  seconds: trace.seconds,
  createdAt: startedAt + firstAt * 1000,
  cpuSeconds: trace.cpuSeconds,
});

/**
 * The video as the policy sees it. `startedAt`: milliseconds since 1970 of the beginning of the trace. `withQueued`: what is on its
 * way to the bucket counts as there, so that it is not sent twice.
 */
export function factsOf(video: VideoState, at: number, startedAt: number, withQueued = false): VideoFacts {
  const { trace, renditions } = video;
  const viewed = renditions.filter(({ isViewed }) => isViewed);
  return {
    ...matchedOf(video, startedAt),
    id: trace.id,
    againCpuSeconds: video.againCpu,
    isRemakable: true,
    renditions: renditions.map(({ name, kind, segmentBytes, here, stored, queued }) => ({
      name,
      kind,
      segments: trace.segments,
      bytes: segmentBytes * trace.segments,
      here,
      stored: withQueued && queued.length > 0 ? unionOf(stored, queued) : stored,
      elsewhere: [],
    })),
    view: {
      bytes: viewed.reduce((sum, { segmentBytes }) => sum + segmentBytes * trace.segments, 0),
      objects: viewed.length * trace.segments,
    },
    demand: demandOf(video, at, startedAt),
  };
}

function demandOf(video: VideoState, at: number, startedAt: number): Demand {
  video.watchers = video.watchers.filter(({ until }) => until > at);
  return {
    viewers: Math.max(video.viewers.size, video.viewers.size === 0 ? video.views : 0),
    minutesWatched: video.minutesWatched,
    reach: video.reach,
    lastAt: startedAt + video.lastAt * 1000,
    playheads: video.watchers.map(({ from, since }) => (from + at - since) / video.trace.seconds),
  };
}
