import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordCopies } from '../../../src/catalog/copies.ts';
import { sizesOf } from '../../../src/catalog/sizes.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { startTestNode } from './node.ts';
import { description, leaseSeconds, post, secret, startService, startTestBucket } from './setup.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = sharedPostgres();
});
afterAll(() => postgres.stop());

const cdn = 'http://cdn.example.org/media';
const node = (databaseUrl: string, more: object = {}) =>
  startTestNode({ id: 'a', databaseUrl, secret, leaseSeconds, aheadSeconds: 60, ...more });

const clip = (start: number, length: number, text: string): object => ({
  start,
  length,
  asset: { type: 'text', text },
});
const withText = {
  ...description(10),
  tracks: [{ clips: [clip(0.4, 1, 'one < two'), clip(3, 4, 'across')] }],
};

interface Status {
  renderId: string;
  state: string;
  subtitles: object[];
  renditions: { name: string; absent: number[][]; onDemand: boolean }[];
}

test('subtitles are listed and served without a node, and change for nobody', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  const video = await post(service.url, withText);
  const get = (path: string): Promise<Response> => fetch(`${service.url}/v/${video.id}/${path}`);
  const index = await (await get('index.m3u8')).text();
  expect(index).toContain('#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="Text",');
  expect(index).toContain('URI="subtitles/media.m3u8?sealed=0"');
  const list = await get('subtitles/media.m3u8?sealed=0');
  expect(list.headers.get('cache-control')).toContain('immutable');
  expect(await list.text()).toMatch(/#EXTINF:3\.840000,\n3\.vtt\n[^]*#EXT-X-ENDLIST\n$/);
  // Whatever a session's other lists carry: text has no other place.
  expect((await get('subtitles/media.m3u8?sealed=5')).status).toBe(200);
  const segment = await get('subtitles/0.vtt');
  expect(segment.headers.get('content-type')).toBe('text/vtt; charset=utf-8');
  expect(segment.headers.get('cache-control')).toContain('immutable');
  expect(await segment.text()).toContain('00:00:00.400 --> 00:00:01.400\none &lt; two\n');
  // Segments 3 and 4 begin at 3.84 and 7.68 s.
  for (const n of [2, 3]) expect(await (await get(`subtitles/${n}.vtt`)).text()).toContain('across');
  expect(await (await get('subtitles/4.vtt')).text()).not.toContain('-->');
  for (const path of ['subtitles/5.vtt', 'subtitles1/0.vtt', '180p/0.vtt', 'subtitles/0.m4s']) {
    expect((await get(path)).status, path).toBe(404);
  }
  const status = (await (await fetch(`${service.url}/v1/videos/${video.id}`)).json()) as Status;
  expect(status.subtitles).toEqual([{ path: 'subtitles', name: 'Text', language: null }]);
  expect(status.renditions.map(({ name }) => name)).not.toContain('subtitles');
});

test('stills have lists of their own kind; pictures are named before they are made', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  await using a = await node(databaseUrl);
  const video = await post(service.url, description(10, 1));
  const get = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(`${service.url}/v/${video.id}/${path}`, init);
  const index = await (await get('index.m3u8')).text();
  expect(index).toMatch(/#EXT-X-I-FRAME-STREAM-INF:.*URI="iframes\/media\.m3u8\?sealed=0"/);
  expect(index).toMatch(/#EXT-X-IMAGE-STREAM-INF:.*CODECS="jpeg",.*URI="thumbnails\/media\.m3u8\?sealed=0"/);
  expect(await (await get('iframes/media.m3u8')).text()).toContain('#EXT-X-I-FRAMES-ONLY\n');
  expect(await (await get('thumbnails/media.m3u8')).text()).toContain('#EXT-X-IMAGES-ONLY\n');
  expect((await get('poster/media.m3u8')).status).toBe(404);
  const strip = await get('thumbnails.vtt');
  expect(strip.headers.get('content-type')).toContain('text/vtt');
  expect(await strip.text()).toContain('00:00:03.840 --> 00:00:07.680\nthumbnails/3.jpg\n');
  const poster = await get('poster.jpg', { redirect: 'manual' });
  expect([poster.status, poster.headers.get('location')]).toEqual([307, 'poster/0.jpg']);
  const picture = await get('poster.jpg');
  expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
  expect((await get('poster/1.jpg')).status).toBe(404);
  expect((await get('thumbnails/2.jpg')).status).toBe(200);
  expect((await get('thumbnails/2.m4s')).status).toBe(404);
  expect(a.requests.length).toBeGreaterThan(0);
});

test('a picture that nobody makes is an error in time, without a byte before it', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn, { holdSeconds: 1 });
  const video = await post(service.url, description(10, 2));
  const answer = await fetch(`${service.url}/v/${video.id}/thumbnails/1.jpg`);
  expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('cache-control')]).toEqual([
    503,
    '1',
    'no-store',
  ]);
});

test('rates are bounds at first, and as measured once a rendition is made, wherever it was begun', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  await using a = await node(databaseUrl, { open: false });
  const video = await post(service.url, description(10, 3));
  const rates = async (): Promise<number[]> => {
    const text = await (await fetch(`${service.url}/v/${video.id}/index.m3u8`)).text();
    const [, peak, average] = /#EXT-X-STREAM-INF:BANDWIDTH=(\d+),AVERAGE-BANDWIDTH=(\d+),/.exec(text) ?? [];
    return [Number(peak), Number(average)];
  };
  const declared = await rates();
  expect(declared[0]).not.toBe(declared[1]);
  // The viewer begins in the middle, so the database's arrays begin there too.
  const wanted = fetch(`${service.url}/v/${video.id}/180p/4.m4s`).then((answer) => answer.arrayBuffer());
  a.open = true;
  await wanted;
  const status = async (): Promise<Status> =>
    (await (await fetch(`${service.url}/v1/videos/${video.id}`)).json()) as Status;
  await until(
    async () => (await status()).renditions.every(({ absent, onDemand }) => onDemand || absent.length === 0),
    { what: 'all is made' },
  );
  const { renderId } = await status();
  expect((await sizesOf(a.catalog.db, renderId)).get('180p')).toEqual(Array(5).fill(300_000));
  // Segments of 300000 bytes last 0.96, 0.96, 1.92, 3.84 and 2.32 s. The densest run of 2 to 6 s is that of the first three.
  const peak = (3 * 300_000 * 8) / 3.84;
  const average = (5 * 300_000 * 8) / 10;
  const [measuredPeak = 0, measuredAverage = 0] = await rates();
  // Twice: picture and sound weigh the same here. Sound is cut at whole AAC frames.
  expect(Math.abs(measuredPeak / (2 * peak) - 1)).toBeLessThan(0.01);
  expect(Math.abs(measuredAverage / (2 * average) - 1)).toBeLessThan(0.01);
});

test('steering moves sessions once all is stored; those that begin later are not steered', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url, { steering: true });
  await using a = await node(databaseUrl, { open: false });
  const video = await post(service.url, description(10, 4));
  const base = `${service.url}/v/${video.id}`;
  const text = async (path: string): Promise<string> => (await fetch(`${base}/${path}`)).text();
  const index = await text('index.m3u8');
  expect(index).toContain(
    '#EXT-X-CONTENT-STEERING:SERVER-URI="steering.json?generation=1",PATHWAY-ID="nodes"\n',
  );
  expect(index).toMatch(/STABLE-VARIANT-ID="180p",PATHWAY-ID="nodes"\n180p\/media\.m3u8\?sealed=0\n/);
  expect(index.match(/#EXT-X-STREAM-INF/g), 'no variant twice').toHaveLength(1);
  expect(await text('index.m3u8?steering=0')).not.toMatch(/STEERING|PATHWAY|STABLE/);
  const manifest = async () => (await (await fetch(`${base}/steering.json?generation=1`)).json()) as object;
  expect(await manifest()).toEqual({
    VERSION: 1,
    TTL: 10,
    'RELOAD-URI': `${base}/steering.json?generation=1`,
    'PATHWAY-PRIORITY': ['nodes'],
  });
  const { renderId } = (await (await fetch(`${service.url}/v1/videos/${video.id}`)).json()) as Status;
  for (const name of ['180p', 'audio']) {
    await recordCopies(a.catalog.db, renderId, name, 'bucket', [[0, 5]]);
  }
  const moved = {
    VERSION: 1,
    TTL: 60,
    'RELOAD-URI': `${base}/steering.json?generation=1`,
    'PATHWAY-PRIORITY': ['bucket', 'nodes'],
    'PATHWAY-CLONES': [
      {
        'BASE-ID': 'nodes',
        ID: 'bucket',
        'URI-REPLACEMENT': {
          HOST: '127.0.0.1',
          'PER-VARIANT-URIS': { '180p': `${base}/180p/media.m3u8?sealed=5` },
          'PER-RENDITION-URIS': { audio: `${base}/audio/media.m3u8?sealed=5` },
        },
      },
    ],
  };
  // A bucket that takes longer than a moment to answer is passed by.
  await until(async () => JSON.stringify(await manifest()).includes('PATHWAY-CLONES'), {
    what: 'sessions are moved',
  });
  expect(await manifest()).toEqual(moved);
  const answer = await fetch(`${base}/steering.json?generation=1`);
  expect([answer.headers.get('cache-control'), answer.headers.get('access-control-allow-origin')]).toEqual([
    'no-store',
    '*',
  ]);
  expect(await text('index.m3u8')).not.toMatch(/STEERING|PATHWAY/);
  expect((await fetch(`${base}/index.m3u8?steering=maybe`)).status).toBe(400);
  // Whoever was moved is called back while the bucket is away, and later sessions begin with stable URLs.
  await bucket[Symbol.asyncDispose]();
  await until(async () => JSON.stringify(await manifest()).includes('["nodes","bucket"]'), {
    what: 'the bucket is missed',
  });
  expect(await manifest()).toEqual({ ...moved, TTL: 10, 'PATHWAY-PRIORITY': ['nodes', 'bucket'] });
  expect(await text('index.m3u8')).toMatch(/STEERING[^]*180p\/media\.m3u8\?sealed=0\n/);
});
