import { filter, numeral } from './graph.ts';
import type { Canvas, Rect } from './layout.ts';
import { held } from './picture.ts';
import type { Size } from './raster.ts';
import type { Span } from './span.ts';

/** Where a window into a larger still is, as expressions of ffmpeg in `t`: 0 to 1 of the room there is. */
export interface Path {
  readonly x: string;
  readonly y: string;
}

/** Seconds since a clip began, times its speed, as an expression in the absolute time `t`. */
export function clipTime({ fps }: Canvas, clip: Span, speed: number): string {
  return `((t*${fps}-${clip.from})*${numeral(speed / fps)})`;
}

/** A smooth way around the room: two turns a second for `turns` = 2; phases 0 to 1. */
export function wandering(
  time: string,
  turns: readonly [number, number],
  phases: readonly [number, number],
): Path {
  const wave = (index: 0 | 1) =>
    `(0.5+0.5*sin(2*PI*(${numeral(turns[index])}*${time}+${numeral(phases[index])})))`;
  return { x: wave(0), y: wave(1) };
}

/**
 * Filters that hold a still of size `still` for `span` and show a moving window of the size of `rect` out of it. Costs next
 * to nothing: a crop moves a pointer.
 */
export function windowInto(still: Size, rect: Rect, path: Path, canvas: Canvas, span: Span): string[] {
  const place = (room: number, at: string) => `${room}*${at}`;
  return [
    ...held(canvas, span),
    filter('crop', {
      w: rect.width,
      h: rect.height,
      x: place(still.width - rect.width, path.x),
      y: place(still.height - rect.height, path.y),
    }),
  ];
}
