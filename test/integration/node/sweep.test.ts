import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { recordCopies, removeCopies } from '../../../src/catalog/copies.ts';
import { acquireLease } from '../../../src/catalog/leases.ts';
import { addSizes } from '../../../src/catalog/sizes.ts';
import { renderById, settleInit } from '../../../src/catalog/videos.ts';
import { subscribe } from '../../../src/catalog/wake.ts';
import { startUploader } from '../../../src/copy/uploader.ts';
import type { Bucket } from '../../../src/store/bucket.ts';
import { rendersPrefix } from '../../../src/store/names.ts';
import { until } from '../../support/wait.ts';
import { addVideo, bytesOf, log, names } from './kit.ts';
import {
  count,
  key,
  lines,
  openSweepField,
  type SweepBacking,
  type SweepField,
  startSweepBacking,
} from './sweep-kit.ts';

let backing: SweepBacking;
let field: SweepField;
beforeAll(async () => {
  backing = await startSweepBacking();
});
afterAll(() => backing[Symbol.asyncDispose]());
beforeEach(async () => {
  field = await openSweepField(backing);
  return () => field[Symbol.asyncDispose]();
});

test('a bucket that is as the rows say has nothing to report, whatever the order of names', async () => {
  await field.sealedRender();
  for (const id of ['R', 'r-', 'r_', 'r1', 'rr', '-r']) await field.storedRender(id);
  const before = await field.store.keys('renders/');
  const report = await field.sweep();
  expect(report.findings).toEqual([]);
  expect(report.examined).toMatchObject({ renders: 7, objects: before.length });
  expect(report.uploads).toBe('unsupported');
  expect(await field.store.keys('renders/')).toEqual(before);
});

describe('a row without an object', () => {
  test('is corrected, and the next sweep finds nothing: who has the segment copies it, or it is made when asked for', async () => {
    await field.storedRender('r');
    await field.storedRender('s');
    await field.holder('b');
    await field.take(key(2));
    await field.take(key(1, 's'));
    expect(lines(await field.sweep())).toEqual([
      'missing-object r/180p/2.m4s copied-again',
      'missing-object s/180p/1.m4s made-on-demand',
    ]);
    expect(await field.stored()).toEqual([
      [0, 2],
      [3, 4],
    ]);
    expect((await field.sweep()).findings).toEqual([]);
  });

  test('is found where a render has lost everything, also the last one', async () => {
    for (const id of ['a', 'm', 'z']) await field.storedRender(id);
    for (const id of ['a', 'z'])
      for (const one of await field.store.keys(`renders/${id}/`)) await field.take(one);
    const report = await field.sweep();
    expect(report.findings).toMatchObject([{ kind: 'missing-object', count: 16, open: 0 }]);
    for (const name of names) expect(await field.stored('z', name)).toEqual([]);
    expect(await field.stored('m')).toEqual([[0, count]]);
  });

  test('of a segment that nobody can make again is kept, and needs somebody, unless a node has the segment', async () => {
    await field.storedRender('r');
    await field.catalog.db.execute(`UPDATE renders SET profile = 'foreign'`);
    await field.catalog.db.execute(`
      INSERT INTO foreign_segments (render_id, rendition, n, duration_us, discontinuity, source, bytes)
      SELECT 'r', name, n, 1, false, '{}', length + n FROM generate_series(0, 3) AS n,
        (VALUES ('180p', 500), ('audio', 500)) AS t(name, length)`);
    expect((await field.sweep()).findings, 'the sizes are those of its segments').toEqual([]);
    await field.take(key(2));
    const report = await field.sweep();
    expect(lines(report)).toEqual(['missing-object r/180p/2.m4s left']);
    expect(report.findings).toMatchObject([{ open: 1 }]);
    expect(await field.stored()).toEqual([[0, count]]);
    await field.holder('b');
    const heard: object[] = [];
    const subscription = await subscribe(field.catalog, (change) => heard.push(change));
    expect(lines(await field.sweep())).toEqual(['missing-object r/180p/2.m4s handed-over']);
    await until(() => heard.length > 0, { what: 'it is announced' });
    expect(heard).toEqual([{ type: 'suspect', renderId: 'r', rendition: '180p', n: 2 }]);
    await subscription.stop();
  });
});

describe('an object of the wrong size', () => {
  test('is taken away by who has the right bytes, handed over to who has them, and else left', async () => {
    await field.storedRender('r');
    await field.storedRender('s');
    await field.disk.put('r', '180p', 1, bytesOf('180p', 1));
    for (const one of [key(1), key(2), key(3, 's')]) await field.put(one, 'cut');
    await field.holder('b');
    expect(lines(await field.sweep())).toEqual([
      'damaged-object r/180p/1.m4s replaced',
      'damaged-object r/180p/2.m4s handed-over',
      'damaged-object s/180p/3.m4s left',
    ]);
    expect(await field.store.keys('renders/r/180p/')).toEqual([key(0), key(2), key(3)]);
    expect(await field.stored()).toEqual([
      [0, 1],
      [2, 4],
    ]);
    expect(await field.stored('s'), 'its row is all that leads to it').toEqual([[0, count]]);
    expect(Buffer.from((await field.bucket.get(key(3, 's'))) ?? []).toString()).toBe('cut');
  });
});

describe('an object without a row', () => {
  test('of the recorded size gets one: what is in flight loses nothing', async () => {
    await field.storedRender('r');
    await removeCopies(field.catalog.db, 'r', '180p', 'bucket', [[1, 3]]);
    expect(lines(await field.sweep())).toEqual([
      'object-without-row r/180p/1.m4s row-written',
      'object-without-row r/180p/2.m4s row-written',
    ]);
    expect(await field.stored()).toEqual([[0, count]]);
    expect((await field.sweep()).findings).toEqual([]);
  });

  test('of which nobody can tell that it is right is left, and needs somebody', async () => {
    await addVideo(field.catalog, 'r', 5);
    await addSizes(field.catalog.db, 'r', '180p', [[0, 500]]);
    const unknown = [
      'r/180p/0.m4s',
      'r/180p/2.m4s',
      'r/180p/9.m4s',
      'r/180p/1.ts',
      'r/720p/0.m4s',
      'r/x/init.mp4',
    ];
    for (const name of unknown) await field.put(`renders/${name}`, 'what is this');
    await field.put('renders/r/subtitles/0.vtt', 'WEBVTT');
    const report = await field.sweep();
    expect(lines(report)).toEqual(unknown.map((name) => `unknown-object ${name} left`).sort());
    expect(report.findings).toMatchObject([{ open: unknown.length }]);
    expect(await field.stored()).toEqual([]);
    expect(await field.store.keys('renders/')).toHaveLength(unknown.length + 1);
  });
});

describe('orphans', () => {
  const orphans = ['loose', 'nobody/180p/0.m4s', 'nobody/index.m3u8', 'r/180p/007.m4s', 'r/notes.txt'];
  const others = ['assets/0a', 'elsewhere/renders/x', 'rendersx/y'];
  const rows = async () =>
    (await field.catalog.db.execute<{ key: string }>('SELECT key FROM orphans ORDER BY key')).map(
      (row) => row.key,
    );

  beforeEach(async () => {
    await field.storedRender('r');
    for (const name of orphans) await field.put(`renders/${name}`, 'orphan');
    for (const name of others) await field.put(name, 'not ours to remove');
  });

  test('are first only reported, then removed; nothing else is', async () => {
    const before = await field.store.keys('renders/');
    const first = await field.sweep();
    expect(lines(first)).toEqual(orphans.map((name) => `orphan ${name} reported`));
    expect(first.findings).toMatchObject([{ open: 0, bytes: 6 * orphans.length }]);
    expect(await field.store.keys('renders/')).toEqual(before);
    const second = await field.sweep();
    expect(lines(second)).toEqual(orphans.map((name) => `orphan ${name} removed`));
    expect(await field.store.keys('renders/')).toEqual(
      before.filter((one) => !orphans.includes(one.slice(8))),
    );
    expect(await field.store.keys()).toEqual(expect.arrayContaining(others));
    expect((await field.sweep()).findings).toEqual([]);
    expect(await rows()).toEqual([]);
  });

  test('stay until their grace time is over, and one that was written anew meanwhile for another one', async () => {
    const grace = { orphanGraceSeconds: 3600 };
    await field.sweep(grace);
    expect(lines(await field.sweep(grace))).toEqual(orphans.map((name) => `orphan ${name} reported`));
    await field.catalog.db.execute(`UPDATE orphans SET first_seen = first_seen - interval '2 hours'`);
    await field.put('renders/loose', 'another orphan');
    expect(lines(await field.sweep(grace))).toEqual(
      orphans.map((name) => `orphan ${name} ${name === 'loose' ? 'reported' : 'removed'}`),
    );
    expect(await rows()).toEqual(['renders/loose']);
  });

  test('that become known again are forgotten, and stay', async () => {
    await field.sweep();
    await addVideo(field.catalog, 'nobody', 5);
    await addSizes(field.catalog.db, 'nobody', '180p', [[0, 6]]);
    const left = lines(await field.sweep()).filter((line) => line.includes('nobody'));
    expect(left).toEqual(['object-without-row nobody/180p/0.m4s row-written']);
    expect(await field.store.keys('renders/nobody/')).toHaveLength(2);
    expect(await rows()).toEqual([]);
  });

  test('are told from what belongs to renders that failed or were replaced', async () => {
    await field.storedRender('old');
    await field.catalog.db.execute(`UPDATE renders SET state = 'superseded' WHERE id = 'old'`);
    await field.sweep();
    await field.sweep();
    expect(await field.store.keys('renders/old/')).toHaveLength(2 * count);
  });
});

test('a page that was listed before copies came and went does no harm', async () => {
  await field.storedRender('r');
  await addVideo(field.catalog, 'new', 5);
  await addSizes(field.catalog.db, 'new', '180p', [[0, 7]]);
  await field.disk.put('r', '180p', 2, bytesOf('180p', 2));
  // As it was: one not there yet, one still damaged that is replaced by now, one that is gone by now.
  const stale: Bucket = {
    ...field.bucket,
    async *list(prefix, signal) {
      if (prefix === rendersPrefix) yield { key: key(0, 'new'), bytes: 7 };
      for await (const object of field.bucket.list(prefix, signal)) {
        if (object.key === key(1)) continue;
        yield object.key === key(2) ? { ...object, bytes: 3 } : object;
      }
    },
  };
  const before = await field.store.keys('renders/');
  expect((await field.sweep({ bucket: stale })).findings).toEqual([]);
  expect(await field.store.keys('renders/')).toEqual(before);
  expect(await field.stored()).toEqual([[0, count]]);
  expect(await field.stored('new')).toEqual([]);
});

test('a copy under way is not hurt: its bytes are there, and neither its answer nor its row', async () => {
  await addVideo(field.catalog, 'r', 5);
  await addSizes(field.catalog.db, 'r', '180p', [[0, 500]]);
  await field.disk.put('r', '180p', 0, bytesOf('180p', 0));
  await field.proxy.fail({ kind: 'swallow' }, (method, path) => method === 'PUT' && path.includes('.m4s'));
  const outcomes: string[] = [];
  const uploader = startUploader({
    disk: field.disk,
    bucket: field.bucket,
    catalog: field.catalog,
    log,
    concurrency: 1,
    onCopied: (_, outcome) => outcomes.push(outcome),
  });
  uploader.enqueue({ renderId: 'r', rendition: '180p', kind: 'video', container: 'fmp4', n: 0 });
  await until(async () => (await field.store.keys()).length === 1, { what: 'the bytes are there' });
  expect(lines(await field.sweep())).toEqual(['object-without-row r/180p/0.m4s row-written']);
  expect((await field.sweep()).findings).toEqual([]);
  await field.proxy.fail(undefined);
  await uploader.idle(AbortSignal.timeout(60_000));
  expect(outcomes).toEqual(['was-there']);
  expect(await field.stored()).toEqual([[0, 1]]);
  await uploader.stop();
});

test('a sealed render that has lost playlists and init segments gets them again, with the same bytes', async () => {
  await field.sealedRender();
  const gone = ['renders/r/180p/media.m3u8', 'renders/r/audio/init.mp4', 'renders/r/index.m3u8'];
  const truth = await Promise.all(gone.map((one) => field.bucket.get(one)));
  for (const one of gone) await field.take(one);
  expect(lines(await field.sweep())).toEqual(
    gone.map((one) => `missing-playlist ${one.slice(8)} stored-again`).sort(),
  );
  for (const [index, one] of gone.entries())
    expect(Buffer.from((await field.bucket.get(one)) ?? [])).toEqual(Buffer.from(truth[index] ?? []));
  // While a segment is missing, the list waits for it.
  await field.take('renders/r/index.m3u8');
  await field.take(key(0));
  expect(lines(await field.sweep())).toEqual([
    'missing-object r/180p/0.m4s made-on-demand',
    'missing-playlist r/index.m3u8 postponed',
  ]);
});

describe('a complete render whose node is gone before it sealed it', () => {
  const beside = async () => (await field.store.keys('renders/r/')).filter((one) => !/\/\d+\.m4s$/.test(one));
  const bytes = async (keys: readonly string[]) =>
    Promise.all(keys.map(async (one) => Buffer.from((await field.bucket.get(one)) ?? [])));
  const sealed = async () => (await renderById(field.catalog.db, 'r'))?.sealedAt ?? undefined;
  /** As after the last row, and before anything is stored beside the segments. */
  const unseal = async (): Promise<void> => {
    for (const one of await beside()) await field.take(one);
    await field.catalog.db.execute('UPDATE renders SET sealed_at = NULL');
  };

  test('is sealed, with the same bytes', async () => {
    await field.sealedRender();
    const keys = await beside();
    const truth = await bytes(keys);
    expect(keys).toHaveLength(5);
    await unseal();
    expect(lines(await field.sweep())).toEqual(['unsealed-render r/index.m3u8 sealed']);
    expect(await beside()).toEqual(keys);
    expect(await bytes(keys)).toEqual(truth);
    expect(await sealed()).toBeInstanceOf(Date);
    expect((await field.sweep()).findings).toEqual([]);
  });

  test('is sealed also where its last copy came to no row, and not before the bucket has everything', async () => {
    await field.sealedRender();
    await unseal();
    const last = await field.bucket.get(key(3));
    await field.take(key(3));
    expect(lines(await field.sweep())).toEqual(['missing-object r/180p/3.m4s made-on-demand']);
    expect((await field.sweep()).findings).toEqual([]);
    expect(await beside()).toEqual([]);
    await field.put(key(3), last ?? '');
    expect(lines(await field.sweep())).toEqual([
      'object-without-row r/180p/3.m4s row-written',
      'unsealed-render r/index.m3u8 sealed',
    ]);
    expect(await beside()).toHaveLength(5);
    expect(await sealed()).toBeInstanceOf(Date);
  });

  test('is listed with what was made on demand since, once the bucket has all of that', async () => {
    await field.sealedRender();
    const { db } = field.catalog;
    await db.execute(
      `INSERT INTO renditions (render_id, name, position, kind, on_demand) VALUES ('r', 'iframes', 2, 'iframes', true)`,
    );
    const acquired = await acquireLease(db, 'r', 'a', 60);
    if (!acquired.ours) throw new Error('the lease is held');
    await settleInit(db, 'r', 'iframes', Buffer.from('init of iframes'), acquired.lease);
    await addSizes(
      db,
      'r',
      'iframes',
      [0, 1, 2, 3].map((n) => [n, 500 + n]),
    );
    const copy = async (n: number): Promise<void> => {
      await field.put(key(n, 'r', 'iframes'), bytesOf('iframes', n));
      await recordCopies(db, 'r', 'iframes', 'bucket', [[n, n + 1]]);
    };
    const list = async () => Buffer.from((await field.bucket.get('renders/r/index.m3u8')) ?? []).toString();
    for (const n of [0, 1, 2]) await copy(n);
    expect((await field.sweep()).findings).toEqual([]);
    await copy(3);
    expect(lines(await field.sweep())).toEqual([
      'missing-playlist r/iframes/init.mp4 stored-again',
      'missing-playlist r/iframes/media.m3u8 stored-again',
    ]);
    expect(await list()).toContain('iframes/media.m3u8');
    expect((await field.sweep()).findings).toEqual([]);
  });

  test('that was replaced meanwhile is left', async () => {
    await field.sealedRender();
    await unseal();
    await field.catalog.db.execute(`UPDATE renders SET state = 'superseded'`);
    expect((await field.sweep()).findings).toEqual([]);
    expect(await beside()).toEqual([]);
  });
});
