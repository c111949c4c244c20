import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeToWav } from '../../../src/asset/wav.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';
import { footage, needFootage } from '../../support/footage.ts';
import { ffmpegs, forever, make } from './kit.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

/** Decodes a file and reads the WAV back: interleaved stereo samples. */
async function decoded(
  ffmpeg: string,
  path: string,
  channels: number,
  signal = forever,
): Promise<Int16Array> {
  const target = join(folder.path, 'sound.wav');
  await decodeToWav({ path, channels }, { temporary: join(folder.path, 'tmp'), target }, ffmpeg, signal);
  expect(await readdir(folder.path)).not.toContain('tmp');
  const data = await readFile(target);
  const header = {
    riff: data.toString('latin1', 0, 4),
    format: data.readUInt16LE(20),
    channels: data.readUInt16LE(22),
    rate: data.readUInt32LE(24),
    bits: data.readUInt16LE(34),
    data: data.toString('latin1', 36, 40),
    bytes: data.readUInt32LE(40),
  };
  expect(header).toEqual({
    riff: 'RIFF',
    format: 1,
    channels: 2,
    rate: 48_000,
    bits: 16,
    data: 'data',
    bytes: data.length - 44,
  });
  return new Int16Array(data.buffer.slice(data.byteOffset + 44, data.byteOffset + data.length));
}
const loudest = (samples: Int16Array): number =>
  samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);

needFootage();
describe.each(await ffmpegs())('decodeToWav with %s', (ffmpeg) => {
  // The first has a sound track of silence; the last numbers are how loud each is at least.
  it.each([
    ['video.mp4', 2, 5.056, 0],
    ['rotate-buck-bunny.mp4', 6, (94 * 1024) / 48_000, 300],
    ['bbb_1920x1080_60fps_vp8.webm', 6, 1.011, 1000],
    ['sample_portrait.mp4', 1, 1.084, 50],
    ['glitch-hop-is-dead.wav', 2, 425_000 / 44_100, 10_000],
  ])('gives all of %s', async (name, channels, seconds, loud) => {
    const samples = await decoded(ffmpeg, footage(name), channels);
    expect(samples.length / 2 / 48_000).toBeCloseTo(seconds, 2);
    expect(loudest(samples)).toBeGreaterThanOrEqual(loud);
  });

  it('keeps mono as loud as it was, on both sides', async () => {
    const path = join(folder.path, 'mono.wav');
    await make(ffmpeg, '-f', 'lavfi', '-i', 'sine=frequency=1000:d=1:r=48000', path);
    const original = await readFile(path);
    const samples = await decoded(ffmpeg, path, 1);
    expect(loudest(samples)).toBe(
      loudest(
        new Int16Array(
          original.buffer.slice(original.byteOffset + 78, original.byteOffset + original.length),
        ),
      ),
    );
    expect(samples.every((sample, at) => at % 2 === 0 || sample === samples[at - 1])).toBe(true);
  });

  it('begins where the file begins, though the sound comes later', async () => {
    const path = join(folder.path, 'late.mkv');
    await make(
      ffmpeg,
      '-f',
      'lavfi',
      '-i',
      'color=s=32x32:d=2:r=25',
      '-itsoffset',
      '0.5',
      '-f',
      'lavfi',
      '-i',
      'sine=frequency=1000:d=1:r=48000',
      '-c:a',
      'pcm_s16le',
      '-c:v',
      'libx264',
      path,
    );
    const samples = await decoded(ffmpeg, path, 1);
    const first = samples.findIndex((sample) => sample !== 0) / 2;
    expect(Math.abs(first - 24_000)).toBeLessThan(60);
    expect(Math.abs(samples.length / 2 - 72_000)).toBeLessThan(60);
  });

  it('does not clip what six loud channels add up to', async () => {
    const path = join(folder.path, 'six.wav');
    await make(
      ffmpeg,
      '-f',
      'lavfi',
      '-i',
      'aevalsrc=0.95*sin(440*2*PI*t)|0.95*sin(440*2*PI*t)|0.95*sin(440*2*PI*t)|0|0.95*sin(440*2*PI*t)|0.95*sin(440*2*PI*t):c=5.1:d=1',
      path,
    );
    const samples = await decoded(ffmpeg, path, 6);
    expect(loudest(samples)).toBeGreaterThan(30_000);
    expect(samples.filter((sample) => sample === 32_767 || sample === -32_768).length).toBe(0);
  });

  it('refuses a file without sound, and leaves nothing', async () => {
    const path = footage('bbb_800x640_768kbps_30fps_avc_pyramid_3b.mp4');
    await expect(decoded(ffmpeg, path, 2)).rejects.toMatchObject({ code: 'asset_refused' });
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('ends with its signal, and leaves nothing', async () => {
    const stop = new AbortController();
    const work = decoded(ffmpeg, footage('glitch-hop-is-dead.wav'), 2, stop.signal);
    stop.abort(new Error('enough'));
    await expect(work).rejects.toThrow('enough');
    expect(await readdir(folder.path)).toEqual([]);
  });
});

it('gives the same samples in both builds of ffmpeg', async () => {
  const results = [];
  for (const ffmpeg of await ffmpegs())
    results.push(Buffer.from((await decoded(ffmpeg, footage('glitch-hop-is-dead.wav'), 2)).buffer));
  const [one, two = one] = results;
  expect(one?.equals(two ?? Buffer.alloc(0))).toBe(true);
});
