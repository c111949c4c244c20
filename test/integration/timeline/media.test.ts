import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';
import { footage, needFootage } from '../../support/footage.ts';
import { anyFfmpeg, builds, nameOf, show, TestAssets, timeline, windowOfFrames } from './run-plan.ts';

const size = { width: 192, height: 108 };
const frameBytes = (size.width * size.height * 3) / 2;

needFootage();
let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
  mkdirSync(`${folder.path}/text`);
});
afterAll(() => folder[Symbol.asyncDispose]());

/** What ffmpeg itself shows last before a moment of a file, inside a black frame. */
function reference(
  ffmpeg: string,
  path: string,
  seconds: number,
  [width, height]: readonly [number, number],
) {
  const filter = [
    `trim=end=${seconds}`,
    `scale=${width}:${height}:flags=bicubic`,
    `pad=${size.width}:${size.height}:-1:-1:black`,
    'format=yuv420p',
  ].join(',');
  const args = ['-v', 'error', '-i', path, '-map', '0:V:0', '-vf', filter, '-f', 'rawvideo', '-'];
  return execFileSync(ffmpeg, args, { maxBuffer: 1 << 26 }).subarray(-frameBytes);
}

function psnr(a: Buffer, b: Buffer, length: number): number {
  let sum = 0;
  for (let index = 0; index < length; index += 1) sum += ((a[index] ?? 0) - (b[index] ?? 0)) ** 2;
  return 10 * Math.log10(255 ** 2 / (sum / length || 1e-9));
}

const energy = (samples: Float32Array): number => samples.reduce((sum, value) => sum + value * value, 0);

/** Energy of what ffmpeg itself makes of the first 5 s of sound of a file. */
function soundOf(path: string): number {
  const args = ['-v', 'error', '-i', path, '-t', '5', '-vn', '-ac', '2', '-ar', '48000', '-f', 'f32le', '-'];
  return energy(
    new Float32Array(new Uint8Array(execFileSync(anyFfmpeg, args, { maxBuffer: 1 << 26 })).buffer),
  );
}

// Name, what it is shown as: width and height inside 192x108, and whether it sounds (the track of video.mp4 is silence).
const clips = [
  ['video.mp4', [192, 108], false],
  ['video-h265.mp4', [192, 108], true],
  ['rotate-buck-bunny.mp4', [60, 108], true],
  ['bbb_1920x1080_60fps_vp8.webm', [192, 108], true],
  ['bbb_800x640_768kbps_30fps_avc_pyramid_3b.mp4', [192, 108], false],
  ['sample_portrait.mp4', [72, 108], true],
] as const;

describe.each(Object.entries(builds))('ffmpeg: %s', (_, ffmpeg) => {
  test.each(clips)('%s: right size, the right way up, with its sound', async (name, shape, sounds) => {
    const assets = new TestAssets(folder.path);
    const src = await assets.add(footage(name));
    const description = timeline({
      size,
      fps: 25,
      duration: 6,
      tracks: [{ clips: [{ start: 1, length: 5, asset: { type: 'video', src } }] }],
    });
    const context = { ffmpeg, assets, folder: folder.path };
    const shown = await show(description, windowOfFrames(25, [20, 40], [38_400, 288_000]), context);
    expect(shown.frames).toHaveLength(20);
    // Luma only: the reference does not change the colour matrix, so colours may differ a little.
    const luma = size.width * size.height;
    const seen = shown.frames[5 + 12] ?? Buffer.alloc(frameBytes);
    const likeness = psnr(seen, reference(ffmpeg, footage(name), 12.499 / 25, shape), luma);
    expect(likeness).toBeGreaterThan(27);
    const [before, during] = [shown.samples.subarray(0, 2 * 5 * 1920), shown.samples.subarray(2 * 5 * 1920)];
    expect(energy(before)).toBe(0);
    // Assets mix 5.1 down so that nothing can clip, 7.7 dB below what ffmpeg does by itself.
    const heard = energy(during) / (sounds ? soundOf(footage(name)) : 1);
    expect(heard).toBeGreaterThan(sounds ? 0.15 : -1);
    expect(heard).toBeLessThan(sounds ? 2.2 : 1e-9);
  });

  test('fit: cover fills the frame, contain leaves the background, stretch ignores proportions', async () => {
    const assets = new TestAssets(folder.path);
    const src = await assets.add(footage('sample_portrait.mp4'));
    const frameOf = async (fit: 'cover' | 'contain' | 'stretch') => {
      const clip = { length: 1, fit, asset: { type: 'video' as const, src } };
      const description = timeline({
        size,
        fps: 25,
        duration: 1,
        background: '#00ff00',
        tracks: [{ clips: [clip] }],
      });
      const shown = await show(description, windowOfFrames(25, [10, 11]), {
        ffmpeg,
        assets,
        folder: folder.path,
      });
      return shown.frames[0] ?? Buffer.alloc(0);
    };
    const [cover, contain, stretch] = [
      await frameOf('cover'),
      await frameOf('contain'),
      await frameOf('stretch'),
    ];
    // Chroma of the left edge, half-way down: pure green where the background shows.
    const greenAtEdge = (frame: Buffer) => (frame[size.width * size.height + 27 * 96 + 4] ?? 255) < 50;
    expect([cover, contain, stretch].map(greenAtEdge)).toEqual([false, true, false]);
    expect(cover.equals(stretch)).toBe(false);
  });
});

test('a WAV file with cover art is heard sample by sample, from any window', async () => {
  const assets = new TestAssets(folder.path);
  const path = footage('glitch-hop-is-dead.wav');
  const src = await assets.add(path);
  const context = { ffmpeg: anyFfmpeg, assets, folder: folder.path };
  const clip = { start: 0.4, length: 3, asset: { type: 'audio' as const, src, from: 2.5 }, volume: 0.5 };
  const description = timeline({ size, fps: 25, duration: 4, tracks: [{ clips: [clip] }] });
  const hear = async (from: number, to: number) =>
    (await show(description, windowOfFrames(25, [0, 1], [from, to]), context)).samples;
  const whole = await hear(-2048, 200_000);
  expect(whole).toHaveLength(2 * 202_048);
  // A clip at 0.4 s is sample 19 200 of the video and plays the file from sample 120 000.
  const wav = assets.find(nameOf(path)).audioPath ?? '';
  const raw = execFileSync(anyFfmpeg, ['-v', 'error', '-i', wav, '-f', 's16le', '-'], { maxBuffer: 1 << 26 });
  for (const sample of [19_200, 19_201, 60_007, 163_199]) {
    for (const side of [0, 1]) {
      const expected = raw.readInt16LE(4 * (sample - 19_200 + 120_000) + 2 * side) / 65_536;
      expect(whole[2 * (sample + 2048) + side]).toBe(Math.fround(expected));
    }
  }
  expect(energy(whole.subarray(0, 2 * (2048 + 19_200)))).toBe(0);
  expect(energy(whole.subarray(2 * (2048 + 163_200)))).toBe(0);
  const joined = [await hear(-2048, 51_111), await hear(51_111, 51_112), await hear(51_112, 200_000)];
  expect(
    Buffer.concat(joined.map(({ buffer }) => Buffer.from(buffer))).equals(Buffer.from(whole.buffer)),
  ).toBe(true);
});
