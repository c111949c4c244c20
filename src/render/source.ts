/**
 * What a description compiles to for one segment, whatever its kind: arguments and a filter graph for one ffmpeg process.
 * The graph must be pure: what it shows at frame f depends on (description, f) only, so no filter may carry state from
 * before the window.
 */
export interface SourcePlan {
  /** ffmpeg input arguments, each ending in `-i`, target. The target of an input that a {@link Feed} fills is {@link feedTarget}. */
  readonly inputs: readonly (readonly string[])[];
  /**
   * Filter graph that ends in the pads `[v]` (exactly `frameCount` frames, yuv420p in BT.709 limited range, exact size and
   * rate, PTS from 0) and `[a]` (exactly `sampleCount` stereo fltp samples at 48 kHz, PTS from 0).
   */
  readonly filterGraph: string;
  /** Streams that Segue itself writes into ffmpeg (module kind); the input named reads them from a pipe. */
  readonly feeds?: readonly Feed[];
}

/** A stream of raw bytes that Segue writes into one input of ffmpeg. */
export interface Feed {
  /** Index into {@link SourcePlan.inputs}. */
  readonly inputIndex: number;
  /**
   * Raw bytes, in order. Iteration ends with the stream; an error thrown by it fails the segment. Called once. A chunk is
   * the feed's own again as soon as the next is asked for.
   */
  readonly bytes: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
}

/** Placeholder for the target of an input that a {@link Feed} fills: replaced by `pipe:FD` when ffmpeg is started. */
export const feedTarget = 'pipe:feed';
