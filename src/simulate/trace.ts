/** A rendition of a video in a trace. */
export interface TraceRendition {
  readonly name: string;
  readonly kind: string;
  /** Bytes of all its segments. */
  readonly bytes: number;
}

/** A video in a trace. */
export interface TraceVideo {
  readonly id: string;
  readonly labels: readonly string[];
  /** Length in seconds. */
  readonly seconds: number;
  /** Shorter side in pixels. */
  readonly size: number;
  /** Segments of each rendition. */
  readonly segments: number;
  /** CPU seconds to render all of it once. */
  readonly cpuSeconds: number;
  /** The first is what viewers get; what is heard they get as well. */
  readonly renditions: readonly TraceRendition[];
}

/** What happens, at `at` seconds after the beginning of the trace. Nodes are numbered from 0. */
export type TraceEvent =
  /** Somebody watches a video from `from` to `to` (seconds of the video), in real time. */
  | {
      readonly kind: 'view';
      readonly at: number;
      /** Number of the video. */
      readonly video: number;
      readonly from: number;
      readonly to: number;
      readonly viewer?: string;
    }
  /** A node is gone with its disk, and is back, empty, after `seconds`. */
  | { readonly kind: 'loss'; readonly at: number; readonly node: number; readonly seconds: number }
  /** A node is known not to last: it drains, its disk fills, a deployment comes. For `seconds`. */
  | { readonly kind: 'trouble'; readonly at: number; readonly node: number; readonly seconds: number };

/** Demand on a deployment, as recorded or made up. */
export interface Trace {
  readonly name: string;
  /** Length in seconds. */
  readonly seconds: number;
  readonly nodes: number;
  /** Bytes of segments that each node may keep. */
  readonly diskBytes: number;
  /** Milliseconds since 1970 at its beginning: rules know times of day. */
  readonly startedAt: number;
  readonly videos: readonly TraceVideo[];
  /** In order of time. */
  readonly events: readonly TraceEvent[];
}
