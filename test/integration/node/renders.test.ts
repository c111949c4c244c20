import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Catalog, openCatalog } from '../../../src/catalog/connect.ts';
import { recordCopies } from '../../../src/catalog/copies.ts';
import { acquireLease, endLeasesOf, leaseOf } from '../../../src/catalog/leases.ts';
import { renderById } from '../../../src/catalog/videos.ts';
import { heartbeatStep } from '../../../src/node/heartbeat.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { startFaultProxy, through } from '../../support/proxy.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import {
  addVideo,
  announcement,
  emptyCatalog,
  log,
  startTestRenders,
  type TestRenderer,
  testRenderer,
} from './kit.ts';

let server: TestPostgres;
let databaseUrl: string;
let catalog: Catalog;
let renderer: TestRenderer;
beforeAll(async () => {
  server = sharedPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  databaseUrl = await server.createDatabase();
  catalog = await emptyCatalog(databaseUrl);
  renderer = testRenderer();
  return () => catalog.close();
});

describe('what is made', () => {
  test('the segments in play order, then nothing', async () => {
    await addVideo(catalog, 'r', 10);
    await using node = await startTestRenders({ catalog, renderer });
    expect(await node.renders.take('r', { n: 0 })).toMatchObject({ ours: true, lease: { epoch: 1 } });
    await until(() => node.made.length === 5, { what: 'all five are made' });
    expect(renderer.begun).toEqual([0, 1, 2, 3, 4]);
    expect(await node.rows('r')).toEqual([[0, 5]]);
    expect(await node.rows('r', 'audio')).toEqual([[0, 5]]);
  });

  test('what somebody seeks to, then on from there; what was skipped only while somebody plays', async () => {
    await addVideo(catalog, 'r', 30);
    await using node = await startTestRenders({ catalog, renderer });
    await node.renders.take('r', { n: 6 });
    await until(() => node.made.length === 4, { what: 'the end is reached' });
    expect(renderer.begun).toEqual([6, 7, 8, 9]);
    node.renders.played('r', '180p', 7);
    await until(() => node.made.length === 10, { what: 'all is made' });
    expect(renderer.begun.slice(4)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('no further than the limit while nobody plays, to the end once somebody does', async () => {
    await addVideo(catalog, 'r', 30);
    await using node = await startTestRenders({ catalog, renderer, aheadSeconds: 5 });
    await node.renders.take('r', { n: 0 });
    await until(() => node.made.length === 4, { what: '5 s ahead are made' });
    for (let steps = 0; steps < 20; steps += 1) await node.renders.step();
    expect(node.renders.encoding, 'nothing more is begun').toBe(0);
    expect(renderer.begun).toEqual([0, 1, 2, 3]);
    node.renders.played('r', '180p', 0);
    await until(() => node.made.length === 10, { what: 'all is made' });
  });

  test('one segment once, however many ask for it, and one lease', async () => {
    await addVideo(catalog, 'r', 30);
    renderer.holds = () => true;
    await using node = await startTestRenders({ catalog, renderer, aheadSeconds: 0 });
    const taken = await Promise.all(Array.from({ length: 20 }, () => node.renders.take('r', { n: 5 })));
    expect(new Set(taken.map((each) => (each.ours ? each.lease.epoch : 0)))).toEqual(new Set([1]));
    await until(() => renderer.begun.length === 1, { what: 'it is begun' });
    await node.renders.take('r', { n: 5 });
    renderer.holds = () => false;
    await until(() => node.made.length >= 1, { what: 'it is made' });
    expect(renderer.begun.filter((n) => n === 5)).toEqual([5]);
    await expect(node.renders.take('r', { n: 10 })).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(node.renders.take('none')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('only what no live place has', async () => {
    await addVideo(catalog, 'r', 10);
    for (const name of ['180p', 'audio']) {
      await recordCopies(catalog.db, 'r', name, 'bucket', [[0, 2]]);
      await recordCopies(catalog.db, 'r', name, 'a', [[2, 3]]);
      await recordCopies(catalog.db, 'r', name, 'long-dead', [[3, 5]]);
    }
    await using node = await startTestRenders({ catalog, renderer });
    await node.renders.take('r');
    await until(() => node.made.length === 2, { what: 'the rest is made' });
    expect(renderer.begun).toEqual([3, 4]);
  });
});

describe('the running encoder', () => {
  test('is moved when it has just begun and somebody waits for another segment', async () => {
    await addVideo(catalog, 'r', 30);
    let clock = 0;
    await using node = await startTestRenders({ catalog, renderer, now: () => clock });
    renderer.holds = (n) => n === 1;
    await node.renders.take('r', { n: 0 });
    await until(() => renderer.begun.includes(1), { what: 'it renders ahead' });
    clock += 10;
    await node.renders.take('r', { n: 7 });
    await until(() => node.made.some(({ n }) => n === 7), { what: 'the awaited one is made' });
    expect(renderer.aborted).toEqual([1]);
  });

  test('is left to finish when it is more than half done', async () => {
    await addVideo(catalog, 'r', 30);
    let clock = 0;
    await using node = await startTestRenders({ catalog, renderer, now: () => clock });
    renderer.holds = (n) => n === 1;
    await node.renders.take('r', { n: 0 });
    await until(() => renderer.begun.includes(1), { what: 'it renders ahead' });
    clock += 5000;
    await node.renders.take('r', { n: 7 });
    for (let steps = 0; steps < 5; steps += 1) await node.renders.step();
    renderer.holds = () => false;
    await until(() => node.made.some(({ n }) => n === 7), { what: 'the awaited one is made' });
    expect(renderer.aborted).toEqual([]);
    expect(renderer.begun.slice(0, 3)).toEqual([0, 1, 7]);
  });
});

describe('the lease', () => {
  test('is given back when nothing is left to do, and taken anew with a higher epoch', async () => {
    await addVideo(catalog, 'r', 5);
    let clock = 0;
    await using node = await startTestRenders({ catalog, renderer, now: () => clock });
    await node.renders.take('r', { n: 0 });
    await until(() => node.made.length === 4, { what: 'all is made' });
    const [lease] = node.renders.leases();
    expect(await leaseOf(catalog.db, 'r')).toMatchObject({ nodeId: 'a' });
    clock += 11_000;
    await until(async () => (await leaseOf(catalog.db, 'r')) === undefined, { what: 'the lease is over' });
    expect(node.renders.leases()).toEqual([]);
    const again = await node.renders.take('r', { n: 0 });
    expect(again.ours && again.lease.epoch).toBeGreaterThan(lease?.epoch ?? Infinity);
  });

  test('lost while a segment is made: its write is refused, its file is gone, the new holder keeps the render', async () => {
    await addVideo(catalog, 'r', 10);
    renderer.holds = (n) => n === 1;
    await using slow = await startTestRenders({ catalog, renderer });
    await slow.renders.take('r', { n: 0 });
    // An encoder begins the next one before the row of the last is written.
    await until(() => slow.made.length === 1 && renderer.begun.includes(1), { what: 'segment 1 is begun' });
    await endLeasesOf(catalog.db, 'a');
    await using other = await startTestRenders({ catalog, renderer: testRenderer(), id: 'b' });
    expect(await other.renders.take('r', { n: 1 })).toMatchObject({ ours: true, lease: { epoch: 2 } });
    renderer.holds = () => false;
    await until(() => slow.renders.leases().length === 0, { what: 'the former holder has dropped it' });
    expect(await slow.rows('r')).toEqual([[0, 1]]);
    // Another segment may have been refused first.
    for (const name of ['180p', 'audio'])
      await until(() => slow.disk.facts('r', name, 1) === undefined, { what: `${name} of it is gone` });
    expect(slow.disk.facts('r', '180p', 0), 'what was recorded stays').toBeDefined();
    await until(() => other.made.length > 0, { what: 'the new holder goes on' });
    expect(await renderById(catalog.db, 'r')).toMatchObject({ state: 'active' });
  });

  test('found lost by the heartbeat: encoders end, and a lease taken anew is not dropped by a late answer', async () => {
    await addVideo(catalog, 'r', 10);
    renderer.holds = (n) => n === 1;
    await using node = await startTestRenders({ catalog, renderer });
    await node.renders.take('r', { n: 0 });
    await until(() => renderer.begun.includes(1), { what: 'segment 1 is begun' });
    const [first] = node.renders.leases();
    if (first === undefined) throw new Error('no lease');
    await endLeasesOf(catalog.db, 'a');
    const other = await acquireLease(catalog.db, 'r', 'b', 30);
    const beat = heartbeatStep({
      catalog,
      holders: [node.renders],
      announcement: () => announcement('a'),
      leaseSeconds: 30,
      log,
    });
    await beat();
    expect(node.renders.leases()).toEqual([]);
    await until(() => renderer.aborted.length === 1, { what: 'the encoder is ended' });
    expect(await node.renders.take('r', { n: 1 })).toMatchObject({ ours: false, holder: 'b' });
    expect(other.ours).toBe(true);
    await endLeasesOf(catalog.db, 'b');
    expect(await node.renders.take('r', { n: 1 })).toMatchObject({ ours: true });
    node.renders.fenced([first]);
    expect(node.renders.leases()).toHaveLength(1);
    await beat();
    expect(node.renders.leases()).toHaveLength(1);
    renderer.holds = () => false;
  });

  test('is given back on stop, also one that is being taken; running segments are finished', async () => {
    await addVideo(catalog, 'r', 10);
    await addVideo(catalog, 's', 10);
    renderer.holds = () => true;
    await using node = await startTestRenders({ catalog, renderer });
    await node.renders.take('r', { n: 0 });
    await until(() => renderer.begun.length === 1, { what: 'it is begun' });
    const taking = node.renders.take('s', { n: 0 }).catch((error: unknown) => error);
    const stopping = node.renders.stop();
    renderer.holds = () => false;
    await stopping;
    expect(await taking).toMatchObject({ code: 'no_node' });
    expect(node.made.map(({ n }) => n)).toEqual([0]);
    for (const id of ['r', 's']) expect(await leaseOf(catalog.db, id)).toBeUndefined();
    await expect(node.renders.take('r', { n: 0 })).rejects.toMatchObject({ code: 'no_node' });
  });

  test('an encoder that does not end is ended by stop', async () => {
    await addVideo(catalog, 'r', 10);
    renderer.holds = () => true;
    await using node = await startTestRenders({ catalog, renderer });
    await node.renders.take('r', { n: 0 });
    await until(() => renderer.begun.length === 1, { what: 'it is begun' });
    await node.renders.stop();
    expect(renderer.aborted).toEqual([0]);
    expect(await leaseOf(catalog.db, 'r')).toBeUndefined();
    expect(await renderById(catalog.db, 'r')).toMatchObject({ state: 'active' });
  });
});

describe('while the database is away', () => {
  test('a finished segment waits for its row, and is neither lost nor made again', async () => {
    await addVideo(catalog, 'r', 10);
    await using proxy = await startFaultProxy(databaseUrl);
    const behind = openCatalog(through(proxy, databaseUrl), { queryTimeoutMs: 5000 });
    try {
      renderer.holds = (n) => n === 1;
      await using node = await startTestRenders({ catalog: behind, renderer });
      await node.renders.take('r', { n: 0 });
      await until(() => node.made.length === 1 && renderer.begun.length === 2, {
        what: 'the second is begun',
      });
      await proxy.fail({ kind: 'reset' });
      renderer.holds = () => false;
      await until(() => proxy.faulted > 1, { what: 'recording was tried more than once', timeout: 60_000 });
      expect(node.made).toHaveLength(1);
      await until(() => node.disk.facts('r', 'audio', 1), { what: 'it is on the disk' });
      await proxy.fail(undefined);
      await until(() => node.made.length === 5, { what: 'all is made and recorded', timeout: 60_000 });
      expect(renderer.begun).toEqual([0, 1, 2, 3, 4]);
      const [row] = await catalog.db.execute(`SELECT segments FROM copies WHERE rendition = 'audio'`);
      expect(row).toEqual({ segments: '{[0,5)}' });
      expect(await renderById(catalog.db, 'r')).toMatchObject({ state: 'active' });
    } finally {
      await behind.close();
    }
  });

  test('rendering goes on: finished segments wait for their rows beside, up to a bound', async () => {
    await addVideo(catalog, 'r', 300);
    await using proxy = await startFaultProxy(databaseUrl);
    const behind = openCatalog(through(proxy, databaseUrl), { queryTimeoutMs: 5000 });
    try {
      renderer.holds = (n) => n === 2;
      await using node = await startTestRenders({ catalog: behind, renderer });
      await node.renders.take('r', { n: 0 });
      await until(() => node.made.length === 2 && renderer.begun.length === 3, {
        what: 'the third is begun',
      });
      await proxy.fail({ kind: 'refuse' });
      renderer.holds = () => false;
      await until(() => node.renders.unrecorded === 64, { what: 'the bound is reached' });
      for (let steps = 0; steps < 20; steps += 1) await node.renders.step();
      expect(node.renders.encoding, 'nothing more is begun').toBe(0);
      expect(renderer.begun).toHaveLength(2 + 64);
      expect(node.made).toHaveLength(2);
      await proxy.fail(undefined);
      await until(() => node.made.length === 80, { what: 'all is made and recorded', timeout: 60_000 });
      expect(renderer.begun).toEqual(Array.from({ length: 80 }, (_, n) => n));
    } finally {
      await behind.close();
    }
  });

  test('one that could not be recorded in time stays on the disk, and is recorded when it is asked for', async () => {
    await addVideo(catalog, 'r', 1);
    let clock = 0;
    await using node = await startTestRenders({ catalog, renderer, patienceMs: 0, now: () => clock });
    await catalog.db.execute('ALTER TABLE copies RENAME TO copies_away');
    // The lease is taken while the rows cannot be read: nothing is begun, and it is given back.
    await expect(node.renders.take('r', { n: 0 })).rejects.toThrow();
    await until(async () => (await leaseOf(catalog.db, 'r')) === undefined, { what: 'it is given back' });
    await catalog.db.execute('ALTER TABLE copies_away RENAME TO copies');
    renderer.holds = () => true;
    await node.renders.take('r', { n: 0 });
    await until(() => renderer.begun.length === 1, { what: 'it is begun' });
    await catalog.db.execute('ALTER TABLE copies RENAME TO copies_away');
    renderer.holds = () => false;
    await until(() => node.disk.facts('r', 'audio', 0) !== undefined, { what: 'it is on the disk' });
    await until(() => node.renders.encoding + node.renders.unrecorded === 0, { what: 'it was given up' });
    expect(node.made).toEqual([]);
    await catalog.db.execute('ALTER TABLE copies_away RENAME TO copies');
    clock += 1000;
    await until(() => node.made.length === 1, { what: 'it is recorded' });
    expect(renderer.begun, 'encoded once').toEqual([0]);
    expect(await node.rows('r')).toEqual([[0, 1]]);
  });
});

test('a segment whose bytes are gone is made again', async () => {
  await addVideo(catalog, 'r', 5);
  await using node = await startTestRenders({ catalog, renderer });
  await node.renders.take('r', { n: 0 });
  await until(() => node.made.length === 4, { what: 'all is made' });
  await node.disk.remove('r', 'audio', 2);
  await node.renders.lost('r', 'audio', 2);
  await until(() => node.made.length === 5, { what: 'it is made again' });
  expect(renderer.begun.at(-1)).toBe(2);
  expect(node.made.at(-1)?.renditions.map(({ name }) => name)).toEqual(['audio']);
  expect(node.disk.facts('r', 'audio', 2)).toBeDefined();
});
