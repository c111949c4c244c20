import type { ClipAsset } from '../../description/schema.ts';
import { mixed, rgbOf, yuvOf } from './color.ts';
import { clipTime, wandering, windowInto } from './drifting.ts';
import type { Canvas, Placement } from './layout.ts';
import { formatted, held, type Picture, scaled } from './picture.ts';
import { paint, paletteOf, rasterInput, type Size } from './raster.ts';
import type { Span } from './span.ts';

/** Longer side of the painted gradient, pixels: it is smooth, so scaling it up loses nothing. */
const paintedSide = 320;
/** How much larger than the clip a drifting gradient is painted, along each side. */
const room = 0.5;
/** Turns a second of the drift, across and down. */
const turns = [0.05, 0.035] as const;

const evenUp = (value: number): number => 2 * Math.ceil(value / 2);

/** The even size with the proportions of `size` whose longer side is about `side` pixels, or `size` where that is smaller. */
export function reduced(size: Size, side: number): Size {
  const factor = Math.min(1, side / Math.max(size.width, size.height));
  return { width: evenUp(size.width * factor), height: evenUp(size.height * factor) };
}

/** The place, 0 to 1, along the gradient of a point in fractions of its content: a line at `angle` through the middle that ends at the corners. */
export function levelAlong(angle: number, aspect: number): (x: number, y: number) => number {
  const [across, down] = [Math.cos((angle * Math.PI) / 180) * aspect, Math.sin((angle * Math.PI) / 180)];
  const length = Math.abs(across) + Math.abs(down);
  return (x, y) => 0.5 + ((x - 0.5) * across + (y - 0.5) * down) / length;
}

/** Beyond its ends the gradient runs back. */
function mirrored(level: number): number {
  const around = Math.abs(level) % 2;
  return around > 1 ? 2 - around : around;
}

/** A gradient; drifting, it is a still of one and a half times the size behind a moving window. */
export function gradientPicture(
  asset: Extract<ClipAsset, { type: 'gradient' }>,
  { rect, part, aspect }: Placement,
  canvas: Canvas,
  clip: Span,
): Picture {
  const drifts = asset.motion === 'drift';
  const size: Size = drifts
    ? { width: evenUp(rect.width * (1 + room)), height: evenUp(rect.height * (1 + room)) }
    : rect;
  const painted = reduced(size, paintedSide);
  const along = levelAlong(asset.angle, aspect);
  const grown = drifts ? 1 + room : 1;
  const place = (at: number, from: number, share: number) => from + share * (0.5 + (at - 0.5) * grown);
  const levelAt = (x: number, y: number) =>
    mirrored(
      along(place(x / painted.width, part.x, part.width), place(y / painted.height, part.y, part.height)),
    );
  const colors = asset.colors.map(rgbOf);
  return {
    rect,
    opaque: true,
    draw: (graph, span, opacity) => {
      const palette = paletteOf((level) => yuvOf(mixed(colors, level)));
      const pad = rasterInput(graph, painted, canvas.fps, async function* (signal) {
        yield await paint(painted, levelAt, palette, signal);
      });
      const path = wandering(clipTime(canvas, clip, 1), turns, [0, 0.25]);
      const motion = drifts ? windowInto(size, rect, path, canvas, span) : held(canvas, span);
      return graph.chain([pad], ...scaled(size, { from: 'bt709' }), ...formatted(true, opacity), ...motion);
    },
  };
}
