import type { ClipAsset } from '../../description/schema.ts';
import { mixed, rgbOf, type Yuv, yuvOf } from './color.ts';
import { clipTime, wandering, windowInto } from './drifting.ts';
import { reduced } from './gradient.ts';
import { filter, numeral } from './graph.ts';
import type { Canvas, Placement } from './layout.ts';
import { firstWorld, livingFrames, livingSize } from './life.ts';
import { noiseFrame } from './noise.ts';
import { cut, formatted, held, type Picture, scaled } from './picture.ts';
import { paint, paletteOf, rasterInput, type Size } from './raster.ts';
import type { Span } from './span.ts';
import { testCard } from './test-card.ts';
import { hills, mandelbrot, rings, type Texture } from './texture.ts';

type PatternAsset = Extract<ClipAsset, { type: 'pattern' }>;

/** What every pattern is made from. */
export interface PatternSubject {
  readonly asset: PatternAsset;
  readonly placement: Placement;
  readonly canvas: Canvas;
  /** Frames of the whole clip. */
  readonly clip: Span;
  readonly seed: number;
  /** Tells clips of the same description apart. */
  readonly label: string;
}

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
function movingTextures(
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

function mandelbrotPicture(subject: PatternSubject): Picture {
  const { asset, placement, canvas, clip, seed, label } = subject;
  const whole = grown(placement.rect);
  const painted = reduced(whole, paintedSide.most);
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

function checkerPicture({ asset, placement, canvas, clip }: PatternSubject): Picture {
  const { rect, part, aspect } = placement;
  const height = rect.height / part.height;
  const cell = height / asset.cells;
  // Two cells of room: one whole period each way, so that the window can wrap without a jump.
  const slack = 2 * Math.ceil(cell);
  const whole = { width: rect.width + slack, height: rect.height + slack };
  const [left, top] = [part.x * height * aspect, part.y * height];
  const colors = asset.colors.map(rgbOf);
  const wrapped = `mod(${clipTime(canvas, clip, asset.speed)}/4,1)*${numeral((2 * cell) / slack)}`;
  return {
    rect,
    opaque: true,
    draw: (graph, span, opacity) => {
      const palette = paletteOf((level) => yuvOf(mixed(colors, Math.round(level))));
      const levelAt = (x: number, y: number) =>
        (Math.floor((x + left) / cell) + Math.floor((y + top) / cell)) % 2 === 0 ? 0 : 1;
      const input = rasterInput(graph, whole, canvas.fps, async function* (signal) {
        yield await paint(whole, levelAt, palette, signal);
      });
      const path = { x: wrapped, y: wrapped };
      return graph.chain(
        [input],
        ...formatted(true, opacity),
        ...windowInto(whole, rect, path, canvas, span),
      );
    },
  };
}

function lifePicture({ asset, placement, canvas, clip, seed, label }: PatternSubject): Picture {
  const { rect, part, aspect } = placement;
  const columns = Math.min(512, Math.max(2, Math.round(asset.cells * aspect)));
  const colors = asset.colors.map((color) => yuvOf(rgbOf(color))) as [Yuv, Yuv];
  const size = livingSize({ columns, rows: asset.cells });
  return {
    rect,
    opaque: true,
    draw: (graph, span, opacity) => {
      const frames = {
        from: span.from - clip.from,
        to: span.to - clip.from,
        fps: canvas.fps,
        speed: asset.speed,
      };
      const input = rasterInput(graph, size, canvas.fps, (signal) =>
        livingFrames(firstWorld(columns, asset.cells, seed, label), colors, frames, signal),
      );
      return graph.chain(
        [input],
        ...cut(part),
        ...scaled(rect, { flags: 'neighbor', from: 'bt709' }),
        filter('settb', { expr: `1/${canvas.fps}` }),
        filter('setpts', { expr: `N+${span.from}` }),
        ...formatted(true, opacity),
      );
    },
  };
}

function staticPicture({ asset, placement, canvas, clip, seed, label }: PatternSubject): Picture {
  const { rect } = placement;
  // Grains of two pixels: finer ones cost any encoder its whole bit rate.
  const painted = {
    width: 2 * Math.ceil(rect.width / 4) + 128,
    height: 2 * Math.ceil(rect.height / 4) + 128,
  };
  const whole = { width: 2 * painted.width, height: 2 * painted.height };
  const step = `floor(${clipTime(canvas, clip, Math.min(1, asset.speed))}*${canvas.fps}+0.001)`;
  const jump = (by: number) => `mod(${step}*${numeral(by)},1)`;
  return {
    rect,
    opaque: true,
    draw: (graph, span, opacity) => {
      const input = rasterInput(graph, painted, canvas.fps, async function* () {
        yield noiseFrame(painted, seed, label);
      });
      return graph.chain(
        [input],
        ...scaled(whole, { flags: 'neighbor', from: 'bt709' }),
        ...formatted(true, opacity),
        // Irrational steps, so that the window comes back to no place for a long time.
        ...windowInto(whole, rect, { x: jump(0.618034), y: jump(0.754878) }, canvas, span),
      );
    },
  };
}

function barsPicture({ placement: { rect, part }, canvas }: PatternSubject): Picture {
  return {
    rect,
    opaque: true,
    draw: (graph, span, opacity) =>
      graph.chain(
        [],
        filter('smptehdbars', { size: '1280x720', rate: canvas.fps }),
        filter('trim', { end_frame: 1 }),
        ...cut(part),
        ...scaled(rect, { from: 'bt709' }),
        ...formatted(true, opacity),
        ...held(canvas, span),
      ),
  };
}

/** The picture of a generated pattern: a pure function of the time since the clip began. */
export function patternPicture(subject: PatternSubject): Picture {
  const { asset, seed, label } = subject;
  switch (asset.pattern) {
    case 'bars':
      return barsPicture(subject);
    case 'testcard':
      return testCard(subject);
    case 'plasma': {
      const pair = [hills(asset.cells, seed, `${label}a`), hills(asset.cells, seed, `${label}b`)] as const;
      return movingTextures(subject, pair, '(0.5-0.5*cos(val*0.045))');
    }
    case 'waves': {
      const pair = [rings(asset.cells, seed, `${label}a`), rings(asset.cells, seed, `${label}b`)] as const;
      return movingTextures(subject, pair, '(val/255)');
    }
    case 'life':
      return lifePicture(subject);
    case 'mandelbrot':
      return mandelbrotPicture(subject);
    case 'static':
      return staticPicture(subject);
    case 'checker':
      return checkerPicture(subject);
  }
}
