import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { copiesAt, recordCopies } from '../../../src/catalog/copies.ts';
import { addDemand } from '../../../src/catalog/demand.ts';
import { countOf } from '../../../src/catalog/ranges.ts';
import { renderById } from '../../../src/catalog/videos.ts';
import { expiring } from '../../../src/node/policy/expire.ts';
import { reachParts } from '../../../src/policy/facts.ts';
import { readPolicy } from '../../../src/policy/read.ts';
import { type Bucket, openBucket } from '../../../src/store/bucket.ts';
import { type DiskStore, openDiskStore } from '../../../src/store/disk.ts';
import { startTestBucket, type TestBucket } from '../../support/bucket.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { type FaultProxy, startFaultProxy, through } from '../../support/proxy.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { addVideo, emptyCatalog, log, names } from './kit.ts';
import { fillDisk, set, startTestPolicy, storedCount } from './policy-kit.ts';

let server: TestPostgres;
let store: TestBucket;
let proxy: FaultProxy;
let bucket: Bucket;
let catalog: Catalog;
let disk: DiskStore;
beforeAll(async () => {
  server = sharedPostgres();
  store = await startTestBucket();
  proxy = await startFaultProxy(store.settings.endpoint);
  bucket = openBucket({ ...store.settings, endpoint: through(proxy, store.settings.endpoint) });
});
afterAll(async () => {
  bucket.close();
  await proxy.stop();
  await Promise.all([server.stop(), store.stop()]);
});
beforeEach(async () => {
  catalog = await emptyCatalog(await server.createDatabase());
  const own = await temporaryFolder();
  disk = await openDiskStore(own.path);
  await proxy.fail(undefined);
  await store.empty();
  return async () => {
    await catalog.close();
    await own[Symbol.asyncDispose]();
  };
});

/** Videos of 20 s: eight segments of two renditions, of this many bytes each. */
const count = 8;
const bytes = 100_000;
const ofOne = count * 2 * bytes;
const add = async (renderId: string): Promise<void> => {
  await addVideo(catalog, renderId, 20);
  await fillDisk(catalog, disk, renderId, count, { bytes });
};
const start = (options: Partial<Parameters<typeof startTestPolicy>[0]> = {}) =>
  startTestPolicy({ catalog, disk, bucket, ...options });
const nothing = { default: { copy: { what: 'nothing' } } };
const everything = { default: { copy: { what: 'everything' } } };

/** What rows say that this node has of a render. */
const rowsOf = async (renderId: string): Promise<number> =>
  (await copiesAt(catalog.db, 'a'))
    .filter((row) => row.renderId === renderId)
    .reduce((sum, { segments }) => sum + countOf(segments), 0);
const onDisk = (renderId: string): number =>
  [...disk.held(renderId).values()].reduce((sum, segments) => sum + segments.size, 0);
/** Somebody saw all of it, so many seconds ago. */
const watch = (renderId: string, ago: number): Promise<void> =>
  addDemand(catalog.db, [
    {
      videoId: `video-of-${renderId}`,
      at: Date.now() - ago * 1000,
      views: 1,
      viewers: 1,
      minutesWatched: 0.33,
      reach: Array.from({ length: reachParts }, () => 1),
    },
  ]);

describe('space', () => {
  test('is made from the high watermark down to the low one: what the bucket has first, least lately watched first', async () => {
    for (const [index, id] of ['first', 'second', 'third', 'alone'].entries()) {
      await add(id);
      await watch(id, 1000 - index * 100);
      if (id === 'alone') continue;
      for (const name of names) await recordCopies(catalog.db, id, name, 'bucket', [[0, count]]);
    }
    await set(catalog, { ...nothing, disk: { high: 0.9, low: 0.6 } });
    await using node = await start({ budgetBytes: ofOne * 4 });
    await until(() => node.evicted.length === 2, { what: 'room is made' });
    expect(disk.bytes).toBeLessThanOrEqual(ofOne * 2.4);
    expect(node.evicted).toEqual(['16 elsewhere', '16 elsewhere']);
    for (const id of ['first', 'second']) expect([onDisk(id), await rowsOf(id)]).toEqual([0, 0]);
    for (const id of ['third', 'alone']) expect([onDisk(id), await rowsOf(id)]).toEqual([16, 16]);
    expect(node.policy.room()).toBe('plenty');
  });

  test('is made of what is cheapest to render again where nothing is elsewhere, never of what is watched', async () => {
    for (const id of ['dear', 'watched', 'cheap']) await add(id);
    await catalog.db.execute(
      `UPDATE renders SET made = 8, cpu_seconds = CASE id WHEN 'dear' THEN 100 ELSE 1 END`,
    );
    await set(catalog, nothing);
    await using node = await start();
    node.watching.note('watched', 3);
    node.state.held = ['held'];
    const gone = await node.policy.evict({ bytes: 1 });
    expect(gone).toEqual({ segments: 16, bytes: ofOne });
    expect(['dear', 'watched', 'cheap'].map(onDisk)).toEqual([16, 16, 0]);
    await node.policy.evict({ bytes: 1e12 });
    expect(['dear', 'watched'].map(onDisk)).toEqual([0, 16]);
  });

  test('is not made of what is being rendered here', async () => {
    await add('r');
    await set(catalog, nothing);
    await using node = await start();
    node.state.held = ['r'];
    expect(await node.policy.evict({ renderId: 'r' })).toEqual({ segments: 0, bytes: 0 });
    node.state.held = [];
    expect(await node.policy.evict({ renderId: 'r' })).toEqual({ segments: 16, bytes: ofOne });
  });

  test('is made of what nobody can make again only where the bucket has it at this moment', async () => {
    await add('stream');
    await catalog.db.execute(`UPDATE renders SET profile = 'foreign'`);
    await set(catalog, nothing);
    for (const name of names) await recordCopies(catalog.db, 'stream', name, 'bucket', [[0, count]]);
    // Another node has it too, and might let go of it at the same moment.
    await recordCopies(catalog.db, 'stream', 'audio', 'b', [[0, count]]);
    const key = (n: number) => `renders/stream/180p/${n}.m4s`;
    const whole = { contentType: 'video/mp4', cacheControl: 'no-store' };
    const read = async (n: number) => (await disk.read('stream', '180p', n))?.data ?? Buffer.alloc(0);
    await bucket.put({ ...whole, key: key(0), data: await read(0) });
    await bucket.put({ ...whole, key: key(1), data: Buffer.from('something else') });
    await using node = await start();
    expect(await node.policy.evict({ bytes: 1e12 })).toEqual({ segments: 1, bytes });
    expect(disk.facts('stream', '180p', 0)).toBeUndefined();
    expect(onDisk('stream')).toBe(15);
    await proxy.fail({ kind: 'refuse' });
    expect(await node.policy.evict({ bytes: 1e12 })).toEqual({ segments: 0, bytes: 0 });
    expect(onDisk('stream')).toBe(15);
    // What does not have to be asked for makes up for it.
    await add('own');
    await watch('own', 10);
    await recordCopies(catalog.db, 'own', 'audio', 'bucket', [[0, count]]);
    expect(await node.policy.evict({ bytes: count * bytes })).toEqual({
      segments: count,
      bytes: count * bytes,
    });
    expect([onDisk('stream'), onDisk('own')]).toEqual([15, count]);
  });

  test('is made of no more than what is needed of a stream', async () => {
    await add('stream');
    await catalog.db.execute(`UPDATE renders SET profile = 'foreign'`);
    await set(catalog, nothing);
    const whole = { contentType: 'video/mp4', cacheControl: 'no-store' };
    for (const name of names) {
      await recordCopies(catalog.db, 'stream', name, 'bucket', [[0, count]]);
      for (let n = 0; n < count; n += 1) {
        const data = (await disk.read('stream', name, n))?.data ?? Buffer.alloc(0);
        await bucket.put({ ...whole, key: `renders/stream/${name}/${n}.m4s`, data });
      }
    }
    await using node = await start();
    expect(await node.policy.evict({ bytes: 3 * bytes })).toEqual({ segments: 3, bytes: 3 * bytes });
  });
});

describe('what is kept', () => {
  test('leaves the disk after localSeconds without a viewer, where the bucket has it', async () => {
    for (const id of ['old', 'new', 'alone']) {
      await add(id);
      if (id !== 'alone')
        for (const name of names) await recordCopies(catalog.db, id, name, 'bucket', [[0, count]]);
    }
    await catalog.db.execute(`UPDATE videos SET created_at = now() - interval '1 day'`);
    await watch('new', 60);
    await set(catalog, { default: { copy: { what: 'nothing' }, keep: { localSeconds: 3600 } } });
    await using node = await start();
    await until(() => onDisk('old') === 0, { what: 'the old one leaves' });
    await node.policy.settled(AbortSignal.timeout(60_000));
    expect([onDisk('new'), onDisk('alone')]).toEqual([16, 16]);
  });

  test('of one rule together is no more than localBytes', async () => {
    for (const [index, id] of ['a1', 'a2', 'b1'].entries()) {
      await add(id);
      for (const name of names) await recordCopies(catalog.db, id, name, 'bucket', [[0, count]]);
      await watch(id, 1000 - index);
    }
    await catalog.db.execute(`UPDATE videos SET labels = '{a}' WHERE id LIKE 'video-of-a%'`);
    await set(catalog, {
      ...nothing,
      rules: [
        { name: 'few', match: { labels: ['a'] }, copy: { what: 'nothing' }, keep: { localBytes: ofOne } },
      ],
    });
    await using node = await start();
    await until(() => onDisk('a1') === 0, { what: 'the less lately watched one leaves' });
    await node.policy.settled(AbortSignal.timeout(60_000));
    expect([onDisk('a2'), onDisk('b1')]).toEqual([16, 16]);
  });

  test('leaves the bucket after bucketDays without a viewer, rows first, and is no longer sealed', async () => {
    for (const id of ['old', 'new']) {
      await add(id);
      await catalog.db.execute(`UPDATE renders SET sealed_at = now()`);
    }
    await set(catalog, everything);
    {
      await using node = await start();
      await until(
        async () => (await storedCount(catalog, 'old')) + (await storedCount(catalog, 'new')) === 32,
        {
          what: 'both are copied',
        },
      );
      expect(node.outcomes.every((outcome) => outcome === 'stored')).toBe(true);
    }
    await catalog.db.execute(`UPDATE videos SET created_at = now() - interval '3 days'`);
    await watch('new', 3600);
    const policy = readPolicy({ default: { copy: { what: 'everything' }, keep: { bucketDays: 2 } } });
    const step = expiring({
      catalog,
      leaseSeconds: 600,
      bucket,
      watch: { current: { version: 1, policy } },
      log,
    });
    await step(new AbortController().signal);
    expect(await storedCount(catalog, 'old')).toBe(0);
    expect(await store.keys('renders/old/')).toEqual([]);
    expect((await renderById(catalog.db, 'old'))?.sealedAt).toBeNull();
    expect(await store.keys('renders/new/')).toHaveLength(16);
    expect((await renderById(catalog.db, 'new'))?.sealedAt).not.toBeNull();
    // What has left is not copied again.
    await set(catalog, { default: { copy: { what: 'everything' }, keep: { bucketDays: 2 } } });
    await using node = await start();
    await node.policy.settled(AbortSignal.timeout(60_000));
    expect(await storedCount(catalog, 'old')).toBe(0);
    expect(await node.policy.explain('old')).toMatchObject({
      because: [expect.stringContaining('nobody'), expect.anything()],
    });
  });
});

test('a disk stays within its budget, and nothing is lost, while a bucket is down and five times as much is written', async () => {
  const budget = 20_000_000;
  const [videos, size] = [15, 400_000];
  await set(catalog, { ...everything, disk: { high: 0.8, low: 0.2 } });
  await proxy.fail({ kind: 'status', status: 503 });
  await using node = await start({ budgetBytes: budget });
  const sums = new Map<string, string>();
  const sum = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
  let [most, waits] = [0, 0];
  for (let index = 0; index < videos; index += 1) {
    const id = `stream-${index}`;
    await addVideo(catalog, id, 20);
    // Nobody could make it again: what is dropped is lost.
    await catalog.db.execute(`UPDATE renders SET profile = 'foreign'`);
    for (let n = 0; n < count; n += 1) {
      for (const name of names) {
        if (node.policy.room() === 'full') {
          waits += 1;
          if (waits === 1) await proxy.fail(undefined);
          await until(() => node.policy.room() !== 'full', { what: 'there is room', timeout: 60_000 });
        }
        const data = Buffer.alloc(size, `${id} ${name} ${n};`);
        await disk.put(id, name, n, data);
        await catalog.db.execute(
          `INSERT INTO foreign_segments (render_id, rendition, n, duration_us, discontinuity, source, bytes)
           VALUES ('${id}', '${name}', ${n}, 1000000, false, '{"crc32": ${disk.facts(id, name, n)?.crc32}}', ${size})`,
        );
        await recordCopies(catalog.db, id, name, 'a', [[n, n + 1]]);
        const kind = name === 'audio' ? ('audio' as const) : ('video' as const);
        node.policy.copyForeign({ renderId: id, rendition: name, kind, container: 'fmp4', n });
        sums.set(`renders/${id}/${name}/${n}.m4s`, sum(data));
        most = Math.max(most, disk.bytes);
      }
    }
  }
  expect(videos * count * 2 * size).toBeGreaterThan(budget * 4.5);
  expect(most).toBeLessThanOrEqual(budget);
  expect(waits, 'it was full while the bucket was down').toBeGreaterThan(0);
  await until(
    async () => (await store.keys('renders/')).filter((key) => key.endsWith('.m4s')).length === sums.size,
    {
      what: 'everything is in the bucket',
      timeout: 60_000,
    },
  );
  for (const [key, expected] of sums) expect(sum((await bucket.get(key)) ?? new Uint8Array())).toBe(expected);
}, 180_000);
