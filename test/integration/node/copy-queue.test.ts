import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { plainHow } from '../../../src/copy/how.ts';
import type { CopyTask } from '../../../src/copy/task.ts';
import { SegueError } from '../../../src/ops/errors.ts';
import { type Bucket, openBucket } from '../../../src/store/bucket.ts';
import { type DiskStore, openDiskStore } from '../../../src/store/disk.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { addVideo, bytesOf, emptyCatalog, startTestUploader } from './kit.ts';

let server: TestPostgres;
let catalog: Catalog;
let disk: DiskStore;
beforeAll(async () => {
  server = sharedPostgres();
});
afterAll(async () => {
  nowhere.close();
  await server.stop();
});
beforeEach(async () => {
  catalog = await emptyCatalog(await server.createDatabase());
  await addVideo(catalog, 'r', 5);
  const own = await temporaryFolder();
  disk = await openDiskStore(own.path);
  return async () => {
    await catalog.close();
    await own[Symbol.asyncDispose]();
  };
});

/** Nothing is sent to it: what uploads need is replaced. */
const nowhere = openBucket({
  endpoint: 'http://127.0.0.1:9',
  region: 'us-east-1',
  bucket: 'nowhere',
  accessKeyId: 'none',
  secretAccessKey: 'none',
  publicUrl: 'http://127.0.0.1:9/nowhere',
});
const byNumber = (a: number, b: number): number => a - b;
const task = (n: number): CopyTask => ({
  renderId: 'r',
  rendition: '180p',
  kind: 'video',
  container: 'fmp4',
  n,
});

const uploader = (bucket: Bucket) => startTestUploader({ disk, bucket, catalog });

/** A bucket that takes no object with a bad tag, and tells the numbers of what it was asked for and of what it took. */
function pickyBucket() {
  const [asked, took]: [number[], number[]] = [[], []];
  const state = { isOpen: true };
  const put: Bucket['put'] = async ({ key, tags = {} }) => {
    const n = Number(key.match(/(\d+)\.m4s$/)?.[1]);
    asked.push(n);
    await until(() => state.isOpen, { what: 'the bucket answers' });
    if ('bad' in tags) throw new SegueError('bucket_unavailable', 'The bucket answered 400: InvalidTag');
    took.push(n);
    return 'stored';
  };
  return { ...nowhere, put, asked, took, state };
}

describe('what is queued', () => {
  const bad = { ...plainHow, tags: { bad: '1' } };
  /** Never goes unless it is urgent: some CPU is always used. */
  const idleOnly = { ...plainHow, lane: 'idle only', cpuCeiling: -1 };
  const fillTo = async (total: number) => {
    for (let n = 0; n < total; n += 1) await disk.put('r', '180p', n, bytesOf('180p', n));
  };

  test('whatever plans say goes as the newest plan has it, waiting or failing', async () => {
    await fillTo(4);
    const picky = pickyBucket();
    await using copier = uploader(picky);
    for (let n = 0; n < 3; n += 1) copier.enqueue(task(n), bad);
    copier.enqueue(task(3), idleOnly);
    await until(() => copier.failures.length >= 2, { what: 'they fail' });
    copier.plan(
      'r',
      [0, 1, 2, 3].map((n) => ({ task: task(n), how: plainHow })),
    );
    await copier.idle(AbortSignal.timeout(20_000));
    expect(picky.took.sort(byNumber)).toEqual([0, 1, 2, 3]);
  });

  test('by hand too is urgent from then on, and no plan slows or withdraws it', async () => {
    await fillTo(3);
    const picky = pickyBucket();
    await using copier = uploader(picky);
    const planned = [0, 1, 2].map((n) => ({ task: task(n), how: n < 2 ? plainHow : idleOnly }));
    picky.state.isOpen = false;
    copier.plan('r', planned);
    await until(() => picky.asked.length === 2, { what: 'the slots are taken' });
    expect(copier.enqueue(task(2), { ...plainHow, isUrgent: true })).toBe(false);
    copier.plan('r', planned);
    copier.plan('r', []);
    copier.plan('r', planned);
    picky.state.isOpen = true;
    await copier.idle(AbortSignal.timeout(20_000));
    expect([copier.outcomes, picky.took.sort(byNumber)]).toEqual([
      ['stored', 'stored', 'stored'],
      [0, 1, 2],
    ]);
  });

  test('and withdrawn while it fails is revived by hand', async () => {
    await fillTo(1);
    await using copier = uploader(pickyBucket());
    copier.plan('r', [{ task: task(0), how: bad }]);
    await until(() => copier.failures.length > 0, { what: 'it fails' });
    copier.plan('r', []);
    copier.enqueue(task(0), { ...plainHow, isUrgent: true });
    await copier.idle(AbortSignal.timeout(20_000));
    expect(copier.outcomes).toEqual(['stored']);
  });

  test('and fails alone leaves the slots to the others, and can be withdrawn', async () => {
    await fillTo(6);
    const picky = pickyBucket();
    await using copier = uploader(picky);
    const failing = [0, 1, 2].map((n) => ({ task: task(n), how: bad }));
    copier.plan('r', failing);
    for (let n = 3; n < 6; n += 1) copier.enqueue(task(n));
    await until(() => copier.outcomes.length === 3, { what: 'the others are copied' });
    expect(picky.took.toSorted(byNumber)).toEqual([3, 4, 5]);
    expect([...copier.outcomes, copier.now().pending]).toEqual(['stored', 'stored', 'stored', 3]);
    await until(() => copier.now().resting === 3, { what: 'all that fail rest' });
    expect(copier.now()).toEqual({ waiting: 0, held: 0, running: 0, resting: 3, pending: 3 });
    copier.plan('r', []);
    await copier.idle(AbortSignal.timeout(20_000));
    expect(copier.settled.sort(byNumber)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('for a bucket that is away is tried less and less, however much waits', async () => {
    await fillTo(40);
    const picky = pickyBucket();
    await using copier = uploader(picky);
    for (let n = 0; n < 40; n += 1) copier.enqueue(task(n), bad);
    await delay(5000);
    // Two slots, each after 125 ms at least, then twice that, and so on: six tries in less than five seconds.
    expect(picky.asked.length).toBeLessThanOrEqual(14);
    await until(() => new Set(picky.asked).size > 2, { what: 'others have a turn' });
  });
});
