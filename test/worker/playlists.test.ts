import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordCopies } from '../../src/catalog/copies.ts';
import { migrateCatalog } from '../../src/catalog/migrate.ts';
import { segmentName } from '../../src/store/names.ts';
import { initBytes, segmentBytes, startTestNode, type TestNode } from '../integration/playlists/node.ts';
import {
  description,
  leaseSeconds,
  post,
  secret,
  startTestBucket,
  type TestBucket,
} from '../integration/playlists/setup.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { sharedPostgres } from '../support/shared-postgres.ts';
import { startTestWorker, type TestWorker } from './start.ts';

let postgres: TestPostgres;
let bucket: TestBucket;
let worker: TestWorker;
let node: TestNode;

beforeAll(async () => {
  postgres = sharedPostgres();
  const databaseUrl = await postgres.createDatabase();
  await migrateCatalog(databaseUrl);
  bucket = await startTestBucket();
  node = await startTestNode({ id: 'a', databaseUrl, secret, leaseSeconds });
  worker = await startTestWorker(databaseUrl, bucket.url);
});
afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
  await bucket[Symbol.asyncDispose]();
  await postgres.stop();
});

const bytes = async (response: Response): Promise<Uint8Array> => new Uint8Array(await response.arrayBuffer());

test('a description becomes playlists', async () => {
  const video = await post(worker.url, description(70, 1));
  const index = await fetch(video.url);
  expect(index.headers.get('content-type')).toBe('application/vnd.apple.mpegurl');
  expect(await index.text()).toContain('180p/media.m3u8?sealed=0\n');
  const media = await fetch(`${worker.url}/v/${video.id}/180p/media.m3u8?sealed=0`);
  expect(media.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(await media.text()).toMatch(/0\.m4s\n[^]*#EXT-X-ENDLIST\n$/);
  expect((await fetch(`${worker.url}/readyz`)).status).toBe(200);
  expect((await fetch(`${worker.url}/v1/nodes`)).status).toBe(401);
});

test('bytes come through from a node, whole and verified', async () => {
  const video = await post(worker.url, description(10, 2));
  const segment = await fetch(`${worker.url}/v/${video.id}/180p/0.m4s`);
  expect(segment.status).toBe(200);
  expect(segment.headers.get('x-segue-source')).toMatch(/^(a|held)$/);
  expect((await bytes(segment)).slice(-1000)).toEqual(segmentBytes('180p', 0).slice(-1000));
  const again = await fetch(`${worker.url}/v/${video.id}/180p/0.m4s`);
  expect(again.headers.get('x-segue-source')).toBe('a');
  expect(again.headers.get('content-length')).toBe('300000');
  expect(await bytes(again)).toEqual(segmentBytes('180p', 0));
  const part = await fetch(`${worker.url}/v/${video.id}/180p/0.m4s`, { headers: { range: 'bytes=0-9' } });
  expect([part.status, (await bytes(part)).length]).toEqual([206, 10]);
  expect(await bytes(await fetch(`${worker.url}/v/${video.id}/audio/init.mp4`))).toEqual(initBytes('audio'));
});

test('a segment in the bucket is redirected to', async () => {
  const video = await post(worker.url, description(10, 3));
  const { renderId } = (await (await fetch(`${worker.url}/v1/videos/${video.id}`)).json()) as {
    renderId: string;
  };
  await recordCopies(node.catalog.db, renderId, '180p', 'bucket', [[0, 5]]);
  const answer = await fetch(`${worker.url}/v/${video.id}/180p/3.m4s`, { redirect: 'manual' });
  expect([answer.status, answer.headers.get('location')]).toEqual([
    307,
    `${bucket.url}/${segmentName(renderId, '180p', 3, 'fmp4')}`,
  ]);
  expect(await (await fetch(video.url)).text()).toContain('180p/media.m3u8?sealed=5\n');
});

test('a segment that is not made yet is held, and comes', async () => {
  node.open = false;
  const video = await post(worker.url, description(30, 4));
  const answer = await fetch(`${worker.url}/v/${video.id}/180p/4.m4s`);
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
  node.open = true;
  const all = await bytes(answer);
  expect(new TextDecoder().decode(all.slice(4, 8))).toBe('free');
  expect(all.slice(-300_000)).toEqual(segmentBytes('180p', 4));
});

test('subtitles, stills and steering are listed and made as on Node', async () => {
  const text = { start: 1, length: 2, asset: { type: 'text', text: 'shown' } };
  const video = await post(worker.url, { ...description(10, 5), tracks: [{ clips: [text] }] });
  const base = `${worker.url}/v/${video.id}`;
  const index = await (await fetch(`${base}/index.m3u8?steering=1`)).text();
  expect(index).toContain(
    '#EXT-X-CONTENT-STEERING:SERVER-URI="steering.json?generation=1",PATHWAY-ID="nodes"\n',
  );
  expect(index).toContain('URI="subtitles/media.m3u8?sealed=0"');
  expect(index).toContain('URI="iframes/media.m3u8?sealed=0"');
  const words = await fetch(`${base}/subtitles/1.vtt`);
  expect(words.headers.get('content-type')).toBe('text/vtt; charset=utf-8');
  expect(await words.text()).toContain('00:00:01.000 --> 00:00:03.000\nshown\n');
  expect(await (await fetch(`${base}/thumbnails.vtt`)).text()).toContain('\nthumbnails/4.jpg\n');
  const poster = await fetch(`${base}/poster.jpg`, { redirect: 'manual' });
  expect([poster.status, poster.headers.get('location')]).toEqual([307, 'poster/0.jpg']);
  expect(await bytes(await fetch(`${base}/poster.jpg`))).toEqual(segmentBytes('poster', 0));
  expect(await (await fetch(`${base}/steering.json?generation=1`)).json()).toMatchObject({
    VERSION: 1,
    'RELOAD-URI': `${base}/steering.json?generation=1`,
    'PATHWAY-PRIORITY': ['nodes'],
  });
});

test('costs, credentials and limits hold as on Node', async () => {
  const send = (body: object, headers: Record<string, string> = {}) =>
    fetch(`${worker.url}/v1/videos`, { method: 'POST', body: JSON.stringify(body), headers });
  const clips = Array.from({ length: 20 }, () => ({
    clips: [{ length: 3600, asset: { type: 'pattern', pattern: 'plasma' }, opacity: 0.5 }],
  }));
  const huge = { ...description(3600, 6), size: { width: 3840, height: 2160 }, tracks: clips };
  expect((await send(huge)).status).toBe(422);
  expect((await send(description(1, 7), { authorization: 'Bearer wrong' })).status).toBe(401);
  const answer = await send(description(1, 8));
  expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  expect(await answer.json()).toMatchObject({ estimatedCpuSeconds: expect.any(Number) as number });
  // Nothing is remembered between two requests but in the database. The minute in which they are counted may end among them, once.
  const statuses: number[] = [];
  for (let n = 0; n < 62 && statuses.at(-1) !== 429; n += 1)
    statuses.push((await send(description(1, 8))).status);
  expect(statuses[0]).toBe(200);
  expect(statuses.at(-1)).toBe(429);
});
