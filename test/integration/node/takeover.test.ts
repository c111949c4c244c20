import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { recordCopies } from '../../../src/catalog/copies.ts';
import { leaseOf, renewLeases } from '../../../src/catalog/leases.ts';
import { heartbeat, suspectNode } from '../../../src/catalog/nodes.ts';
import { takeoverStep } from '../../../src/node/takeover.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { type FaultProxy, startFaultProxy, through } from '../../support/proxy.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import {
  addVideo,
  emptyCatalog,
  log,
  startTestRenders,
  type TestRenderer,
  type TestRenders,
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
  await addVideo(catalog, 'r', 20);
  return () => catalog.close();
});

const leaseSeconds = 30;
/** The same catalog, by a way that can fail. */
const openBehind = (proxy: FaultProxy) => emptyCatalog(through(proxy, databaseUrl));
const url = (id: string): string => `http://${id}`;
const beat = (id: string) =>
  heartbeat(catalog.db, {
    id,
    url: url(id),
    host: 'test',
    pid: 1,
    state: 'ready',
    load: { renders: 0, encoders: 0, copyQueue: 0, diskBytes: 0, residentBytes: 0 },
  });
/** One look by a node for what others have left. */
const look = (node: TestRenders, isReady = true): Promise<unknown> =>
  takeoverStep({
    catalog,
    nodeId: node.id,
    leaseSeconds,
    log,
    isReady: () => isReady,
    takeOver: (abandoned) => node.renders.takeOver(abandoned),
  })();
const renew = (node: TestRenders) => renewLeases(catalog.db, node.id, node.renders.leases(), leaseSeconds);

/** A node that renders `r`, which somebody watches at segment 3; it holds on to segment 5, so that its end is not made. */
async function watched({ alsoHeld }: { alsoHeld?: string } = {}): Promise<TestRenders> {
  renderer.holds = (n) => n === 5;
  const node = await startTestRenders({ catalog, renderer, id: 'a' });
  await beat('a');
  if (alsoHeld !== undefined) {
    await node.renders.take(alsoHeld, { n: 0 });
    await until(() => node.made.length > 0, { what: 'nobody waits for it any more' });
  }
  await node.renders.take('r', { n: 0 });
  node.renders.played('r', '180p', 3);
  await until(() => renderer.begun.includes(5), { what: 'it renders ahead of the viewer' });
  await renew(node);
  return node;
}

test('what a dead node leaves is gone on with from the playhead, without anybody asking, and only what no place has', async () => {
  await using a = await watched();
  await recordCopies(catalog.db, 'r', '180p', 'bucket', [[0, 5]]);
  await recordCopies(catalog.db, 'r', 'audio', 'bucket', [[0, 5]]);
  await using b = await startTestRenders({ catalog, renderer, id: 'b' });
  await beat('b');
  await look(b);
  expect(b.renders.leases(), 'not while its holder lives').toEqual([]);
  await suspectNode(catalog.db, 'a', url('a'));
  renderer.holds = () => false;
  await look(b);
  expect((await leaseOf(catalog.db, 'r'))?.nodeId).toBe('b');
  await until(() => b.made.length === 3, { what: 'the rest is made' });
  // They wait for their rows side by side.
  expect(b.made.map(({ n }) => n).toSorted((x, y) => x - y)).toEqual([5, 6, 7]);
  // The former holder comes back and is fenced: what it makes is not recorded.
  expect((await renewLeases(catalog.db, 'a', a.renders.leases(), leaseSeconds)).size).toBe(0);
});

test('what a node hands over when it stops is gone on with at once; what nobody watches is left', async () => {
  await addVideo(catalog, 'unwatched', 1);
  const a = await watched({ alsoHeld: 'unwatched' });
  await using b = await startTestRenders({ catalog, renderer, id: 'b' });
  await beat('b');
  renderer.holds = () => false;
  await a[Symbol.asyncDispose]();
  await suspectNode(catalog.db, 'a', url('a'));
  await look(b, false);
  expect(b.renders.leases(), 'not by a node that drains').toEqual([]);
  await look(b);
  expect(b.renders.leases().map(({ renderId }) => renderId)).toEqual(['r']);
  expect(b.renders.leases()[0]?.playhead).toBe(3);
});

test.each([
  ['the catalog was away', 'refuse'],
  ['it stood still', 'sleep'],
] as const)('after an interruption holders get a lease time to renew: %s', async (_, how) => {
  await using former = await watched();
  await using proxy = await startFaultProxy(databaseUrl);
  await using behind = await openBehind(proxy);
  await using b = await startTestRenders({ catalog, renderer, id: 'b' });
  await beat('b');
  let clock = 0;
  const options = { catalog: behind, nodeId: 'b', leaseSeconds, log, isReady: () => true, now: () => clock };
  const step = takeoverStep({ ...options, takeOver: (abandoned) => b.renders.takeOver(abandoned) });
  await step();
  // Nobody could renew for so long that the lease is anybody's.
  await catalog.db.execute(`UPDATE leases SET expires_at = now() - interval '2 minutes'`);
  if (how === 'refuse') {
    await proxy.fail({ kind: 'refuse' });
    await expect(step()).rejects.toMatchObject({ code: 'catalog_unavailable' });
    await proxy.fail(undefined);
  } else {
    clock += leaseSeconds * 1000 + 1;
  }
  await step();
  clock += leaseSeconds * 1000 - 1;
  await step();
  expect(b.renders.leases(), 'its holder may live').toEqual([]);
  clock += 1;
  await step();
  expect(b.renders.leases()).toHaveLength(1);
  expect(former.renders.leases(), 'it has not heard of it').toHaveLength(1);
});

test('of two nodes that look, the one that placement chooses goes on with it', async () => {
  await using former = await watched();
  await using b = await startTestRenders({ catalog, renderer, id: 'b' });
  await using c = await startTestRenders({ catalog, renderer, id: 'c' });
  await Promise.all([beat('b'), beat('c')]);
  await suspectNode(catalog.db, 'a', url('a'));
  await Promise.all([look(b), look(c)]);
  const holders = [b, c].filter((node) => node.renders.leases().length === 1);
  expect(holders).toHaveLength(1);
  expect(former.id).not.toBe(holders[0]?.id);
  expect((await leaseOf(catalog.db, 'r'))?.nodeId).toBe(holders[0]?.id);
});
