import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';
import { footage, noFootage } from '../../support/footage.ts';
import { anyFfmpeg, builds, type Shown, show, TestAssets, timeline, windowOfFrames } from './run-plan.ts';

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
  mkdirSync(`${folder.path}/text`);
  const make = (name: string, ...args: string[]) =>
    execFileSync(anyFfmpeg, ['-v', 'error', '-y', ...args, `${folder.path}/${name}`]);
  // A frame number is written into the luma of each frame, so that order and speed can be read from the output.
  const numbered = (rate: number, count: number) =>
    `color=black:s=64x36:r=${rate},format=yuv420p,geq=lum='16+N':cb=128:cr=128,trim=end_frame=${count}`;
  // Tagged as what the output is, so that no conversion changes a number by a rounding.
  const tags = ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709'];
  const lossless = ['-c:v', 'libx264', '-qp', '0', '-g', '30', ...tags];
  for (const rate of [24, 30, 50, 60]) {
    make(`r${rate}.mp4`, '-f', 'lavfi', '-i', numbered(rate, 2 * rate + 20), ...lossless);
  }
  // Frames 0, 1, 2, then none for 2.4 s, then one a 0.1 s.
  const gap = "setpts='if(lt(N,3),N*0.04,2.4+N*0.1)/TB'";
  make(
    'vfr.mp4',
    '-f',
    'lavfi',
    '-i',
    `${numbered(100, 12)},settb=1/1000,${gap}`,
    '-vsync',
    '0',
    ...lossless,
  );
});
afterAll(() => folder[Symbol.asyncDispose]());

const differing = (whole: Shown, part: Shown, from: number): number[] =>
  part.frames.flatMap((frame, index) =>
    whole.frames[from + index]?.equals(frame) === true ? [] : [from + index],
  );

interface Playback {
  readonly fps?: 24 | 25 | 30 | 50 | 60;
  readonly start?: number;
  readonly from?: number;
  readonly loop?: boolean;
  readonly seconds: number;
}

function playing(src: string, { fps = 25, start = 0, from = 0, loop = false, seconds }: Playback) {
  return timeline({
    size: { width: 64, height: 36 },
    fps,
    duration: start + seconds,
    tracks: [{ clips: [{ start, length: seconds, asset: { type: 'video', src, from, loop } }] }],
  });
}

/** The numbers written into frames. */
const numbers = (shown: Shown) => shown.frames.map((frame) => (frame[0] ?? 0) - 16);

if (noFootage !== undefined) process.stderr.write(`windows of real clips: ${noFootage}\n`);

describe.each(Object.entries(builds))('ffmpeg: %s', (_, ffmpeg) => {
  const prepared = async (name: string) => {
    const assets = new TestAssets(folder.path);
    const path = name.includes('/') ? name : `${folder.path}/${name}`;
    return { src: await assets.add(path), context: { ffmpeg, assets, folder: folder.path } };
  };

  test.each([
    [24, 30],
    [30, 25],
    [60, 24],
    [50, 25],
    [24, 25],
    [30, 60],
  ] as const)(
    '%i frames a second shown at %i: right speed, and the same from any window',
    async (rate, fps) => {
      const { src, context } = await prepared(`r${rate}.mp4`);
      const description = playing(src, { fps, start: 0.4, seconds: 3 });
      const first = Math.round(0.4 * fps);
      const count = first + 3 * fps;
      const whole = await show(description, windowOfFrames(fps, [0, count]), context);
      expect(whole.frames).toHaveLength(count);
      const last = 2 * rate + 19;
      numbers(whole)
        .slice(first)
        .forEach((number, index) => {
          // The frame shown is the nearest one, which is at most half an output frame away.
          const exact = Math.min(last, (index * rate) / fps);
          expect(Math.abs(number - exact)).toBeLessThanOrEqual(0.5 * Math.max(1, rate / fps) + 0.51);
        });
      expect(numbers(whole).slice(-3)).toEqual([last, last, last]);
      for (const from of [1, first + fps - 1, first + fps + 3, first + 2 * fps + 1, count - 4]) {
        const part = await show(description, windowOfFrames(fps, [from, Math.min(count, from + 6)]), context);
        expect(part.frames).toHaveLength(Math.min(count, from + 6) - from);
        expect(differing(whole, part, from)).toEqual([]);
      }
    },
  );

  test('a variable rate with a long gap: the last frame before the gap stays, from any window', async () => {
    const { src, context } = await prepared('vfr.mp4');
    const description = playing(src, { seconds: 5 });
    const whole = await show(description, windowOfFrames(25, [0, 125]), context);
    expect(numbers(whole).slice(0, 4)).toEqual([0, 1, 2, 2]);
    expect(numbers(whole)[60]).toBe(2);
    expect(numbers(whole).at(-1)).toBe(11);
    for (const from of [2, 30, 55, 74, 90, 100, 119]) {
      const part = await show(description, windowOfFrames(25, [from, from + 5]), context);
      expect(differing(whole, part, from)).toEqual([]);
    }
  });

  test('`from` in the middle, also between frames and at the very end', async () => {
    const { src, context } = await prepared('r50.mp4');
    const exact = await show(playing(src, { from: 1.2, seconds: 1.6 }), windowOfFrames(25, [0, 40]), context);
    expect(numbers(exact)[0]).toBe(60);
    for (const from of [1.2345, 2.39, 7]) {
      const description = playing(src, { from, seconds: 1.6 });
      const whole = await show(description, windowOfFrames(25, [0, 40]), context);
      const part = await show(description, windowOfFrames(25, [27, 40]), context);
      expect(differing(whole, part, 27)).toEqual([]);
      expect(Math.abs((numbers(whole)[0] ?? 0) - Math.min(119, from * 50))).toBeLessThanOrEqual(1);
    }
  });

  test('a loop begins again at `from`, from any window', async () => {
    const { src, context } = await prepared('r50.mp4');
    const description = playing(src, { start: 0.2, from: 2, loop: true, seconds: 2 });
    const whole = await show(description, windowOfFrames(25, [0, 55]), context);
    const expected = Array.from({ length: 50 }, (_, index) => 100 + 2 * (index % 10));
    expect(numbers(whole).slice(5)).toEqual(expected);
    for (const from of [4, 14, 15, 33]) {
      const part = await show(description, windowOfFrames(25, [from, from + 12]), context);
      expect(differing(whole, part, from)).toEqual([]);
    }
  });

  test.skipIf(noFootage !== undefined).each([
    ['video.mp4', 5],
    ['video-h265.mp4', 10],
    ['rotate-buck-bunny.mp4', 2],
    ['bbb_1920x1080_60fps_vp8.webm', 1],
    ['bbb_800x640_768kbps_30fps_avc_pyramid_3b.mp4', 4],
    ['sample_portrait.mp4', 1],
  ] as const)('%s: the same from any window', async (name, seconds) => {
    const { src, context } = await prepared(footage(name));
    const description = playing(src, { start: 0.36, seconds: seconds + 0.6 });
    const count = 9 + Math.round(25 * (seconds + 0.6));
    const starts = [0, 21, 34, count - 12, count - 2].filter((from) => from >= 0 && from < count);
    const whole = await show(description, windowOfFrames(25, [0, count]), context);
    expect(whole.frames).toHaveLength(count);
    for (const from of starts) {
      const to = Math.min(count, from + 4);
      const part = await show(description, windowOfFrames(25, [from, to]), context);
      expect(differing(whole, part, from)).toEqual([]);
    }
  });
});
