import type { FrameRate } from '../../grid/grid.ts';

/**
 * What a video encoder is asked for. Each has one thread: the rate control of all three looks at how far its other threads are,
 * so that with two of them the bytes depend on how busy the machine is.
 */
export interface VideoCodingInput {
  readonly width: number;
  readonly height: number;
  readonly frameRate: FrameRate;
  /** Constant rate factor on the encoder's own scale: lower is better and larger. */
  readonly crf: number;
  /** The encoder's own name or number for its speed. */
  readonly preset: string;
}

/** How one size is encoded. */
export interface VideoCoding {
  /** RFC 6381. */
  readonly codecs: string;
  readonly bandwidth: number;
  readonly averageBandwidth: number;
  /** ffmpeg output options. */
  readonly encoderArgs: readonly string[];
}
