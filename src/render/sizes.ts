import type { FrameRate } from '../grid/grid.ts';

/** A size in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Length of a scaled side: yuv420p needs even sizes. */
function scaled(length: number, scale: number): number {
  return Math.max(2, Math.round((length * scale) / 2) * 2);
}

/** A fraction of a size. */
export function scaledSize({ width, height }: Size, scale: number): Size {
  return { width: scaled(width, scale), height: scaled(height, scale) };
}

/** The largest size of the same shape within a box; never larger than the size itself. */
export function sizeWithin(size: Size, box: Size): Size {
  return scaledSize(size, Math.min(1, box.width / size.width, box.height / size.height));
}

/** Video time runs in units in which a frame is a whole number, also at NTSC rates: 25/1 -> 25000, 30000/1001 -> 30000. */
export function videoTimescale(frameRate: FrameRate): { timescale: number; sampleDuration: number } {
  if (frameRate.den === 1) return { timescale: frameRate.num * 1000, sampleDuration: 1000 };
  return { timescale: frameRate.num, sampleDuration: frameRate.den };
}
