import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { copiesAt, recordCopies, storedOf } from '../../../src/catalog/copies.ts';
import { acquireLease } from '../../../src/catalog/leases.ts';
import { renderById, settleInit } from '../../../src/catalog/videos.ts';
import { startCopying } from '../../../src/copy/copying.ts';
import type { CopyTask } from '../../../src/copy/task.ts';
import { reconcileDisk, uncopied } from '../../../src/node/reconcile.ts';
import { type Bucket, openBucket } from '../../../src/store/bucket.ts';
import { troubleOf } from '../../../src/store/bucket-trouble.ts';
import { type DiskStore, openDiskStore } from '../../../src/store/disk.ts';
import { segmentName } from '../../../src/store/names.ts';
import { startTestBucket, type TestBucket } from '../../support/bucket.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { type FaultProxy, startFaultProxy, through } from '../../support/proxy.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { addVideo, bytesOf, emptyCatalog, log, names, startTestUploader } from './kit.ts';

let server: TestPostgres;
let store: TestBucket;
let proxy: FaultProxy;
let bucket: Bucket;
let catalog: Catalog;
let disk: DiskStore;
let folder: string;
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
  await addVideo(catalog, 'r', 5);
  const own = await temporaryFolder();
  folder = own.path;
  disk = await openDiskStore(folder);
  await proxy.fail(undefined);
  await store.empty();
  return async () => {
    await catalog.close();
    await own[Symbol.asyncDispose]();
  };
});

const count = 4;
const never = new AbortController().signal;
const task = (n: number, rendition: string = '180p'): CopyTask => ({
  renderId: 'r',
  rendition,
  kind: rendition === 'audio' ? 'audio' : 'video',
  container: 'fmp4',
  n,
});
const puts = () => proxy.requests.filter((request) => request.startsWith('PUT '));

/** Stores an init segment, as the holder of the lease does. */
async function settle(renderId: string, name: string): Promise<void> {
  const acquired = await acquireLease(catalog.db, renderId, 'a', 60);
  if (!acquired.ours) throw new Error(`the lease is ${acquired.holder}'s`);
  await settleInit(catalog.db, renderId, name, Buffer.from(`init of ${name}`), acquired.lease);
}

/** Everything of the render on this disk, with its init segments. */
async function fill(into: DiskStore = disk): Promise<void> {
  for (const name of names) {
    await settle('r', name);
    for (let n = 0; n < count; n += 1) await into.put('r', name, n, bytesOf(name, n));
  }
}

const uploader = () => startTestUploader({ disk, bucket, catalog });

const stored = async (rendition = '180p') => (await storedOf(catalog.db, 'r')).get(rendition) ?? [];

describe('a segment', () => {
  test('is in the bucket before its row is written, and is queued once', async () => {
    await disk.put('r', '180p', 1, bytesOf('180p', 1));
    await using copier = uploader();
    expect(copier.enqueue(task(1))).toBe(true);
    expect(copier.enqueue(task(1))).toBe(false);
    await copier.idle(never);
    expect(copier.outcomes).toEqual(['stored']);
    expect(await stored()).toEqual([[1, 2]]);
    expect(Buffer.from((await bucket.get('renders/r/180p/1.m4s')) ?? [])).toEqual(bytesOf('180p', 1));
  });

  test('whose PUT was answered by nobody is found there, and recorded', async () => {
    await disk.put('r', '180p', 0, bytesOf('180p', 0));
    await proxy.fail({ kind: 'swallow', times: 1 });
    await using copier = uploader();
    copier.enqueue(task(0));
    await until(() => copier.outcomes.length > 0, { what: 'it is copied' });
    expect(copier.outcomes).toEqual(['was-there']);
    expect(await stored()).toEqual([[0, 1]]);
  });

  test.each([
    ['busy', { kind: 'status', status: 503 }],
    ['denied', { kind: 'status', status: 403, code: 'AccessDenied' }],
    ['clock', { kind: 'status', status: 403, code: 'RequestTimeTooSkewed', clockOff: 3600 }],
    ['unreachable', { kind: 'reset' }],
  ] as const)(
    'is tried until the bucket is there again (%s); nothing is recorded before',
    async (reason, fault) => {
      await disk.put('r', '180p', 0, bytesOf('180p', 0));
      await proxy.fail(fault);
      const before = proxy.faulted;
      await using copier = uploader();
      copier.enqueue(task(0));
      await until(() => proxy.faulted - before >= 2, { what: 'it was refused twice' });
      expect(await stored()).toEqual([]);
      await proxy.fail(undefined);
      await until(() => copier.outcomes.length > 0, { what: 'it is copied' });
      expect(copier.outcomes).toEqual(['stored']);
      expect(new Set(copier.failures.map(troubleOf))).toEqual(new Set([reason]));
    },
  );

  test('is sent once, however often its row has to be tried', async () => {
    await disk.put('r', '180p', 0, bytesOf('180p', 0));
    await catalog.db.execute('ALTER TABLE copies RENAME TO copies_away');
    const before = puts().length;
    await using copier = uploader();
    copier.enqueue(task(0));
    await until(() => puts().length > before, { what: 'it is sent' });
    await until(
      async () => {
        const [row] = await catalog.db.execute<{ failed: string }>(
          `SELECT xact_rollback AS failed FROM pg_stat_database WHERE datname = current_database()`,
        );
        return Number(row?.failed) >= 2;
      },
      { what: 'its row was refused twice' },
    );
    await catalog.db.execute('ALTER TABLE copies_away RENAME TO copies');
    await until(() => copier.outcomes.length > 0, { what: 'it is copied' });
    expect(copier.outcomes).toEqual(['stored']);
    expect(puts().length - before).toBe(1);
    expect(await stored()).toEqual([[0, 1]]);
  });

  test('whose name has other bytes in the bucket is left alone, and never recorded', async () => {
    await disk.put('r', '180p', 0, bytesOf('180p', 0));
    const other = { contentType: 'video/mp4', cacheControl: 'no-store', data: Buffer.from('other bytes') };
    await bucket.put({ key: segmentName('r', '180p', 0, 'fmp4'), ...other });
    await using copier = uploader();
    copier.enqueue(task(0));
    await copier.idle(never);
    expect(copier.outcomes).toEqual(['refused']);
    expect(await stored()).toEqual([]);
    expect(Buffer.from((await bucket.get(segmentName('r', '180p', 0, 'fmp4'))) ?? []).toString()).toBe(
      'other bytes',
    );
  });

  test('that is damaged on the disk is not copied, and told', async () => {
    await disk.put('r', '180p', 0, bytesOf('180p', 0));
    const [file = ''] = await readdir(join(folder, 'r/180p'));
    await writeFile(join(folder, 'r/180p', file), 'rot');
    await using copier = uploader();
    copier.enqueue(task(0));
    copier.enqueue(task(3));
    await copier.idle(never);
    expect(copier.outcomes).toEqual(['gone', 'gone']);
    expect(copier.damaged).toEqual([0]);
    expect(await store.keys()).toEqual([]);
  });
});

/** Copying as a node runs it, on one disk. */
function copying(on: DiskStore = disk) {
  const started = startCopying({
    disk: on,
    bucket,
    catalog,
    log,
    concurrency: 3,
    onCopied: () => undefined,
  });
  const find = () => uncopied({ catalog, disk: on, bucket, nodeId: 'a', log }, never);
  return { ...started, find, [Symbol.asyncDispose]: () => started.stop() };
}

const sealed = async () => (await renderById(catalog.db, 'r'))?.sealedAt ?? undefined;

describe('a whole render', () => {
  test('is found again after a stop, copied, and sealed: the bucket alone plays', async () => {
    await fill();
    await proxy.fail({ kind: 'refuse' });
    const first = copying();
    const resuming = first.resume(first.find, never);
    first.enqueue(task(0));
    await first.stop();
    await resuming;
    await proxy.fail(undefined);
    await using second = copying();
    await second.resume(second.find, never);
    await until(sealed, { what: 'it is sealed' });
    for (const name of names) expect(await stored(name)).toEqual([[0, count]]);
    const read = async (name: string) =>
      (await fetch(`${store.settings.publicUrl}/renders/r/${name}`)).text();
    const uris = [...(await read('index.m3u8')).matchAll(/^[^#\n].*$|URI="([^"]+)"/gm)].map(
      ([line, uri]) => uri ?? line,
    );
    expect(uris.sort()).toEqual(['180p/media.m3u8', 'audio/media.m3u8']);
    for (const uri of uris) {
      const media = await read(uri);
      expect(media).toContain('#EXT-X-ENDLIST');
      const parts = [...media.matchAll(/^[^#\n].*$|URI="([^"]+)"/gm)].map(([line, part]) => part ?? line);
      expect(parts).toEqual(['init.mp4', '0.m4s', '1.m4s', '2.m4s', '3.m4s']);
      const [name = ''] = uri.split('/');
      expect(await read(`${name}/init.mp4`)).toBe(`init of ${name}`);
    }
    // What has found everything copied may seal beside what resumes.
    await second.idle(never);
    const before = puts().length;
    await second.resume(second.find, never);
    await second.idle(never);
    expect(puts().length, 'nothing is stored twice').toBe(before);
  });

  test('of which two nodes copy a part each is sealed once both are done', async () => {
    await fill();
    await using own = await temporaryFolder();
    const other = await openDiskStore(own.path);
    await fill(other);
    await using a = copying();
    await using b = copying(other);
    for (const name of names) {
      for (let n = 0; n < count; n += 1) (n % 2 === 0 ? a : b).enqueue(task(n, name));
    }
    await until(sealed, { what: 'it is sealed' });
    await Promise.all([a.idle(never), b.idle(never)]);
    expect(await store.keys('renders/r/')).toHaveLength(count * 2 + 5);
  });

  test('lists what was made on demand once all of it is copied', async () => {
    await addVideo(catalog, 'd', 5, 'default', [
      { name: '180p', kind: 'video', container: 'fmp4' },
      { name: 'audio', kind: 'audio', container: 'fmp4' },
      { name: 'iframes', kind: 'iframes', container: 'fmp4', onDemand: true },
    ]);
    await using copier = copying();
    const copy = async (name: string, numbers: readonly number[]) => {
      await settle('d', name);
      for (const n of numbers) {
        await disk.put('d', name, n, bytesOf(name, n));
        const kind = name === 'iframes' ? 'iframes' : name === 'audio' ? 'audio' : 'video';
        copier.enqueue({ renderId: 'd', rendition: name, n, kind, container: 'fmp4' });
      }
      await copier.idle(never);
    };
    const list = async () => Buffer.from((await bucket.get('renders/d/index.m3u8')) ?? []).toString();
    await copy('180p', [0, 1, 2, 3]);
    expect(await list()).toBe('');
    await copy('audio', [0, 1, 2, 3]);
    const sealedAt = (await renderById(catalog.db, 'd'))?.sealedAt;
    expect(sealedAt).toBeInstanceOf(Date);
    expect(await list()).toContain('180p/media.m3u8');
    await copy('iframes', [0, 1, 2]);
    expect(await list()).not.toContain('iframes');
    await copy('iframes', [3]);
    expect(await list()).toContain('iframes/media.m3u8');
    expect(await bucket.get('renders/d/iframes/init.mp4')).toBeDefined();
    expect(await bucket.get('renders/d/iframes/media.m3u8')).toBeDefined();
    expect((await renderById(catalog.db, 'd'))?.sealedAt).toEqual(sealedAt);
  });

  test('stopping does not wait for a bucket that is away while sealing', async () => {
    await fill();
    for (const name of names) await recordCopies(catalog.db, 'r', name, 'bucket', [[0, count]]);
    await proxy.fail({ kind: 'status', status: 500 });
    const before = proxy.faulted;
    const copier = copying();
    const aborted = new AbortController();
    const resuming = copier.resume(copier.find, aborted.signal);
    await until(() => proxy.faulted > before, { what: 'sealing was tried' });
    aborted.abort();
    await resuming;
    await copier.stop();
    expect(await sealed()).toBeUndefined();
  });

  test('with a playlist of other bytes in the bucket is not sealed, and copying goes on', async () => {
    await fill();
    const other = { contentType: 'text/plain', cacheControl: 'no-store', data: Buffer.from('other') };
    await bucket.put({ key: 'renders/r/180p/media.m3u8', ...other });
    await using copier = copying();
    await copier.resume(copier.find, never);
    await copier.idle(never);
    expect(copier.pending).toBe(0);
    expect(await sealed()).toBeUndefined();
    for (const name of names) expect(await stored(name)).toEqual([[0, count]]);
  });
});

describe('on start', () => {
  const rows = () => copiesAt(catalog.db, 'a');

  test('rows are corrected to the disk, both ways', async () => {
    await addVideo(catalog, 'emptied', 5);
    await recordCopies(catalog.db, 'emptied', '180p', 'a', [[0, 4]]);
    await recordCopies(catalog.db, 'r', '180p', 'a', [[0, 3]]);
    await disk.put('r', '180p', 0, bytesOf('180p', 0));
    await disk.put('r', '180p', 3, bytesOf('180p', 3));
    await disk.put('r', 'audio', 1, bytesOf('audio', 1));
    await disk.put('unknown', '180p', 0, bytesOf('180p', 0));
    await reconcileDisk({ catalog, disk, nodeId: 'a', log });
    const found = (await rows()).map(({ renderId, rendition, segments }) => [
      `${renderId}/${rendition}`,
      segments,
    ]);
    expect(Object.fromEntries(found)).toEqual({
      'emptied/180p': [],
      'r/180p': [
        [0, 1],
        [3, 4],
      ],
      'r/audio': [[1, 2]],
    });
    expect(disk.facts('unknown', '180p', 0), 'what nobody knows is left alone').toBeDefined();
  });

  test('an object without a row is recorded, not copied again; the rest is found', async () => {
    await fill();
    await bucket.put({
      key: segmentName('r', '180p', 1, 'fmp4'),
      data: bytesOf('180p', 1),
      contentType: 'video/mp4',
      cacheControl: 'no-store',
    });
    await recordCopies(catalog.db, 'r', 'audio', 'bucket', [[0, 3]]);
    const found: string[] = [];
    const options = { catalog, disk, bucket, nodeId: 'a', log };
    for await (const { rendition, n } of uncopied(options, never)) found.push(`${rendition}/${n}`);
    expect(found.sort()).toEqual(['180p/0', '180p/2', '180p/3', 'audio/3']);
    expect(await stored()).toEqual([[1, 2]]);
  });
});
