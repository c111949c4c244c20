import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';
import {
  builds,
  digest,
  type Shown,
  type Sketch,
  show,
  TestAssets,
  timeline,
  windowOfFrames,
} from './run-plan.ts';

type ClipSketch = NonNullable<NonNullable<Sketch['tracks']>[number]>['clips'][number];

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
  mkdirSync(`${folder.path}/text`);
});
afterAll(() => folder[Symbol.asyncDispose]());

const frames = 40;
const fps = 25;
const clip = (extra: Partial<ClipSketch> & Pick<ClipSketch, 'asset'>): ClipSketch => ({
  start: 0.2,
  length: 1.2,
  ...extra,
});
const pattern = (
  name: 'bars' | 'testcard' | 'plasma' | 'waves' | 'life' | 'mandelbrot' | 'static' | 'checker',
) => clip({ asset: { type: 'pattern', pattern: name } });
const text = { type: 'text', text: "It's [one], two;\n%{n} three: 3\\4", size: 0.15 } as const;
const red = { type: 'color', color: '#c02020' } as const;

const cases: Readonly<Record<string, ClipSketch>> = {
  color: clip({ asset: red, scale: 0.5, opacity: 0.5 }),
  gradient: clip({ asset: { type: 'gradient', colors: ['#000000', '#ffffff'], angle: 30 } }),
  'drifting gradient': clip({ asset: { type: 'gradient', colors: ['#000000', '#ffffff'], motion: 'drift' } }),
  bars: pattern('bars'),
  testcard: pattern('testcard'),
  plasma: pattern('plasma'),
  waves: pattern('waves'),
  life: pattern('life'),
  mandelbrot: pattern('mandelbrot'),
  static: pattern('static'),
  checker: pattern('checker'),
  'cut by the frame': clip({
    asset: { type: 'pattern', pattern: 'plasma' },
    scale: 3,
    position: { x: 1.2, y: 0.1 },
  }),
  fade: clip({ asset: red, in: { type: 'fade', duration: 0.4 }, out: { type: 'fade', duration: 0.4 } }),
  'slide left and right': clip({
    asset: red,
    scale: 0.4,
    in: { type: 'slide-left', duration: 0.4 },
    out: { type: 'slide-right', duration: 0.4 },
  }),
  'slide up and down': clip({
    asset: red,
    scale: 0.4,
    in: { type: 'slide-up', duration: 0.4 },
    out: { type: 'slide-down', duration: 0.4 },
  }),
  text: clip({
    asset: { ...text, outline: {}, background: {} },
    in: { type: 'fade', duration: 0.4 },
    out: { type: 'slide-left', duration: 0.4 },
  }),
  timecode: clip({ asset: { type: 'timecode', size: 0.2 } }),
};

const withClip = (one: ClipSketch) =>
  timeline({
    size: { width: 320, height: 180 },
    fps,
    duration: frames / fps,
    seed: 11,
    background: '#204060',
    tracks: [{ clips: [one] }],
  });

const differing = (whole: Shown, part: Shown, from: number): number[] =>
  part.frames.flatMap((frame, index) =>
    whole.frames[from + index]?.equals(frame) === true ? [] : [from + index],
  );

describe.each(Object.entries(builds))('ffmpeg: %s', (_, ffmpeg) => {
  test.each(Object.entries(cases))(
    '%s: a frame does not depend on where its window begins',
    async (_, one) => {
      const context = { ffmpeg, assets: new TestAssets(folder.path), folder: folder.path };
      const description = withClip(one);
      const whole = await show(description, windowOfFrames(fps, [0, frames]), context);
      expect(whole.frames).toHaveLength(frames);
      expect(whole.samples).toHaveLength((2 * frames * 48_000) / fps);
      // Before and after the clip: the background; within: something else.
      const background = digest(whole.frames[0] ?? Buffer.alloc(0));
      expect(digest(whole.frames[frames - 1] ?? Buffer.alloc(0))).toBe(background);
      expect(digest(whole.frames[20] ?? Buffer.alloc(0))).not.toBe(background);
      for (const [from, to] of [
        [1, 9],
        [11, 12],
        [17, 40],
        [30, 36],
      ] as const) {
        const part = await show(description, windowOfFrames(fps, [from, to]), context);
        expect(part.frames).toHaveLength(to - from);
        expect(differing(whole, part, from)).toEqual([]);
      }
    },
  );

  test('what covers the frame looks the same with and without its alpha', async () => {
    const context = { ffmpeg, assets: new TestAssets(folder.path), folder: folder.path };
    const full = {
      asset: { type: 'gradient' as const, colors: ['#ff0000', '#00ff80', '#0000ff'] },
    } satisfies Pick<ClipSketch, 'asset'>;
    const covering = await show(
      withClip({ start: 0, length: 1.6, ...full }),
      windowOfFrames(fps, [5, 8]),
      context,
    );
    const overlaid = await show(
      withClip({ start: 0, length: 0.24, ...full }),
      windowOfFrames(fps, [5, 8]),
      context,
    );
    expect(overlaid.frames[0]?.equals(covering.frames[0] ?? Buffer.alloc(0))).toBe(true);
    expect(overlaid.frames[1]?.equals(covering.frames[1] ?? Buffer.alloc(0))).toBe(false);
  });
});
