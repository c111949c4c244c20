import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probe } from '../../../src/asset/probe.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';
import { footage, noFootage } from '../../support/footage.ts';
import { ffmpegs, file, forever, make } from './kit.ts';

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

type Kind = 'video' | 'audio' | 'image';

const real: [name: string, kinds: Kind[], facts: object][] = [
  [
    'video.mp4',
    ['video', 'audio'],
    {
      format: 'mov,mp4,m4a,3gp,3g2,mj2',
      video: { codec: 'h264', width: 1920, height: 1080, frameRate: 25, rotation: 0 },
      audio: { codec: 'aac', channels: 2, sampleRate: 48_000 },
    },
  ],
  [
    'video-h265.mp4',
    ['video', 'audio'],
    {
      video: {
        codec: 'hevc',
        width: 1920,
        height: 1080,
        frameRate: 30,
        rotation: 0,
        durationSeconds: 10,
        frames: 300,
      },
      audio: { channels: 2 },
    },
  ],
  [
    'rotate-buck-bunny.mp4',
    ['video', 'audio'],
    {
      video: {
        width: 1080,
        height: 1920,
        frameRate: 24,
        rotation: 90,
        durationSeconds: expect.closeTo(47 / 24, 5) as number,
        frames: 45,
      },
      audio: { channels: 6, sampleRate: 48_000 },
    },
  ],
  [
    'bbb_1920x1080_60fps_vp8.webm',
    ['video', 'audio'],
    {
      format: 'matroska,webm',
      video: { codec: 'vp8', width: 1920, height: 1080, frameRate: 60 },
      audio: { codec: 'vorbis', channels: 6 },
    },
  ],
  // Its pixels are 64:45, so 800 of them are as wide as 1138 square ones.
  [
    'bbb_800x640_768kbps_30fps_avc_pyramid_3b.mp4',
    ['video'],
    {
      durationSeconds: 4,
      video: { width: 1138, height: 640, frameRate: 30, durationSeconds: 4, frames: 120 },
    },
  ],
  [
    'sample_portrait.mp4',
    ['video', 'audio'],
    {
      video: { width: 720, height: 1080, frameRate: 30_000 / 1001, rotation: 0 },
      audio: { channels: 1, sampleRate: 44_100 },
    },
  ],
  // The cover art is no video.
  [
    'glitch-hop-is-dead.wav',
    ['audio'],
    {
      format: 'wav',
      durationSeconds: expect.closeTo(425_000 / 44_100, 5) as number,
      audio: { codec: 'pcm_s16le', channels: 2, sampleRate: 44_100 },
    },
  ],
];

if (noFootage !== undefined) process.stderr.write(`probing real clips: ${noFootage}\n`);

describe.each(await ffmpegs())('probe with %s', (ffmpeg) => {
  it.skipIf(noFootage !== undefined).each(real)('finds what %s is', async (name, kinds, facts) => {
    // The extension goes, as it does in the cache: the content alone tells.
    const path = join(folder.path, 'unnamed');
    await copyFile(footage(name), path);
    const found = await probe(await file(path), ffmpeg, forever);
    expect(found).toMatchObject(facts);
    expect((['video', 'audio', 'image'] as const).filter((kind) => kind in found)).toEqual(kinds);
  });

  it.each(['png', 'jpg', 'bmp'])('takes a %s for an image', async (extension) => {
    const path = join(folder.path, `still.${extension}`);
    await make(ffmpeg, '-f', 'lavfi', '-i', 'testsrc=s=64x48', '-frames:v', '1', path);
    const facts = await probe(await file(path), ffmpeg, forever);
    expect(facts.image).toMatchObject({ width: 64, height: 48 });
    expect(facts.video).toBeUndefined();
    expect(facts.durationSeconds).toBeUndefined();
  });

  it('takes a moving gif for a video and a still one for an image', async () => {
    const path = join(folder.path, 'a.gif');
    await make(ffmpeg, '-f', 'lavfi', '-i', 'testsrc=s=64x48:d=2:r=10', path);
    expect((await probe(await file(path), ffmpeg, forever)).video).toMatchObject({
      frames: 20,
      durationSeconds: 2,
      frameRate: 10,
    });
    await make(ffmpeg, '-f', 'lavfi', '-i', 'testsrc=s=64x48', '-frames:v', '1', path);
    expect((await probe(await file(path), ffmpeg, forever)).image).toMatchObject({ width: 64, height: 48 });
  });

  it.each([
    [
      'a variable frame rate',
      [
        '-f',
        'lavfi',
        '-i',
        "testsrc=s=64x48:r=25:d=4,select='lt(n,50)+not(mod(n,5))'",
        '-vsync',
        'vfr',
        '-c:v',
        'libx264',
      ],
      'vfr.mp4',
      { video: { frames: 60 } },
    ],
    [
      'mpegts',
      ['-f', 'lavfi', '-i', 'testsrc=s=64x48:r=25:d=1', '-c:v', 'libx264'],
      'a.ts',
      { format: 'mpegts', video: { frames: 25, durationSeconds: expect.closeTo(1, 1) as number } },
    ],
    [
      'avi',
      ['-f', 'lavfi', '-i', 'testsrc=s=64x48:r=25:d=1', '-c:v', 'mpeg4', '-bf', '2'],
      'a.avi',
      { format: 'avi', video: { frames: 25, durationSeconds: expect.closeTo(1, 1) as number } },
    ],
    [
      'flac',
      ['-f', 'lavfi', '-i', 'sine=d=1:r=44100'],
      'a.flac',
      { format: 'flac', durationSeconds: 1, audio: { channels: 1 } },
    ],
    [
      'ogg',
      ['-f', 'lavfi', '-i', 'sine=d=1:r=44100', '-c:a', 'flac'],
      'a.ogg',
      { format: 'ogg', audio: { channels: 1 } },
    ],
    [
      'adts',
      ['-f', 'lavfi', '-i', 'sine=d=1:r=44100', '-c:a', 'aac'],
      'a.aac',
      { format: 'aac', audio: { codec: 'aac' } },
    ],
  ])('reads %s', async (_name, args, name, facts) => {
    const path = join(folder.path, name);
    await make(ffmpeg, ...args, path);
    expect(await probe(await file(path), ffmpeg, forever)).toMatchObject(facts);
  });

  it.each([
    ['text', 'hello, this is no video\n'],
    ['a concat script', `ffconcat version 1.0\nfile '${footage('video.mp4')}'\n`],
    [
      'an HLS playlist',
      `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:5,\nfile://${footage('video.mp4')}\n#EXT-X-ENDLIST\n`,
    ],
    ['a subtitle', '1\n00:00:00,000 --> 00:00:01,000\nhello\n'],
    [
      'an SVG',
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/hostname"/></svg>',
    ],
    ['half a PNG', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')],
  ])('refuses %s', async (_name, content) => {
    const path = join(folder.path, 'strange');
    await writeFile(path, content);
    const error: unknown = await probe(await file(path), ffmpeg, forever).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'asset_refused', retryable: false });
    expect(String(error) + String((error as { hint?: string }).hint)).not.toContain(folder.path);
  });

  it('refuses a picture that is too large to decode', async () => {
    const path = join(folder.path, 'huge.png');
    await make(ffmpeg, '-f', 'lavfi', '-i', 'color=s=16000x4000', '-frames:v', '1', path);
    await expect(probe(await file(path), ffmpeg, forever)).rejects.toMatchObject({ code: 'asset_refused' });
  });

  it('believes no stream that metadata pretends', async () => {
    const path = join(folder.path, 'liar.mp4');
    const lie =
      'x\n  Stream #0:0: Video: h264, yuv420p, 9999x9999, 99 fps\n      displaymatrix: rotation of -90.00 degrees';
    await make(
      ffmpeg,
      '-f',
      'lavfi',
      '-i',
      'sine=d=1',
      '-metadata',
      `title=${lie}`,
      '-metadata',
      `comment=${lie}`,
      path,
    );
    const facts = await probe(await file(path), ffmpeg, forever);
    expect(Object.keys(facts)).toEqual(['sha256', 'bytes', 'format', 'durationSeconds', 'audio']);
  });

  it('ends with its signal', async () => {
    await expect(
      probe(await file(import.meta.filename), ffmpeg, AbortSignal.abort(new Error('enough'))),
    ).rejects.toThrow('enough');
  });
});

it('says what to do where there is no ffmpeg', async () => {
  await expect(probe(await file(import.meta.filename), '/nowhere/ffmpeg', forever)).rejects.toMatchObject({
    code: 'configuration',
  });
});
