import type { Canvas, SKRSContext2D } from '@napi-rs/canvas';

/** What a module is told about the video it makes. */
export interface ModuleContext {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Frames a second. */
  readonly fps: number;
  /** Frames in the whole video. */
  readonly frameCount: number;
  /** Seconds of the whole video. */
  readonly duration: number;
  /** From the description. */
  readonly seed: number;
  /** From the description: any JSON object. Modules check it themselves. */
  readonly params: Readonly<Record<string, unknown>>;
  /** A number in [0, 1) that depends on the seed and the labels alone: `random('star', 7)`. */
  readonly random: (...labels: (string | number)[]) => number;
}

/** What `frame` draws on. */
export interface FrameContext extends ModuleContext {
  /** Reset to its defaults before every frame, on opaque black. */
  readonly ctx: SKRSContext2D;
  readonly canvas: Canvas;
  /** Seconds from the start of the video to this frame. */
  readonly time: number;
}

/** What `audio` is told. */
export interface AudioContext extends ModuleContext {
  readonly sampleRate: 48_000;
}

/** Stereo samples between -1 and 1: interleaved (L R L R ...), or one array a channel. */
export type StereoSamples = Float32Array | readonly [Float32Array, Float32Array];

/**
 * What an operator's module exports. Both functions must be pure: any segment may be made first, alone, again and on
 * another machine, in a worker thread of its own, so nothing may be kept from one call to the next (a cache that does
 * not change the result is fine) and neither clock nor network be read. `Math.random` is seeded anew for each call.
 */
export interface VideoModule {
  /** Draws frame n, counted from 0. */
  frame(n: number, context: FrameContext): void | Promise<void>;
  /** Samples from..to (to excluded), counted from 0, at 48 kHz. Left out: silence. */
  audio?(from: number, to: number, context: AudioContext): StereoSamples | Promise<StereoSamples>;
}
