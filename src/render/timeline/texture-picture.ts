import { mixed, rgbOf, type Yuv, yuvOf } from './color.ts';
import { clipTime, wandering, windowInto } from './drifting.ts';
import { reduced } from './gradient.ts';
import { filter } from './graph.ts';
import type { Placement } from './layout.ts';
import type { PatternSubject } from './pattern-subject.ts';
import { formatted, type Picture, scaled } from './picture.ts';
import { paint, paletteOf, rasterInput, type Size } from './raster.ts';
import { mandelbrot, type Texture } from './texture.ts';

/** How much larger than the clip a moving texture is, along each side. */
const room = 0.5;

const grown = ({ width, height }: Size): Size => ({
  width: 2 * Math.ceil((width * (1 + room)) / 2),
  height: 2 * Math.ceil((height * (1 + room)) / 2),
});

/** Maps pixels of a painted picture, `room` larger than the seen part, to heights of the whole content from its middle. */
function contentPoint(
  { part, aspect }: Placement,
  painted: Size,
  x: number,
  y: number,
): readonly [number, number] {
  const along = (at: number, size: number, from: number, share: number) =>
    from + share * (0.5 + (at / size - 0.5) * (1 + room)) - 0.5;
  return [
    aspect * along(x, painted.width, part.x, part.width),
    along(y, painted.height, part.y, part.height),
  ];
}

/** Pixels painted for each wave, and the longest side painted: beyond it waves are finer than can be told apart. */
const wavePixels = 10;
const paintedSide = { least: 240, most: 640 };

/** Longest side painted of the Mandelbrot set, where each pixel costs up to {@link mandelbrot}'s depth. */
const fractalSide = 480;

function paintedSize({ asset, placement }: PatternSubject, whole: Size): Size {
  const waves = asset.cells * placement.part.height * (1 + room) * 1.2;
  const side = (waves * wavePixels * whole.width) / whole.height;
  return reduced(whole, Math.min(paintedSide.most, Math.max(paintedSide.least, side)));
}

const levels = paletteOf((level) => {
  const value = Math.round(level * 255);
  return { y: value, u: value, v: value };
});

/** Two moving textures, averaged, whose level is looked up in a row of colours: `shape` is the place in it for `val`, 0 to 255. */
export function movingTextures(
  subject: PatternSubject,
  textures: readonly [Texture, Texture],
  shape: string,
): Picture {
  const { asset, placement, canvas, clip } = subject;
  const whole = grown(placement.rect);
  const painted = paintedSize(subject, whole);
  const stacked = { width: painted.width, height: 2 * painted.height };
  const levelAt = (x: number, y: number) => {
    const second = y >= painted.height;
    const [left, top] = contentPoint(placement, painted, x, second ? y - painted.height : y);
    return textures[second ? 1 : 0](left, top);
  };
  const [dark, light] = asset.colors.map((color) => yuvOf(rgbOf(color))) as [Yuv, Yuv];
  const plane = (part: keyof Yuv) => `round(${dark[part]}+(${light[part] - dark[part]})*${shape})`;
  const time = clipTime(canvas, clip, asset.speed);
  return {
    rect: placement.rect,
    opaque: true,
    draw: (graph, span, opacity) => {
      const input = rasterInput(graph, stacked, canvas.fps, async function* (signal) {
        yield await paint(stacked, levelAt, levels, signal);
      });
      const moving = (index: 0 | 1) => [
        filter('crop', { w: painted.width, h: painted.height, x: 0, y: index * painted.height }),
        ...scaled(whole, { from: 'bt709' }),
        filter('format', { pix_fmts: 'yuv420p' }),
        ...windowInto(
          whole,
          placement.rect,
          wandering(time, index === 0 ? [0.071, 0.053] : [-0.047, 0.083], [
            index * 0.37,
            0.25 - index * 0.11,
          ]),
          canvas,
          span,
        ),
      ];
      const [first, second] = graph.fork([input], 'split');
      const pads = [graph.chain([first], ...moving(0)), graph.chain([second], ...moving(1))];
      return graph.chain(
        pads,
        filter('blend', { all_mode: 'average' }),
        filter('lutyuv', { y: plane('y'), u: plane('u'), v: plane('v') }),
        ...formatted(true, opacity),
      );
    },
  };
}

/** A place in the Mandelbrot set: a still, because zooming in would have to be computed from its start; it drifts and changes its hue. */
export function mandelbrotPicture(subject: PatternSubject): Picture {
  const { asset, placement, canvas, clip, seed, label } = subject;
  const whole = grown(placement.rect);
  const painted = reduced(whole, fractalSide);
  const texture = mandelbrot(seed, label);
  const bands = ['#000010', '#1b3a8c', '#4fc3f7', '#fff3c4', '#f28c28', '#6d1030', '#12163a'].map(rgbOf);
  const path = wandering(clipTime(canvas, clip, asset.speed), [0.03, 0.043], [0.75, 0]);
  return {
    rect: placement.rect,
    opaque: true,
    draw: (graph, span, opacity) => {
      const palette = paletteOf((level) => yuvOf(mixed(bands, level)));
      const levelAt = (x: number, y: number) => texture(...contentPoint(placement, painted, x, y));
      const input = rasterInput(graph, painted, canvas.fps, async function* (signal) {
        yield await paint(painted, levelAt, palette, signal);
      });
      return graph.chain(
        [input],
        ...scaled(whole, { from: 'bt709' }),
        ...formatted(true, 1),
        ...windowInto(whole, placement.rect, path, canvas, span),
        ...(asset.speed === 0
          ? []
          : [filter('hue', { h: `mod(24*${clipTime(canvas, clip, asset.speed)},360)` })]),
        ...formatted(true, opacity),
      );
    },
  };
}
