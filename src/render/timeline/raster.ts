import { setImmediate } from 'node:timers/promises';
import type { Yuv } from './color.ts';
import type { Graph, Pad } from './graph.ts';

/** Size of a picture in pixels; both even. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Bytes of one yuv420p frame. */
export const frameBytes = ({ width, height }: Size): number => (width * height * 3) / 2;

/** Steps of a palette. */
export const paletteSize = 1024;

/** {@link paletteSize} colours, by the level 0 to 1 that they stand for. */
export const paletteOf = (colorAt: (level: number) => Yuv): readonly Yuv[] =>
  Array.from({ length: paletteSize }, (_, index) => colorAt(index / (paletteSize - 1)));

/** Rows painted before other work of the process gets its turn. */
const rowsAtOnce = 32;

/**
 * Paints one yuv420p frame: `levelAt` gives 0 to 1 (clipped) at a point in pixels, the palette the colour. Chroma is that of the
 * first of its four luma pixels.
 */
export async function paint(
  size: Size,
  levelAt: (x: number, y: number) => number,
  palette: readonly Yuv[],
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { width, height } = size;
  const bytes = new Uint8Array(frameBytes(size));
  const [chromaU, chromaV] = [width * height, (width * height * 5) / 4];
  const last = paletteSize - 1;
  for (let y = 0; y < height; y += 1) {
    if (y % rowsAtOnce === 0) await setImmediate(undefined, { signal });
    for (let x = 0; x < width; x += 1) {
      const index = Math.round(levelAt(x + 0.5, y + 0.5) * last);
      const color = palette[index < 0 ? 0 : Math.min(index, last)];
      if (color === undefined) continue;
      bytes[y * width + x] = color.y;
      if (x % 2 !== 0 || y % 2 !== 0) continue;
      const chroma = (y * width) / 4 + x / 2;
      bytes[chromaU + chroma] = color.u;
      bytes[chromaV + chroma] = color.v;
    }
  }
  return bytes;
}

/** Adds an input of yuv420p frames that Segue paints itself, and returns its pad. */
export function rasterInput(
  graph: Graph,
  { width, height }: Size,
  fps: number,
  frames: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
): Pad {
  const format = ['-f', 'rawvideo', '-pixel_format', 'yuv420p', '-video_size', `${width}x${height}`];
  const index = graph.feed([...format, '-framerate', String(fps), '-threads', '1'], frames);
  return `${index}:v:0`;
}
