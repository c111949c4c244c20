import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AssetBucket } from '../../../src/asset/asset.ts';
import { type AssetOptions, type Assets, openAssets } from '../../../src/asset/pin.ts';
import { assetBucket } from '../../../src/store/asset-bucket.ts';
import { type Bucket, openBucket } from '../../../src/store/bucket.ts';
import { startTestBucket, type TestBucket } from '../../support/bucket.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';
import { footage, needFootage } from '../../support/footage.ts';
import { until } from '../../support/wait.ts';
import { ffmpegs, file, forever, make, serve } from './kit.ts';

const [ffmpeg = ''] = await ffmpegs();
let s3: TestBucket;
let bucket: Bucket;
let root: TemporaryFolder;
let opened: Assets[];
/** Objects read from the bucket, in order. */
let reads: string[];

needFootage();
beforeAll(async () => {
  s3 = await startTestBucket();
  bucket = openBucket(s3.settings);
});
afterAll(async () => {
  bucket.close();
  await s3.stop();
});
beforeEach(async () => {
  root = await temporaryFolder();
  await mkdir(join(root.path, 'files'));
  await copyFile(footage('sample_portrait.mp4'), join(root.path, 'files', 'portrait.mp4'));
  opened = [];
  reads = [];
});
afterEach(async () => {
  for (const assets of opened) await assets.stop();
  await root[Symbol.asyncDispose]();
});

/** The real bucket, noting what is read. */
const noting = (): AssetBucket => {
  const real = assetBucket(bucket);
  return {
    ...real,
    get: (name, signal) => {
      reads.push(name);
      return real.get(name, signal);
    },
  };
};

/** The assets of a node. */
async function node(name: string, options: Partial<AssetOptions> = {}): Promise<Assets> {
  const assets = await openAssets({
    folder: join(root.path, name),
    assetFolders: [join(root.path, 'files')],
    assetHosts: [],
    ffmpeg,
    bucket: noting(),
    ...options,
  });
  opened.push(assets);
  return assets;
}
const cached = async (name: string): Promise<string[]> => (await readdir(join(root.path, name))).sort();
const sound = async (path: string | undefined): Promise<number> => ((await stat(path ?? '')).size - 44) / 4;

describe('pin', () => {
  it('puts a file into the bucket under its hash, and returns its facts', async () => {
    const { sha256, bytes } = await file(footage('sample_portrait.mp4'));
    const facts = await (await node('a')).pin('file:portrait.mp4', forever);
    expect(facts).toMatchObject({ sha256, bytes, video: { width: 720 }, audio: { channels: 1 } });
    expect(await s3.keys('assets/')).toContain(`assets/${sha256}`);
    expect(await bucket.size(`assets/${sha256}`)).toBe(bytes);
    expect(await cached('a')).toEqual([sha256, `${sha256}.json`]);
    expect(reads).toEqual([]);
  });

  it('takes a file that changed for another asset, and one that did not for the same', async () => {
    const a = await node('a');
    const before = await a.pin('file:portrait.mp4', forever);
    expect(await a.pin('file:portrait.mp4', forever)).toBe(before);
    await copyFile(footage('glitch-hop-is-dead.wav'), join(root.path, 'files', 'portrait.mp4'));
    const after = await a.pin('file:portrait.mp4', forever);
    expect(after.format).toBe('wav');
    expect(after.sha256).not.toBe(before.sha256);
  });

  it('puts a file back that somebody deleted from the bucket', async () => {
    const a = await node('a');
    const { sha256, bytes } = await a.pin('file:portrait.mp4', forever);
    await bucket.delete(`assets/${sha256}`);
    await a.pin('file:portrait.mp4', forever);
    expect(await bucket.size(`assets/${sha256}`)).toBe(bytes);
  });

  it('fetches over http, and gives the same asset as the file', async () => {
    const { sha256, path } = await file(footage('sample_portrait.mp4'));
    const data = await readFile(path);
    await using server = await serve((_request, response) => void response.end(data));
    const a = await node('a', { assetHosts: [server.host] });
    expect((await a.pin(`http://${server.host}/x.mp4`, forever)).sha256).toBe(sha256);
    expect((await a.pin(`sha256:${sha256}`, forever)).sha256).toBe(sha256);
  });

  it('leaves nothing behind of what it refuses', async () => {
    const before = await s3.keys('assets/');
    await writeFile(join(root.path, 'files', 'list.m3u8'), '#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n');
    await writeFile(join(root.path, 'files', 'empty.mp4'), '');
    const a = await node('a', { maxFileBytes: 500_000 });
    for (const name of ['list.m3u8', 'empty.mp4']) {
      await expect(a.pin(`file:${name}`, forever)).rejects.toMatchObject({ code: 'asset_refused' });
    }
    await copyFile(footage('video.mp4'), join(root.path, 'files', 'large.mp4'));
    await expect(a.pin('file:large.mp4', forever)).rejects.toMatchObject({
      code: 'asset_refused',
      message: expect.stringContaining('larger than') as string,
    });
    await expect(a.pin('ftp://x/y', forever)).rejects.toMatchObject({ code: 'asset_refused' });
    expect(await cached('a')).toEqual([]);
    expect(await s3.keys('assets/')).toEqual(before);
  });
});

describe('use', () => {
  it('gets an asset from the bucket on another node, its sound decoded', async () => {
    const { sha256 } = await (await node('a')).pin('file:portrait.mp4', forever);
    using held = await (await node('b')).use(sha256, forever);
    expect(reads).toEqual([`assets/${sha256}`]);
    expect(held.asset.facts).toMatchObject({ sha256, audio: { sampleRate: 44_100 } });
    expect((await file(held.asset.path)).sha256).toBe(sha256);
    const seconds = held.asset.facts.audio?.durationSeconds ?? 0;
    expect(seconds).toBeGreaterThan(1);
    expect(Math.abs((await sound(held.asset.audioPath)) - seconds * 48_000)).toBeLessThan(2);
  });

  it('does the work once for all who ask, also when the first one leaves', async () => {
    const { sha256 } = await (await node('a')).pin('file:portrait.mp4', forever);
    const b = await node('b');
    const impatient = new AbortController();
    const first = b.use(sha256, impatient.signal);
    const others = Array.from({ length: 20 }, () => b.use(sha256, forever));
    impatient.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    const held = await Promise.all(others);
    expect(new Set(held.map(({ asset }) => asset)).size).toBe(1);
    expect(reads).toEqual([`assets/${sha256}`]);
  });

  it('survives a restart without asking the bucket, and cleans up what was cut short', async () => {
    const a = await node('a');
    const { sha256 } = await a.pin('file:portrait.mp4', forever);
    (await a.use(sha256, forever)).release();
    await a.stop();
    await writeFile(join(root.path, 'a', 'tmp-left-by-a-dead-process'), 'half');
    using held = await (await node('a')).use(sha256, forever);
    expect(await sound(held.asset.audioPath)).toBeGreaterThan(50_000);
    expect(reads).toEqual([]);
    expect(await cached('a')).toEqual([sha256, `${sha256}.48k.wav`, `${sha256}.json`]);
  });

  it('makes again what somebody removed or cut short', async () => {
    const a = await node('a');
    const { sha256 } = await a.pin('file:portrait.mp4', forever);
    (await a.use(sha256, forever)).release();
    await rm(join(root.path, 'a', `${sha256}.48k.wav`));
    (await a.use(sha256, forever)).release();
    expect(reads).toEqual([]);
    await writeFile(join(root.path, 'a', sha256), 'short');
    using held = await a.use(sha256, forever);
    expect((await file(held.asset.path)).sha256).toBe(sha256);
    expect(reads).toEqual([`assets/${sha256}`]);
  });

  it('refuses other bytes under a name, and keeps none of them', async () => {
    const sha256 = 'e'.repeat(64);
    const { path } = await file(footage('sample_portrait.mp4'));
    await bucket.putFile(`assets/${sha256}`, path, 'video/mp4');
    const a = await node('a');
    await expect(a.use(sha256, forever)).rejects.toMatchObject({
      code: 'bucket_unavailable',
      message: expect.stringContaining('other bytes') as string,
    });
    expect(await cached('a')).toEqual([]);
    await bucket.delete(`assets/${sha256}`);
    await s3.s3.send(
      new PutObjectCommand({
        Bucket: s3.settings.bucket,
        Key: `assets/${sha256}`,
        Body: new Uint8Array(0),
        ContentLength: 0,
      }),
    );
    await expect(a.use(sha256, forever)).rejects.toMatchObject({ code: 'bucket_unavailable' });
    await bucket.delete(`assets/${sha256}`);
    await expect(a.use(sha256, forever)).rejects.toMatchObject({ code: 'unknown_asset' });
  });

  it('evicts the one unused for longest, and never one in use', async () => {
    const names = ['one', 'two', 'three'];
    for (const [n, name] of names.entries()) {
      await make(
        ffmpeg,
        '-f',
        'lavfi',
        '-i',
        `sine=frequency=${200 + n}:d=1`,
        '-f',
        'wav',
        join(root.path, 'files', name),
      );
    }
    // A second of mono 44.1 kHz and of stereo 48 kHz: about 280 kB an asset.
    const a = await node('a', { maxCacheBytes: 700_000 });
    const [one, two, three] = await Promise.all(
      names.map(async (name) => (await a.pin(`file:${name}`, forever)).sha256),
    );
    if (one === undefined || two === undefined || three === undefined) throw new Error('not pinned');
    const held = await a.use(one, forever);
    (await a.use(two, forever)).release();
    using last = await a.use(three, forever);
    await until(async () => !(await cached('a')).includes(two), { what: 'the second asset is evicted' });
    expect((await file(held.asset.path)).sha256).toBe(one);
    expect((await file(last.asset.path)).sha256).toBe(three);
    held.release();
    held.release();
    using again = await a.use(two, forever);
    await until(async () => !(await cached('a')).includes(one), { what: 'the first asset is evicted' });
    expect(again.asset.sha256).toBe(two);
  });
});
