import { rgbOf, yuvOf } from './color.ts';
import { filter, type Graph, numeral, type Pad } from './graph.ts';
import type { Canvas, Rect } from './layout.ts';
import type { Span } from './span.ts';

/** Something that can be shown at a place of the frame. */
export interface Picture {
  readonly rect: Rect;
  /** Whether no pixel of it lets anything through (opacity and fades apart). */
  readonly opaque: boolean;
  /**
   * Adds what gives the frames of `span`, of the size of `rect`, with PTS in frames from the start of the video (time base
   * 1/fps); yuv420p where the result is opaque, otherwise yuva420p.
   */
  draw(graph: Graph, span: Span, opacity: number): Pad;
}

/** Filters that end in the pixel format of a picture: with alpha where it, or `opacity`, needs it. */
export function formatted(opaque: boolean, opacity: number): string[] {
  const own = filter('format', { pix_fmts: opaque ? 'yuv420p' : 'yuva420p' });
  if (opacity >= 1) return [own];
  // Through the picture's own format first, so that the pixels are the same with any opacity.
  return [
    own,
    filter('format', { pix_fmts: 'yuva420p' }),
    // "val": the default of the colour planes would clip them.
    filter('lutyuv', { y: 'val', u: 'val', v: 'val', a: `round(val*${numeral(opacity)})` }),
  ];
}

/** Filters that make the first frame of a stream last for `span`. */
export function held({ fps }: Canvas, span: Span): string[] {
  return [
    filter('settb', { expr: `1/${fps}` }),
    filter('loop', { loop: -1, size: 1, start: 0 }),
    filter('trim', { end_frame: span.to - span.from }),
    filter('setpts', { expr: `N+${span.from}` }),
  ];
}

/** Filter that cuts a part, in fractions of the picture, out; none when the part is the whole. */
export function cut(part: Rect): string[] {
  if (part.x === 0 && part.y === 0 && part.width === 1 && part.height === 1) return [];
  const options = {
    w: `max(1,iw*${numeral(part.width)})`,
    h: `max(1,ih*${numeral(part.height)})`,
    x: `iw*${numeral(part.x)}`,
    y: `ih*${numeral(part.y)}`,
  };
  return [filter('crop', options)];
}

/** Filter that scales any picture to a size in limited range BT.709. `from` is the matrix to assume; `auto` is the frame's own, BT.601 where it has none. */
export function scaled(
  { width, height }: { width: number; height: number },
  { flags = 'bicubic', from = 'auto' }: { flags?: string; from?: 'auto' | 'bt709' } = {},
): string[] {
  return [
    filter('scale', {
      w: width,
      h: height,
      flags,
      in_color_matrix: from,
      out_color_matrix: 'bt709',
      out_range: 'tv',
    }),
    filter('setsar', { sar: 1 }),
  ];
}

/** A rectangle of one colour. */
export function solidPicture(rect: Rect, color: string, canvas: Canvas): Picture {
  const { y, u, v } = yuvOf(rgbOf(color));
  return {
    rect,
    opaque: true,
    draw: (graph, span, opacity) =>
      graph.chain(
        [],
        filter('color', { color: 'black', size: `${rect.width}x${rect.height}`, rate: canvas.fps }),
        filter('trim', { end_frame: 1 }),
        filter('format', { pix_fmts: 'yuv420p' }),
        filter('lutyuv', { y, u, v }),
        ...formatted(true, opacity),
        ...held(canvas, span),
      ),
  };
}
