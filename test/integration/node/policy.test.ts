import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { addDemand } from '../../../src/catalog/demand.ts';
import { policyVersions } from '../../../src/catalog/schema.ts';
import { reachParts } from '../../../src/policy/facts.ts';
import { type Bucket, openBucket } from '../../../src/store/bucket.ts';
import { type DiskStore, openDiskStore } from '../../../src/store/disk.ts';
import { startTestBucket, type TestBucket } from '../../support/bucket.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { addVideo, emptyCatalog } from './kit.ts';
import { fillDisk, inBucket, set, startTestPolicy, storedCount } from './policy-kit.ts';

let server: TestPostgres;
let store: TestBucket;
let bucket: Bucket;
let catalog: Catalog;
let disk: DiskStore;
beforeAll(async () => {
  server = sharedPostgres();
  store = await startTestBucket();
  bucket = openBucket(store.settings);
});
afterAll(async () => {
  bucket.close();
  await Promise.all([server.stop(), store.stop()]);
});
beforeEach(async () => {
  catalog = await emptyCatalog(await server.createDatabase());
  const own = await temporaryFolder();
  disk = await openDiskStore(own.path);
  await store.empty();
  return async () => {
    await catalog.close();
    await own[Symbol.asyncDispose]();
  };
});

/** Segments of a video of 20 s: 0.96, 0.96, 1.92, then 3.84 s each. */
const count = 8;
const add = async (renderId: string, nodeId = 'a'): Promise<void> => {
  await addVideo(catalog, renderId, 20);
  await fillDisk(catalog, disk, renderId, count, { nodeId });
};
const start = (options: Partial<Parameters<typeof startTestPolicy>[0]> = {}) =>
  startTestPolicy({ catalog, disk, bucket, ...options });
const stored = (renderId = 'r') => storedCount(catalog, renderId);
const whole = count * 2;
const nothing = { default: { copy: { what: 'nothing' } } };
const everything = { default: { copy: { what: 'everything' } } };

/** Notes so many viewers of a video, who saw all of it. */
const watch = (renderId: string, viewers: number): Promise<void> =>
  addDemand(catalog.db, [
    {
      videoId: `video-of-${renderId}`,
      at: Date.now(),
      views: viewers,
      viewers,
      minutesWatched: viewers / 3,
      reach: Array.from({ length: reachParts }, () => viewers),
    },
  ]);

describe('a policy', () => {
  test.each([
    ['that is announced', true],
    ['whose announcement is lost', false],
  ])('%s holds within seconds, on a node that runs', async (_, hears) => {
    await add('r');
    await set(catalog, nothing);
    await using node = await start({ hears });
    await node.policy.settled(AbortSignal.timeout(60_000));
    expect(node.copied).toEqual([]);
    await set(catalog, everything);
    await until(() => node.copied.length > 0, { what: 'copying has begun', timeout: 10_000 });
    await until(async () => (await stored()) === whole, { what: 'everything is copied' });
    await set(catalog, nothing);
    await until(() => node.policy.explain('r').then(({ version }) => version === 3), {
      what: 'it is in force',
      timeout: 10_000,
    });
    await add('other');
    node.policy.look('other');
    await node.policy.settled(AbortSignal.timeout(60_000));
    expect(await stored('other')).toBe(0);
  });

  test('that a newer version of Segue wrote leaves in force what held before', async () => {
    await add('r');
    await set(catalog, nothing);
    await catalog.db.insert(policyVersions).values({ version: 2, policy: { newRule: 1 }, author: 'newer' });
    await using node = await start();
    await node.policy.settled(AbortSignal.timeout(60_000));
    expect(await node.policy.explain('r')).toMatchObject({ version: 2 });
    expect(node.copied).toEqual([]);
    await set(catalog, everything);
    await until(async () => (await stored()) === whole, { what: 'the next one is understood, and holds' });
  });

  test('takes back what waits for the bucket and is not wanted any more', async () => {
    await add('r');
    await set(catalog, { default: { copy: { what: 'everything' }, how: { cpuCeiling: 0.5 } } });
    await using node = await start({ load: { cpu: 0.9, disk: 0, network: 0 } });
    await node.policy.settled(AbortSignal.timeout(60_000));
    await set(catalog, nothing);
    await until(() => node.policy.explain('r').then(({ version }) => version === 2), {
      what: 'it is in force',
    });
    await node.policy.settled(AbortSignal.timeout(60_000));
    node.state.load = { ...node.state.load, cpu: 0 };
    const brief = { name: 'brief', match: { duration: { to: 10 } }, copy: { what: 'everything' } };
    await set(catalog, { ...nothing, rules: [brief] });
    await addVideo(catalog, 'later', 5);
    await fillDisk(catalog, disk, 'later', 4);
    node.policy.look('later');
    await until(async () => (await stored('later')) === 8, { what: 'what is wanted now is copied' });
    expect(await stored('r')).toBe(0);
  });
});

describe('what is copied', () => {
  test('of a part is its beginning, of the renditions that the rule names', async () => {
    await add('r');
    await set(catalog, {
      default: { copy: { what: 'part', firstSeconds: 5, renditions: ['video'] } },
    });
    await using node = await start();
    await until(() => node.copied.length === 4, { what: 'what holds the first five seconds is copied' });
    await node.policy.settled(AbortSignal.timeout(60_000));
    expect(await inBucket(catalog, 'r', '180p')).toEqual([[0, 4]]);
    expect(await inBucket(catalog, 'r', 'audio')).toEqual([]);
  });

  test('under auto, while nothing is known, is what is not very cheap to render', async () => {
    await add('cheap');
    await add('dear');
    await catalog.db.execute(
      `UPDATE renders SET made = 8, cpu_seconds = CASE id WHEN 'dear' THEN 60 ELSE 0.001 END`,
    );
    await set(catalog, {});
    await using node = await start();
    await until(async () => (await stored('dear')) === whole, { what: 'the dear one is copied' });
    await node.policy.settled(AbortSignal.timeout(60_000));
    expect(await stored('cheap')).toBe(0);
  });

  test('is decided by the first rule that matches: labels, size, duration, cost', async () => {
    for (const id of ['labelled', 'short', 'other']) await addVideo(catalog, id, id === 'short' ? 5 : 20);
    for (const id of ['labelled', 'short', 'other']) await fillDisk(catalog, disk, id, 4);
    await catalog.db.execute(`UPDATE videos SET labels = '{trailer}' WHERE id = 'video-of-labelled'`);
    const copy = { what: 'everything' };
    await set(catalog, {
      ...nothing,
      rules: [
        { name: 'large', match: { size: { from: 181 } }, copy },
        { name: 'trailers', match: { labels: ['trailer', 'clip'] }, copy },
        { name: 'brief', match: { duration: { to: 10 } }, copy },
      ],
    });
    await using node = await start();
    await until(async () => (await stored('labelled')) === 8 && (await stored('short')) === 8, {
      what: 'those that match are copied',
    });
    await node.policy.settled(AbortSignal.timeout(60_000));
    expect(await stored('other')).toBe(0);
    expect(await node.policy.explain('labelled')).toMatchObject({ rule: 'trailers' });
  });
});

describe('when it is copied', () => {
  test('is once so many viewers were seen', async () => {
    await add('r');
    await set(catalog, { default: { copy: { what: 'everything', when: [{ viewers: 3 }] } } });
    await using node = await start();
    await watch('r', 2);
    await until(
      () =>
        node.policy.explain('r').then(({ because }) => because.some((why) => why.includes('2 viewers of 3'))),
      {
        what: 'two were seen',
      },
    );
    await node.policy.settled(AbortSignal.timeout(60_000));
    expect(await stored()).toBe(0);
    await watch('r', 1);
    await until(async () => (await stored()) === whole, { what: 'it is copied for the third' });
  });

  test('is when the node is idle, or too much would be lost with it', async () => {
    await add('r');
    await set(catalog, {
      default: { copy: { what: 'everything', when: [{ idle: { cpu: 0.3 } }, { exposureSeconds: 25 }] } },
    });
    await using node = await start({ load: { cpu: 0.6, disk: 0, network: 0 } });
    await node.policy.settled(AbortSignal.timeout(60_000));
    const copied = node.copied.length;
    node.state.load = { cpu: 0.1, disk: 0, network: 0 };
    await node.policy.settled(AbortSignal.timeout(60_000));
    await until(async () => (await stored()) === whole, { what: 'the idle node copies' });
    expect(copied).toBeLessThan(whole);
  });

  test('is at once where the node drains, unless the rule says otherwise', async () => {
    await add('r');
    await set(catalog, { default: { copy: { what: 'nothing', onTrouble: 'as-ever' } } });
    await using node = await start();
    node.state.node = 'draining';
    await node.policy.settled(AbortSignal.timeout(60_000));
    expect(await stored()).toBe(0);
    await set(catalog, nothing);
    await until(async () => (await stored()) === whole, { what: 'everything is copied' });
  });

  test('is whenever somebody says so', async () => {
    await add('r');
    await set(catalog, nothing);
    await using node = await start();
    expect(await node.policy.copyNow('r')).toBe(whole);
    await node.policy.settled(AbortSignal.timeout(60_000));
    await until(async () => (await stored()) === whole, { what: 'it is copied' });
  });
});

describe('how it is copied', () => {
  test('is what is watched first, near the playheads', async () => {
    await add('r');
    await set(catalog, nothing);
    await using node = await start();
    node.watching.note('r', 5);
    await set(catalog, everything);
    await until(async () => (await stored()) === whole, { what: 'it is copied' });
    expect(new Set(node.copied.slice(0, 6).map(({ n }) => n))).toEqual(new Set([5, 6, 7]));
    expect(node.copied.slice(6, 8).map(({ n }) => n)).toEqual([0, 0]);
  });

  test('is by the priority of the rules', async () => {
    await add('plain');
    await add('important');
    await catalog.db.execute(`UPDATE videos SET labels = '{news}' WHERE id = 'video-of-important'`);
    await set(catalog, nothing);
    await using node = await start();
    const copy = { what: 'everything' };
    // Nothing goes before everything is known.
    node.state.load = { cpu: 1, disk: 0, network: 0 };
    const how = { cpuCeiling: 0.9 };
    await set(catalog, {
      default: { copy, how },
      rules: [{ name: 'news', match: { labels: ['news'] }, copy, how: { ...how, priority: 5 } }],
    });
    await until(() => node.policy.explain('plain').then(({ version }) => version === 2), {
      what: 'it is in force',
    });
    await node.policy.settled(AbortSignal.timeout(60_000));
    expect(node.copied).toEqual([]);
    node.state.load = { cpu: 0, disk: 0, network: 0 };
    await until(async () => (await stored('plain')) === whole, { what: 'all is copied' });
    expect(node.copied.slice(0, whole).map(({ renderId }) => renderId)).toEqual(
      Array.from({ length: whole }, () => 'important'),
    );
  });

  test('is by one of the nodes that hold it', async () => {
    await add('r');
    await using own = await temporaryFolder();
    const other = await openDiskStore(own.path);
    await fillDisk(catalog, other, 'r', count, { nodeId: 'b' });
    await set(catalog, everything);
    await using b = await start({ disk: other, nodeId: 'b' });
    await b.policy.settled(AbortSignal.timeout(60_000));
    await using a = await start();
    await until(async () => (await stored()) === whole, { what: 'it is copied' });
    // An answer may come after the row that it tells of.
    await until(() => a.copied.length + b.copied.length >= whole, { what: 'both know of it' });
    expect(a.outcomes.length + b.outcomes.length).toBeLessThanOrEqual(whole * 2);
    expect(a.copied.length + b.copied.length).toBe(whole);
  });
});
