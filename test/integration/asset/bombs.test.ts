import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guardedInput } from '../../../src/asset/asset.ts';
import { openAssets } from '../../../src/asset/pin.ts';
import { probe } from '../../../src/asset/probe.ts';
import { runFfmpeg } from '../../../src/asset/run-ffmpeg.ts';
import { decodeToWav } from '../../../src/asset/wav.ts';
import { limiter } from '../../../src/ops/child-limits.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';
import { until } from '../../support/wait.ts';
import { ffmpegs, file, forever, make, serve } from './kit.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

/** A bucket that keeps nothing. */
const nowhere = {
  has: () => Promise.resolve(true),
  put: () => Promise.resolve(),
  get: () => Promise.resolve(undefined),
};

/** A PNG (ISO/IEC 15948) of so many pixels of one bit, in a few kilobytes. */
function png(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.byteLength);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  const rows = deflateSync(Buffer.alloc(Math.min(64 << 20, height * (1 + Math.ceil(width / 8)))));
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', rows),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

describe.each(await ffmpegs())('with %s', (ffmpeg) => {
  it.each([
    [30_000, 30_000],
    [100_000, 3_000],
    [2_000_000_000, 2_000_000_000],
  ])('refuses a picture of %i x %i pixels before it is decoded', async (width, height) => {
    const path = join(folder.path, 'bomb.png');
    await writeFile(path, png(width, height));
    expect((await stat(path)).size).toBeLessThan(200_000);
    await expect(probe(await file(path), ffmpeg, forever)).rejects.toMatchObject({ code: 'asset_refused' });
  });

  it('refuses a file with more streams than any has', async () => {
    const path = join(folder.path, 'streams.mkv');
    const maps = Array.from({ length: 90 }, () => ['-map', '0']).flat();
    await make(ffmpeg, '-f', 'lavfi', '-i', 'sine=d=0.1', ...maps, '-c:a', 'pcm_s16le', path);
    await expect(probe(await file(path), ffmpeg, forever)).rejects.toMatchObject({ code: 'asset_refused' });
  });

  it('decodes no sound that the disk has no room for, and leaves nothing of it', async () => {
    const path = join(folder.path, 'silence.flac');
    await make(ffmpeg, '-f', 'lavfi', '-i', 'anullsrc=r=48000:cl=stereo', '-t', '120', path);
    expect((await stat(path)).size).toBeLessThan(500_000);
    const [temporary, target] = [join(folder.path, 'tmp-wav'), join(folder.path, 'out.wav')];
    const source = { path, channels: 2 };
    const decoding = decodeToWav(source, { temporary, target, maxBytes: 4 << 20 }, ffmpeg, forever);
    await expect(decoding).rejects.toMatchObject({ code: 'storage_full' });
    expect((await readdir(folder.path)).filter((name) => name.includes('wav'))).toEqual([]);
    await decodeToWav(source, { temporary, target, maxBytes: 64 << 20 }, ffmpeg, forever);
    expect((await stat(target)).size).toBe(120 * 48_000 * 4 + 44);
  });

  it('lets ffmpeg write no file, and reach nothing but the file it is given', async ({ skip }) => {
    const path = join(folder.path, 'tone.wav');
    await make(ffmpeg, '-f', 'lavfi', '-i', 'sine=d=5', path);
    const out = join(folder.path, 'written.wav');
    if ((await limiter()) === undefined) skip('no prlimit on this machine');
    const run = await runFfmpeg(ffmpeg, [...guardedInput(path), '-y', out], () => undefined, forever);
    expect(run.exitCode).not.toBe(0);
    expect((await stat(out)).size).toBeLessThanOrEqual(65_536);
    for (const src of [
      'http://127.0.0.1:1/x',
      'concat:/etc/hostname',
      'data:text/plain,x',
      'subfile,,start,0,end,9,,:/etc/hostname',
    ]) {
      const list = join(folder.path, 'list.m3u8');
      await writeFile(list, `#EXTM3U\n#EXTINF:1,\n${src}\n#EXT-X-ENDLIST\n`);
      const tried = await runFfmpeg(
        ffmpeg,
        [...guardedInput(list), '-f', 'null', '-'],
        () => undefined,
        forever,
      );
      expect(tried.exitCode, src).not.toBe(0);
    }
  });
});

const [ffmpeg = ''] = await ffmpegs();

it('takes in no file that the disk has no room for', async () => {
  await writeFile(join(folder.path, 'large.wav'), Buffer.alloc(3 << 20));
  const cache = join(folder.path, 'cache');
  let free = 8 << 20;
  await using assets = await openAssets({
    folder: cache,
    assetFolders: [folder.path],
    assetHosts: [],
    ffmpeg,
    bucket: nowhere,
    freeBytes: () => free,
  });
  const tried = assets.pin('file:large.wav', forever);
  await expect(tried).rejects.toMatchObject({ code: 'storage_full', retryable: true });
  expect(await readdir(cache)).toEqual([]);
  free = 64 << 20;
  // Now it is read; it is no sound.
  await expect(assets.pin('file:large.wav', forever)).rejects.toMatchObject({ code: 'asset_refused' });
});

it('looks at so many files at once, and refuses a flood of them', async () => {
  let asked = 0;
  await using server = await serve(() => {
    asked += 1;
  });
  await using assets = await openAssets({
    folder: join(folder.path, 'flood'),
    assetFolders: [],
    assetHosts: [server.host],
    ffmpeg,
    bucket: nowhere,
  });
  const leaving = new AbortController();
  const pins = Array.from({ length: 404 }, (_, n) =>
    assets.pin(`http://${server.host}/${n}`, leaving.signal).catch((error: unknown) => error),
  );
  await until(() => asked === 4, { what: 'four are asked for' });
  const refused = assets.pin(`http://${server.host}/more`, forever);
  await expect(refused).rejects.toMatchObject({ code: 'too_many_requests', retryable: true });
  leaving.abort(new Error('gone'));
  expect(await Promise.all(pins)).toHaveLength(404);
  expect(asked).toBe(4);
});
