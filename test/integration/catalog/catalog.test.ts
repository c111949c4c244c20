import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Catalog, openCatalog } from '../../../src/catalog/connect.ts';
import {
  copiesAt,
  copiesOf,
  recordCopies,
  recordRendered,
  removeCopies,
  replaceCopies,
  storedOf,
} from '../../../src/catalog/copies.ts';
import {
  acquireLease,
  endLeasesOf,
  leaseOf,
  releaseLeases,
  renewLeases,
} from '../../../src/catalog/leases.ts';
import { locate } from '../../../src/catalog/locate.ts';
import { migrateCatalog } from '../../../src/catalog/migrate.ts';
import { allNodes, heartbeat, liveNodes, suspectNode } from '../../../src/catalog/nodes.ts';
import { addSizes, sizesOf } from '../../../src/catalog/sizes.ts';
import {
  currentRender,
  initsOf,
  insertVideo,
  renderOfGeneration,
  settleInit,
  supersedeRender,
} from '../../../src/catalog/videos.ts';
import { type Change, subscribe } from '../../../src/catalog/wake.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';

let server: TestPostgres;
let url: string;
let catalog: Catalog;
beforeAll(async () => {
  server = sharedPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  url = await server.createDatabase();
  await Promise.all([migrateCatalog(url), migrateCatalog(url), migrateCatalog(url)]);
  catalog = openCatalog(url);
  await insertVideo(catalog.db, video, render);
  return () => catalog.close();
});

const video = { id: 'v', description: '{"segue":1}', frameRate: { num: 25, den: 1 }, frameCount: 100 };
const render = {
  id: 'r',
  generation: 1,
  rendererVersion: '1',
  profile: 'default',
  renditions: [
    { name: '720p', kind: 'video', container: 'fmp4' },
    { name: 'audio', kind: 'audio', container: 'fmp4' },
  ],
} as const;
const load = { renders: 0, encoders: 0, copyQueue: 0, diskBytes: 0, residentBytes: 0 };
const node = (id: string) => ({ id, url: `http://${id}`, host: 'h', pid: 1, state: 'ready' as const, load });

test('migrating again finds nothing to do', async () => {
  const { db } = catalog;
  const before = await db.execute('SELECT * FROM segue_migrations ORDER BY id');
  await migrateCatalog(url);
  expect(await db.execute('SELECT * FROM segue_migrations ORDER BY id')).toEqual(before);
  expect(before.length).toBeGreaterThan(0);
});

test('a migration that was merged after a newer one is applied as well', async () => {
  const url = await server.createDatabase();
  await migrateCatalog(url);
  const migrated = openCatalog(url);
  onTestFinished(() => migrated.close());
  const { db } = migrated;
  const applied = () => db.execute('SELECT created_at FROM segue_migrations ORDER BY created_at');
  const before = await applied();
  // As if orphans had come last.
  await db.execute('DROP TABLE orphans, sweeps, deployment');
  await db.execute('DELETE FROM segue_migrations WHERE created_at = 1795755600000');
  await migrateCatalog(url);
  expect(await applied()).toEqual(before);
  expect(await db.execute('SELECT count(*)::int AS count FROM deployment')).toHaveLength(1);
});

describe('videos', () => {
  test('a known video is left as it is', async () => {
    expect(await insertVideo(catalog.db, { ...video, description: 'other' }, { ...render, id: 'r2' })).toBe(
      'known',
    );
    expect(await currentRender(catalog.db, 'v')).toMatchObject({
      renderId: 'r',
      description: '{"segue":1}',
      frameRate: { num: 25, den: 1 },
      renditions: [...render.renditions],
    });
    expect(await currentRender(catalog.db, 'none')).toBeUndefined();
  });

  test('the newest generation is the current one, and the older one can still be had', async () => {
    await supersedeRender(catalog.db, 'r', 'the encoder changed', { ...render, id: 'r2', generation: 2 });
    await supersedeRender(catalog.db, 'r', 'again', { ...render, id: 'r3', generation: 3 });
    const { renditions } = render;
    expect(await currentRender(catalog.db, 'v')).toMatchObject({ renderId: 'r2', generation: 2, renditions });
    expect(await renderOfGeneration(catalog.db, 'v', 1)).toMatchObject({
      renderId: 'r',
      state: 'superseded',
      failure: 'the encoder changed',
    });
  });

  test('a holder that was fenced supersedes nothing', async () => {
    const next = { ...render, id: 'r2', generation: 2 };
    await supersedeRender(catalog.db, 'r', 'late', next, { nodeId: 'n', epoch: 1 });
    expect(await currentRender(catalog.db, 'v')).toMatchObject({ renderId: 'r', state: 'active' });
  });

  test('sizes that are added later fill what is not known, wherever they are', async () => {
    await addSizes(catalog.db, 'r', '720p', []);
    await addSizes(catalog.db, 'r', '720p', [[3, 30]]);
    await addSizes(catalog.db, 'r', '720p', [
      [1, 10],
      [3, 31],
      [5, 50],
    ]);
    expect((await sizesOf(catalog.db, 'r')).get('720p')).toEqual([null, 10, null, 30, null, 50]);
    expect((await sizesOf(catalog.db, 'r')).get('audio')).toEqual([]);
  });

  test('the first init segment stays; a holder that was fenced settles none', async () => {
    const former = { nodeId: 'n1', epoch: 1 };
    await acquireLease(catalog.db, 'r', 'n1', 60);
    await endLeasesOf(catalog.db, 'n1');
    await acquireLease(catalog.db, 'r', 'n2', 60);
    const holder = { nodeId: 'n2', epoch: 2 };
    await settleInit(catalog.db, 'r', '720p', Buffer.from('late'), former);
    expect(await settleInit(catalog.db, 'r', '720p', Buffer.from('one'), holder)).toEqual(Buffer.from('one'));
    expect(await settleInit(catalog.db, 'r', '720p', Buffer.from('two'), holder)).toEqual(Buffer.from('one'));
    expect([...(await initsOf(catalog.db, 'r')).keys()]).toEqual(['720p']);
  });
});

describe('leases', () => {
  test('of two nodes that ask at once, one gets it', async () => {
    const asked = await Promise.all(
      Array.from({ length: 10 }, (_, i) => acquireLease(catalog.db, 'r', `n${i}`, 60)),
    );
    const winners = asked.filter((answer) => answer.ours);
    expect(winners).toHaveLength(1);
    const [winner] = winners;
    for (const answer of asked) {
      if (!answer.ours) expect(answer.holder).toBe(winner?.ours === true ? winner.lease.nodeId : '');
    }
  });

  test('a passed-on lease has a higher epoch, and the former holder can neither renew nor write', async () => {
    const first = await acquireLease(catalog.db, 'r', 'a', 60);
    if (!first.ours) throw new Error('not ours');
    await heartbeat(catalog.db, node('a'));
    await suspectNode(catalog.db, 'a', 'http://a');
    expect(await leaseOf(catalog.db, 'r')).toBeUndefined();
    const second = await acquireLease(catalog.db, 'r', 'b', 60);
    expect(second).toMatchObject({ ours: true, lease: { epoch: first.lease.epoch + 1 } });
    expect(await renewLeases(catalog.db, 'a', [first.lease], 60)).toEqual(new Set());
    expect(await recordRendered(catalog.db, 'r', first.lease, 0, [{ name: '720p', bytes: 10 }])).toBe(false);
    expect(await copiesOf(catalog.db, 'r')).toEqual([]);
    await releaseLeases(catalog.db, [first.lease]);
    expect(await leaseOf(catalog.db, 'r'), 'a fenced holder cannot end the new lease').toMatchObject({
      nodeId: 'b',
    });
  });

  test('a restarted node takes its own lease over and fences its former self', async () => {
    const before = await acquireLease(catalog.db, 'r', 'a', 60);
    const after = await acquireLease(catalog.db, 'r', 'a', 60);
    expect(after).toMatchObject({ ours: true });
    if (!before.ours || !after.ours) throw new Error('not ours');
    expect(after.lease.epoch).toBe(before.lease.epoch + 1);
    expect(await recordRendered(catalog.db, 'r', before.lease, 0, [{ name: '720p', bytes: 10 }])).toBe(false);
  });

  test('a lease that ran out but was not taken can still be renewed', async () => {
    const asked = await acquireLease(catalog.db, 'r', 'a', 0);
    if (!asked.ours) throw new Error('not ours');
    expect(await leaseOf(catalog.db, 'r')).toBeUndefined();
    expect(await renewLeases(catalog.db, 'a', [asked.lease], 60)).toEqual(new Set(['r']));
    expect(await leaseOf(catalog.db, 'r')).toMatchObject({ nodeId: 'a' });
  });
});

describe('copies', () => {
  test('grow by what is recorded, at each place', async () => {
    const asked = await acquireLease(catalog.db, 'r', 'a', 60);
    if (!asked.ours) throw new Error('not ours');
    const both = [
      { name: '720p', bytes: 10 },
      { name: 'audio', bytes: 5 },
    ];
    for (const n of [0, 1, 4]) await recordRendered(catalog.db, 'r', asked.lease, n, both);
    await recordCopies(catalog.db, 'r', '720p', 'bucket', [[0, 1]]);
    await Promise.all([1, 2, 3].map((n) => recordCopies(catalog.db, 'r', '720p', 'bucket', [[n, n + 1]])));
    expect((await storedOf(catalog.db, 'r')).get('720p')).toEqual([[0, 4]]);
    expect(await copiesAt(catalog.db, 'a')).toMatchObject([
      {
        rendition: '720p',
        segments: [
          [0, 2],
          [4, 5],
        ],
      },
      {
        rendition: 'audio',
        segments: [
          [0, 2],
          [4, 5],
        ],
      },
    ]);
    await removeCopies(catalog.db, 'r', '720p', 'bucket', [[1, 2]]);
    await replaceCopies(catalog.db, 'r', 'audio', 'a', []);
    expect((await storedOf(catalog.db, 'r')).get('720p')).toEqual([
      [0, 1],
      [2, 4],
    ]);
  });

  test('are announced', async () => {
    const changes: Change[] = [];
    const subscription = await subscribe(catalog, (change) => changes.push(change));
    await recordCopies(catalog.db, 'r', '720p', 'bucket', [[7, 8]]);
    await until(() => changes.length > 0, { what: 'the change was announced' });
    expect(changes).toEqual([{ type: 'copies', renderId: 'r', place: 'bucket', n: 7 }]);
    await subscription.stop();
  });
});

describe('locating a segment', () => {
  test('names the bucket, live holders with the lease holder first, and who is to make it', async () => {
    for (const id of ['a', 'b', 'c']) await heartbeat(catalog.db, node(id));
    await acquireLease(catalog.db, 'r', 'b', 60);
    for (const id of ['a', 'b', 'c']) await recordCopies(catalog.db, 'r', '720p', id, [[0, 3]]);
    await suspectNode(catalog.db, 'c', 'http://c');
    expect(await locate(catalog.db, 'r', '720p', 1, 60)).toEqual({
      inBucket: false,
      holders: [
        { id: 'b', url: 'http://b' },
        { id: 'a', url: 'http://a' },
      ],
      lease: { nodeId: 'b', epoch: 1, url: 'http://b' },
    });
    await recordCopies(catalog.db, 'r', '720p', 'bucket', [[1, 2]]);
    expect(await locate(catalog.db, 'r', '720p', 1, 60)).toMatchObject({ inBucket: true });
    expect(await locate(catalog.db, 'r', '720p', 3, 60)).toMatchObject({ inBucket: false, holders: [] });
  });
});

describe('nodes', () => {
  test('are dead once suspected at their address, until their next heartbeat', async () => {
    await heartbeat(catalog.db, node('a'));
    await suspectNode(catalog.db, 'a', 'http://elsewhere');
    expect(await liveNodes(catalog.db, 60)).toHaveLength(1);
    await suspectNode(catalog.db, 'a', 'http://a');
    expect(await liveNodes(catalog.db, 60)).toHaveLength(0);
    expect(await allNodes(catalog.db, 60)).toMatchObject([{ id: 'a', state: 'dead' }]);
    await heartbeat(catalog.db, node('a'));
    expect(await liveNodes(catalog.db, 60)).toHaveLength(1);
  });

  test('are dead once their heartbeat is older than the lease time', async () => {
    await heartbeat(catalog.db, node('a'));
    await until(async () => (await liveNodes(catalog.db, 0.05)).length === 0, {
      what: 'the heartbeat is old',
    });
  });
});
