import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bucketPlace } from '../../../src/catalog/bucket-place.ts';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { copiesAt, copiesOf, type Fence, recordCopies, replaceCopies } from '../../../src/catalog/copies.ts';
import { tally } from '../../../src/catalog/findings.ts';
import { acquireLease } from '../../../src/catalog/leases.ts';
import {
  admitSegments,
  closeStream,
  createStream,
  endRendition,
  goLive,
  writeFile,
  writeRendition,
} from '../../../src/catalog/streams.ts';
import { renderById } from '../../../src/catalog/videos.ts';
import { subscribe } from '../../../src/catalog/wake.ts';
import { startCopying } from '../../../src/copy/copying.ts';
import { lostCopies } from '../../../src/copy/lost.ts';
import { sweepInTurn } from '../../../src/copy/sweep-turn.ts';
import { copyCare } from '../../../src/node/copy-care.ts';
import { reconcileDisk, uncopied } from '../../../src/node/reconcile.ts';
import { type Bucket, openBucket } from '../../../src/store/bucket.ts';
import { type DiskStore, openDiskStore } from '../../../src/store/disk.ts';
import { immutable, segmentName } from '../../../src/store/names.ts';
import { startTestBucket, type TestBucket } from '../../support/bucket.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { bytesOf, emptyCatalog, log } from './kit.ts';

let server: TestPostgres;
let store: TestBucket;
let bucket: Bucket;
beforeAll(async () => {
  server = sharedPostgres();
  store = await startTestBucket();
  bucket = openBucket(store.settings);
});
afterAll(async () => {
  bucket.close();
  await Promise.all([server.stop(), store.stop()]);
});

/** A stream with one CMAF rendition of two-second segments, taken in by this node. */
async function stream(catalog: Catalog, renderId: string, windowSeconds: number | null): Promise<Fence> {
  await createStream(catalog.db, {
    videoId: `stream-${renderId}`,
    renderId,
    name: '',
    keyHash: renderId,
    windowSeconds,
    targetDuration: 2,
  });
  const acquired = await acquireLease(catalog.db, renderId, 'a', 60);
  if (!acquired.ours) throw new Error('the lease is held');
  const attributes = { source: 'v.m3u8', role: 'variant', bandwidth: 1000 } as const;
  await writeRendition(catalog.db, renderId, acquired.lease, {
    name: 'v0',
    position: 0,
    kind: 'video',
    container: 'fmp4',
    attributes,
  });
  const init = { name: 'init-0.mp4', contentType: 'video/mp4', bytes: bytesOf('init', 0) };
  await writeFile(catalog.db, renderId, 'v0', acquired.lease, init);
  return acquired.lease;
}

async function admit(
  catalog: Catalog,
  disk: DiskStore,
  renderId: string,
  fence: Fence,
  n: number,
): Promise<void> {
  const { bytes, crc32 } = await disk.put(renderId, 'v0', n, bytesOf('v0', n));
  const segment = {
    n,
    durationUs: 2_000_000,
    discontinuity: n === 1,
    init: 0,
    key: null,
    programDateTime: null,
    bytes,
    source: { sequence: n, uri: `${n}.m4s`, crc32 },
  };
  expect(await admitSegments(catalog.db, renderId, 'v0', fence, [segment])).toBe(true);
}

async function end(catalog: Catalog, renderId: string, fence: Fence): Promise<void> {
  await endRendition(catalog.db, renderId, 'v0', fence);
  await closeStream(catalog.db, renderId, fence, { state: 'ended' });
}

test('a stream that has ended is sealed once everything is copied, whichever comes last', async () => {
  await using folder = await temporaryFolder();
  const catalog = await emptyCatalog(await server.createDatabase());
  const disk = await openDiskStore(folder.path);
  const copying = startCopying({ disk, bucket, catalog, log, concurrency: 2, onCopied: () => undefined });
  // As a node does it.
  const endings = await subscribe(catalog, (change) => {
    if (change.type === 'render' && change.state === 'ended') copying.settle(change.renderId);
  });
  const sealed = (renderId: string) =>
    until(async () => (await renderById(catalog.db, renderId))?.sealedAt, { what: `${renderId} is sealed` });
  const task = (renderId: string, n: number) =>
    ({ renderId, rendition: 'v0', kind: 'video', container: 'fmp4', n }) as const;
  try {
    // Copied first, ended then.
    const event = await stream(catalog, 'event', null);
    for (let n = 0; n < 4; n += 1) await admit(catalog, disk, 'event', event, n);
    for (let n = 0; n < 4; n += 1) copying.enqueue(task('event', n));
    await goLive(catalog.db, 'event', event, 2);
    await copying.idle(AbortSignal.timeout(20_000));
    expect((await renderById(catalog.db, 'event'))?.sealedAt).toBeNull();
    await end(catalog, 'event', event);
    await sealed('event');
    expect(await store.keys('renders/event/')).toEqual([
      'renders/event/index.m3u8',
      ...[0, 1, 2, 3].map((n) => `renders/event/v0/${n}.m4s`),
      'renders/event/v0/init-0.mp4',
      'renders/event/v0/media.m3u8',
    ]);
    const read = async (key: string) => Buffer.from((await bucket.get(key)) ?? []).toString();
    expect(await read('renders/event/index.m3u8')).toContain('\nv0/media.m3u8\n');
    expect(await read('renders/event/v0/media.m3u8')).toBe(
      [
        '#EXTM3U',
        '#EXT-X-VERSION:7',
        '#EXT-X-TARGETDURATION:2',
        '#EXT-X-MEDIA-SEQUENCE:0',
        '#EXT-X-PLAYLIST-TYPE:VOD',
        '#EXT-X-MAP:URI="init-0.mp4"',
        '#EXTINF:2.000000,',
        '0.m4s',
        '#EXT-X-DISCONTINUITY',
        ...[1, 2, 3].flatMap((n) => ['#EXTINF:2.000000,', `${n}.m4s`]),
        '#EXT-X-ENDLIST',
        '',
      ].join('\n'),
    );

    // Ended first, copied then: the last window of a sliding list.
    const live = await stream(catalog, 'live', 6);
    for (let n = 0; n < 5; n += 1) await admit(catalog, disk, 'live', live, n);
    await goLive(catalog.db, 'live', live, 2);
    await end(catalog, 'live', live);
    for (let n = 0; n < 5; n += 1) copying.enqueue(task('live', n));
    await sealed('live');
    expect(await read('renders/live/v0/media.m3u8')).toMatch(
      /MEDIA-SEQUENCE:2\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n[^]*\n2\.m4s\n[^]*\n4\.m4s\n#EXT-X-ENDLIST\n$/,
    );

    // With a key of its own it stays with the service: the bucket is open to everybody.
    const secret = await stream(catalog, 'secret', null);
    const key = { name: 'key-0.key', contentType: 'application/octet-stream', bytes: bytesOf('key', 0) };
    await writeFile(catalog.db, 'secret', 'v0', secret, key);
    await admit(catalog, disk, 'secret', secret, 0);
    await goLive(catalog.db, 'secret', secret, 2);
    copying.enqueue(task('secret', 0));
    await end(catalog, 'secret', secret);
    await copying.idle(AbortSignal.timeout(20_000));
    expect((await renderById(catalog.db, 'secret'))?.sealedAt).toBeNull();
    expect(await store.keys('renders/secret/')).toEqual(['renders/secret/v0/0.m4s']);
  } finally {
    await endings.stop();
    await copying.stop();
    await catalog.close();
  }
});

test('a stream whose nodes are gone is sealed by a sweep, once it has ended and the bucket has everything', async () => {
  await using folder = await temporaryFolder();
  const catalog = await emptyCatalog(await server.createDatabase());
  try {
    const fence = await stream(catalog, 'gone', null);
    const former = await openDiskStore(folder.path);
    for (let n = 0; n < 2; n += 1) {
      await admit(catalog, former, 'gone', fence, n);
      const key = segmentName('gone', 'v0', n, 'fmp4');
      await bucket.put({ key, data: bytesOf('v0', n), contentType: 'video/mp4', cacheControl: immutable });
    }
    await recordCopies(catalog.db, 'gone', 'v0', bucketPlace, [[0, 2]]);
    await goLive(catalog.db, 'gone', fence, 2);
    const disk = { facts: () => undefined };
    const lost = lostCopies({ catalog, bucket, disk, log });
    const grace = { liveSeconds: 60, orphanGraceSeconds: 3600, uploadGraceSeconds: 86_400 };
    const sweep = async () => {
      const noted = tally();
      const options = { catalog, bucket, lost, nodeId: 'b', log, ...grace };
      await sweepInTurn(options, noted, 0, AbortSignal.timeout(20_000));
      const { findings } = noted.report();
      return findings.filter(({ kind }) => kind !== 'orphan');
    };
    expect(await sweep(), 'it may go on').toEqual([]);
    await end(catalog, 'gone', fence);
    expect(await sweep()).toMatchObject([{ kind: 'unsealed-render', examples: [{ done: 'sealed' }] }]);
    expect((await renderById(catalog.db, 'gone'))?.sealedAt).toBeInstanceOf(Date);
    expect(await store.keys('renders/gone/')).toContain('renders/gone/index.m3u8');
    expect(await sweep()).toEqual([]);
  } finally {
    await catalog.close();
  }
});

test('after a crash a node keeps what was listed, and drops what another node may have listed with other bytes', async () => {
  await using folder = await temporaryFolder();
  const catalog = await emptyCatalog(await server.createDatabase());
  try {
    const disk = await openDiskStore(folder.path);
    const fence = await stream(catalog, 'r', null);
    for (let n = 0; n < 4; n += 1) await admit(catalog, disk, 'r', fence, n);
    // Never listed; listed with other bytes; listed, and only this node's row was lost.
    await disk.put('r', 'v0', 4, bytesOf('v0', 4));
    await disk.remove('r', 'v0', 3);
    await disk.put('r', 'v0', 3, bytesOf('other', 3));
    await replaceCopies(catalog.db, 'r', 'v0', 'a', [[0, 2]]);
    await reconcileDisk({ catalog, disk, nodeId: 'a', log });
    expect([...(disk.held('r').get('v0')?.keys() ?? [])]).toEqual([0, 1, 2]);
    expect(await copiesAt(catalog.db, 'a')).toMatchObject([{ rendition: 'v0', segments: [[0, 3]] }]);
  } finally {
    await catalog.close();
  }
});

test('of an adopted disk stays what was listed, by whichever node, and goes what never was', async () => {
  await using folder = await temporaryFolder();
  await using other = await temporaryFolder();
  const catalog = await emptyCatalog(await server.createDatabase());
  try {
    const former = await openDiskStore(other.path);
    const fence = await stream(catalog, 'r', null);
    for (let n = 0; n < 4; n += 1) await admit(catalog, former, 'r', fence, n);
    await former.put('r', 'v0', 4, bytesOf('v0', 4));
    // Of this node: never listed, where the other's were; listed, and the other has never listed bytes of that number.
    const own = await openDiskStore(folder.path);
    await own.put('r', 'v0', 1, bytesOf('other', 1));
    await own.put('r', 'v0', 2, bytesOf('v0', 2));
    await former.remove('r', 'v0', 2);
    await former.put('r', 'v0', 2, bytesOf('other', 2));
    await replaceCopies(catalog.db, 'r', 'v0', 'b', [[1, 3]]);

    const disk = await openDiskStore(folder.path, [other.path]);
    await reconcileDisk({ catalog, disk, nodeId: 'b', log });
    expect(new Set(disk.held('r').get('v0')?.keys())).toEqual(new Set([0, 1, 2, 3]));
    for (let n = 0; n < 4; n += 1) {
      expect(disk.files('r', 'v0', n)).toHaveLength(1);
      const read = await disk.read('r', 'v0', n);
      expect(read?.data.equals(bytesOf('v0', n)), `segment ${n}`).toBe(true);
    }
    expect(await copiesAt(catalog.db, 'b')).toMatchObject([{ rendition: 'v0', segments: [[0, 4]] }]);
  } finally {
    await catalog.close();
  }
});

test('what was never listed with these bytes is neither copied nor taken for what the bucket has lost', async () => {
  await using folder = await temporaryFolder();
  const catalog = await emptyCatalog(await server.createDatabase());
  const queued: number[] = [];
  try {
    const disk = await openDiskStore(folder.path);
    const fence = await stream(catalog, 'left', null);
    await admit(catalog, disk, 'left', fence, 0);
    await admit(catalog, disk, 'left', fence, 1);
    // Of this number another node has listed other bytes than were written here; the next was never listed.
    await disk.remove('left', 'v0', 1);
    await disk.put('left', 'v0', 1, bytesOf('other', 1));
    await disk.put('left', 'v0', 2, bytesOf('v0', 2));
    // As a node does it whose announcements were interrupted.
    const signal = AbortSignal.timeout(60_000);
    const found: number[] = [];
    for await (const { n } of uncopied({ catalog, disk, bucket, nodeId: 'a', log }, signal)) found.push(n);
    expect(found).toEqual([0]);
    await recordCopies(catalog.db, 'left', 'v0', bucketPlace, [[0, 2]]);
    const care = copyCare({
      catalog,
      bucket,
      disk,
      copying: { enqueue: ({ n }) => queued.push(n) > 0, settle: () => undefined },
      log,
      onLost: () => undefined,
      signal,
    });
    const copy = (n: number) => ({ renderId: 'left', rendition: 'v0', n });
    expect([await care.lost.check(copy(1)), await care.lost.check(copy(0))]).toEqual(['lost', 'lost']);
    const stored = (await copiesOf(catalog.db, 'left')).find(({ place }) => place === bucketPlace);
    expect(stored?.segments, 'its row is all that is left of the right bytes').toEqual([[1, 2]]);
    for (const n of [1, 0]) care.hear({ type: 'lost', ...copy(n) });
    await until(() => queued.length > 0, { what: 'the right one is copied again' });
    expect(queued).toEqual([0]);
    // Of a copy of the wrong size the same holds: only who has what was listed may replace it.
    const cut = (n: number) => ({ Bucket: store.settings.bucket, Key: segmentName('left', 'v0', n, 'fmp4') });
    for (const n of [0, 1]) await store.s3.send(new PutObjectCommand({ ...cut(n), Body: 'cut' }));
    await recordCopies(catalog.db, 'left', 'v0', bucketPlace, [[0, 2]]);
    for (const n of [1, 0]) care.hear({ type: 'suspect', ...copy(n) });
    await until(async () => !(await store.keys('renders/left/')).includes(cut(0).Key), {
      what: 'the wrong copy of what is here is taken away',
    });
    expect(await care.lost.check(copy(1))).toBe('damaged');
    expect(await store.keys('renders/left/')).toEqual([cut(1).Key]);
  } finally {
    await catalog.close();
  }
});
