import type { Stall } from './playhead.ts';

/** A video that is played. */
export interface Video {
  readonly id: string;
  readonly url: string;
  readonly seconds: number;
}

/** One playing of a video, from its start to its end. */
export interface Session {
  readonly who: string;
  readonly video: Video;
  /** A simulated player, a real ffmpeg, or somebody who fetches everything at the end. */
  readonly kind: 'player' | 'ffmpeg' | 'late';
  /** Segments of picture and sound; for ffmpeg, which tells nothing of them, frames. */
  readonly expected: number;
  readonly got: number;
  /** Pictures. */
  readonly frames: number;
  /** What was not as it has to be. */
  readonly wrong: readonly string[];
  /** Failures that trying again got over. */
  readonly gotOver: readonly string[];
  /** Why it ended before its end; `interrupted`: because the run did. */
  readonly died: string | undefined;
  /** Until the lists were there, in milliseconds. */
  readonly openedMs: number;
  readonly stalls: readonly Stall[];
}
