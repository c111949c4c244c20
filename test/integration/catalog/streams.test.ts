import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Catalog, openCatalog } from '../../../src/catalog/connect.ts';
import { copiesOf } from '../../../src/catalog/copies.ts';
import { foreign, initFile, keyFile } from '../../../src/catalog/foreign.ts';
import { acquireLease, type Lease } from '../../../src/catalog/leases.ts';
import { migrateCatalog } from '../../../src/catalog/migrate.ts';
import { newStreamKey, streamKeyHash } from '../../../src/catalog/stream-key.ts';
import {
  admitSegments,
  closeStream,
  createStream,
  endRendition,
  fileOf,
  filesOf,
  foreignRenditions,
  goLive,
  lastSegments,
  type NewSegment,
  segmentsOf,
  streamByKey,
  streamOf,
  streamOfRender,
  writeFile,
  writeRendition,
} from '../../../src/catalog/streams.ts';
import { currentRender } from '../../../src/catalog/videos.ts';
import { type Change, subscribe } from '../../../src/catalog/wake.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';

let server: TestPostgres;
let catalog: Catalog;
let key: string;
let lease: Lease;
beforeAll(async () => {
  server = sharedPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  const url = await server.createDatabase();
  await migrateCatalog(url);
  catalog = openCatalog(url);
  key = newStreamKey();
  await createStream(catalog.db, {
    videoId: 'v',
    renderId: 'r',
    name: 'A stream',
    keyHash: await streamKeyHash(key),
    windowSeconds: null,
    targetDuration: null,
  });
  const acquired = await acquireLease(catalog.db, 'r', 'a', 60);
  if (!acquired.ours) throw new Error('not ours');
  ({ lease } = acquired);
  return () => catalog.close();
});

const segment = (n: number, more: Partial<NewSegment> = {}): NewSegment => ({
  n,
  durationUs: 4_004_000,
  discontinuity: false,
  init: null,
  key: null,
  programDateTime: null,
  bytes: 1000 + n,
  source: { sequence: n + 7, uri: `s${n}.ts`, crc32: 5 },
  ...more,
});
const rendition = {
  name: 'r0',
  position: 0,
  kind: 'video',
  container: 'mpegts',
  attributes: { source: 'out.m3u8', role: 'variant' },
} as const;

test('a stream is a video with one render that nobody can make, found by the hash of its key', async () => {
  expect(await currentRender(catalog.db, 'v')).toMatchObject({
    renderId: 'r',
    profile: foreign,
    rendererVersion: foreign,
    frameCount: 0,
    renditions: [],
  });
  const found = await streamByKey(catalog.db, await streamKeyHash(key));
  expect(found).toMatchObject({ videoId: 'v', renderId: 'r', name: 'A stream', state: 'waiting' });
  expect(await streamOf(catalog.db, 'v')).toEqual(found);
  expect(await streamOfRender(catalog.db, 'r')).toEqual(found);
  expect(await streamByKey(catalog.db, await streamKeyHash(newStreamKey()))).toBeUndefined();
  expect(key).toMatch(/^[\w-]{32}$/);
});

test('segments are admitted in order and once, with their copies, and announced', async () => {
  const changes: Change[] = [];
  const subscription = await subscribe(catalog, (change) => changes.push(change));
  const aes = { method: 'AES-128', file: keyFile(0), iv: `0x${'0'.repeat(31)}7` } as const;
  const first = [
    segment(0, { init: 0 }),
    segment(1, { key: aes, programDateTime: '2026-01-01T00:00:00.000Z' }),
  ];
  expect(await admitSegments(catalog.db, 'r', 'r0', lease, first)).toBe(true);
  expect(await admitSegments(catalog.db, 'r', 'r0', lease, first), 'twice').toBe(false);
  expect(await admitSegments(catalog.db, 'r', 'r0', lease, [segment(3)]), 'with a gap').toBe(false);
  expect(await admitSegments(catalog.db, 'r', 'r0', lease, [segment(2, { discontinuity: true })])).toBe(true);
  const all = [...first, segment(2, { discontinuity: true })];
  const listed = all.map(({ source: _source, ...row }) => ({ ...row, initKey: null }));
  expect(await segmentsOf(catalog.db, 'r', 'r0')).toEqual(listed);
  expect(await segmentsOf(catalog.db, 'r', 'r0', 1, 2)).toEqual(listed.slice(1, 2));
  expect(await lastSegments(catalog.db, 'r', 'r0', 2)).toEqual(all.slice(1));
  expect(await copiesOf(catalog.db, 'r')).toEqual([{ rendition: 'r0', place: 'a', segments: [[0, 3]] }]);
  await until(() => changes.length === 2, { what: 'both were announced' });
  expect(changes[1]).toEqual({ type: 'copies', renderId: 'r', place: 'a', n: 2 });
  await subscription.stop();
});

test('a rendition is written and written better; init segments and keys stay as they are', async () => {
  expect(await writeRendition(catalog.db, 'r', lease, rendition)).toBe(true);
  const better = {
    ...rendition,
    position: 3,
    attributes: { ...rendition.attributes, codecs: 'avc1.42c01e' },
  };
  expect(await writeRendition(catalog.db, 'r', lease, better)).toBe(true);
  expect(await foreignRenditions(catalog.db, 'r')).toEqual([{ ...better, ended: false }]);
  const init = { name: initFile(0), contentType: 'video/mp4', bytes: Buffer.from([1, 2]) };
  await writeFile(catalog.db, 'r', 'r0', lease, init);
  await writeFile(catalog.db, 'r', 'r0', lease, { ...init, bytes: Buffer.from([3]) });
  expect(Buffer.from((await fileOf(catalog.db, 'r', 'r0', init.name))?.bytes ?? [])).toEqual(init.bytes);
  expect(await filesOf(catalog.db, 'r')).toMatchObject([{ rendition: 'r0', name: init.name }]);
});

test('the target duration is fixed when the stream goes live; it ends once', async () => {
  await writeRendition(catalog.db, 'r', lease, rendition);
  expect(await goLive(catalog.db, 'r', lease, 4)).toBe(true);
  expect(await goLive(catalog.db, 'r', lease, 6)).toBe(false);
  expect(await streamOf(catalog.db, 'v')).toMatchObject({ state: 'live', targetDuration: 4 });
  expect(await endRendition(catalog.db, 'r', 'r0', lease)).toBe(true);
  expect(await foreignRenditions(catalog.db, 'r')).toMatchObject([{ ended: true }]);
  expect(await closeStream(catalog.db, 'r', lease, { state: 'ended' })).toBe(true);
  expect(await closeStream(catalog.db, 'r', lease, { state: 'failed', failure: 'late' })).toBe(false);
  expect(await streamOf(catalog.db, 'v')).toMatchObject({ state: 'ended', failure: null });
});

test('a fenced node writes nothing', async () => {
  await acquireLease(catalog.db, 'r', 'a', 60);
  expect(await writeRendition(catalog.db, 'r', lease, rendition)).toBe(false);
  expect(
    await writeFile(catalog.db, 'r', 'r0', lease, {
      name: 'init-0.mp4',
      contentType: 'x',
      bytes: Buffer.of(1),
    }),
  ).toBe(false);
  expect(await admitSegments(catalog.db, 'r', 'r0', lease, [segment(0)])).toBe(false);
  expect(await goLive(catalog.db, 'r', lease, 4)).toBe(false);
  expect(await closeStream(catalog.db, 'r', lease, { state: 'ended' })).toBe(false);
  expect(await foreignRenditions(catalog.db, 'r')).toEqual([]);
  expect(await filesOf(catalog.db, 'r')).toEqual([]);
  expect(await segmentsOf(catalog.db, 'r', 'r0')).toEqual([]);
});
