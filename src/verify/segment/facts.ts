/** A track of a segment. Times in units of its timescale. */
export interface TrackFacts {
  /** track_ID, or the PID. */
  readonly id: number;
  readonly kind: 'video' | 'audio' | 'text' | 'image' | 'unknown';
  /** RFC 6381, as far as it is known; '' where nothing is. */
  readonly codec: string;
  readonly timescale: number;
  /** Decode time of the first sample. */
  readonly start: number;
  /** Earliest presentation time. */
  readonly shown: number;
  /** Sum of sample durations. */
  readonly duration: number;
  /** How far a join may be off because the duration had to be guessed; 0 where it is written. */
  readonly slack: number;
  readonly samples: number;
  /** Undefined where it cannot be told. */
  readonly firstIsSync: boolean | undefined;
  /** Pixels; 0 where unknown. */
  readonly width: number;
  readonly height: number;
  /** Most frequent frames a second of video; undefined where unknown. */
  readonly frameRate: number | undefined;
  /** Audio samples a second; 0 where unknown. */
  readonly sampleRate: number;
}

/** What a segment is. */
export type Container = 'fmp4' | 'ts' | 'packed' | 'webvtt' | 'image';

/** A subtitle, in seconds of the rendition's timeline. */
export interface Cue {
  readonly from: number;
  readonly to: number;
}

/** What can be read of a segment. */
export interface SegmentFacts {
  readonly container: Container;
  readonly tracks: readonly TrackFacts[];
  /** Bytes of empty `free` boxes or null packets in front: the answer was held. */
  readonly padding: number;
  /** Timestamps are counted modulo this, in seconds; 0 where they are not. */
  readonly wrap: number;
  readonly cues: readonly Cue[];
  /** Last continuity counter by PID, and the first (MPEG-TS). */
  readonly counters: ReadonlyMap<number, readonly [first: number, last: number]>;
}

/** What most formats have none of. */
export const noFacts = {
  padding: 0,
  wrap: 0,
  cues: [],
  counters: new Map<number, readonly [number, number]>(),
};

/** The track by which a segment is timed: its video, or the first that there is. */
export function leadTrack(facts: SegmentFacts | undefined): TrackFacts | undefined {
  return facts?.tracks.find(({ kind }) => kind === 'video') ?? facts?.tracks[0];
}

/** Bytes that are not what they should be. The message says where. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

/** The value, or the FormatError that reading threw. */
export function attempt<T>(read: () => T): T | FormatError {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) return error;
    // A DataView refuses to read past its end.
    if (error instanceof RangeError)
      return new FormatError('something is too short for its fields', { cause: error });
    throw error;
  }
}
