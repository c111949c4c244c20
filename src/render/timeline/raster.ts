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
 * Paints one yuv420p frame: `levelAt` gives 0 to 1 (clipped) at a point in pixels, the palette the colour. Chroma is taken
 * between its four luma pixels (MPEG-1 siting).
 */
export async function paint(
  size: Size,
  levelAt: (x: number, y: number) => number,
  palette: readonly Yuv[],
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { width, height } = size;
  const bytes = new Uint8Array(frameBytes(size));
  const [chromaWidth, chromaU] = [width / 2, width * height];
  const chromaV = chromaU + (width * height) / 4;
  const colorAt = (x: number, y: number) => {
    const index = Math.round(levelAt(x, y) * (paletteSize - 1));
    return palette[Math.min(paletteSize - 1, Math.max(0, index))];
  };
  for (let y = 0; y < height; y += 1) {
    if (y % rowsAtOnce === 0) await setImmediate(undefined, { signal });
    for (let x = 0; x < width; x += 1) bytes[y * width + x] = colorAt(x + 0.5, y + 0.5)?.y ?? 0;
    if (y % 2 !== 0) continue;
    const row = (y / 2) * chromaWidth;
    for (let x = 0; x < chromaWidth; x += 1) {
      const color = colorAt(2 * x + 1, y + 1);
      bytes[chromaU + row + x] = color?.u ?? 0;
      bytes[chromaV + row + x] = color?.v ?? 0;
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
