import { mixed, rgbOf, type Yuv, yuvOf } from './color.ts';
import { clipTime, windowInto } from './drifting.ts';
import { filter, numeral } from './graph.ts';
import { firstWorld, livingFrames, livingSize } from './life.ts';
import { noiseFrame } from './noise.ts';
import type { PatternSubject } from './pattern-subject.ts';
import { cut, formatted, type Picture, scaled } from './picture.ts';
import { paint, paletteOf, rasterInput } from './raster.ts';

/** A board of `cells` fields in the height, moving diagonally: two fields in four seconds. */
export function checkerPicture({ asset, placement, canvas, clip }: PatternSubject): Picture {
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

/** Conway's game of life, drawn small by Segue and scaled up without smoothing. */
export function lifePicture({ asset, placement, canvas, clip, seed, label }: PatternSubject): Picture {
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

/** The snow of a set without a signal: a window that jumps about in one frame of noise. */
export function staticPicture({ asset, placement, canvas, clip, seed, label }: PatternSubject): Picture {
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
