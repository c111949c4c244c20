import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { abandonedRenders, acquireLease, endLeasesOf, leaseOf } from '../../../src/catalog/leases.ts';
import { heartbeat } from '../../../src/catalog/nodes.ts';
import { currentRender, renderById } from '../../../src/catalog/videos.ts';
import { type Change, subscribe } from '../../../src/catalog/wake.ts';
import type { DiskRoom } from '../../../src/node/disk-room.ts';
import { mayBeMadeElsewhere } from '../../../src/node/failures.ts';
import { SegueError } from '../../../src/ops/errors.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import {
  addVideo,
  announcement,
  emptyCatalog,
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

describe('what fails', () => {
  test('a segment that fails twice is made at the third try', async () => {
    await addVideo(catalog, 'r', 2);
    let failures = 0;
    renderer.fails = () => (++failures < 3 ? new SegueError('render_failed', 'ffmpeg failed') : undefined);
    await using node = await startTestRenders({ catalog, renderer });
    await node.renders.take('r', { n: 0 });
    await until(() => node.made.length > 0, { what: 'it is made' });
    expect(await renderById(catalog.db, 'r')).toMatchObject({ state: 'active' });
  });

  test('one that fails three times fails the render for everybody, and says so', async () => {
    await addVideo(catalog, 'r', 2);
    const changes: Change[] = [];
    await subscribe(catalog, (change) => changes.push(change));
    renderer.fails = () => new SegueError('render_failed', 'ffmpeg failed (exit code 1)');
    await using node = await startTestRenders({ catalog, renderer });
    await node.renders.take('r', { n: 0 });
    await until(() => changes.length > 0, { what: 'the failure is announced' });
    expect(changes).toEqual([{ type: 'render', renderId: 'r', state: 'failed' }]);
    expect(await renderById(catalog.db, 'r')).toMatchObject({
      state: 'failed',
      failure: 'Segment 0 could not be made: ffmpeg failed (exit code 1)',
    });
    await until(() => node.renders.leases().length === 0, { what: 'the lease is given back' });
    await expect(node.renders.take('r', { n: 0 })).rejects.toMatchObject({ code: 'render_failed' });
  });

  test('another node tries before a render fails for everybody', async () => {
    await addVideo(catalog, 'r', 2);
    for (const id of ['a', 'b']) await heartbeat(catalog.db, announcement(id));
    let failures = 0;
    renderer.fails = (n) => {
      if (n > 0) return undefined;
      failures += 1;
      return new SegueError('render_failed', 'ffmpeg failed (exit code 1)');
    };
    await using a = await startTestRenders({ catalog, renderer });
    await using b = await startTestRenders({ catalog, renderer, id: 'b' });
    await a.renders.take('r', { n: 0 });
    await until(() => failures === 3 && a.renders.leases().length === 0, {
      what: 'it is given up here',
    });
    expect(await renderById(catalog.db, 'r')).toMatchObject({ state: 'active' });
    await expect(a.renders.take('r', { n: 0 })).rejects.toMatchObject({ code: 'no_node' });
    await b.renders.take('r', { n: 0 });
    await until(async () => (await renderById(catalog.db, 'r'))?.state === 'failed', {
      what: 'it fails for all',
    });
    expect(failures).toBe(6);
  });

  test('a node that is left alone with a segment gives it up in the end', async () => {
    await addVideo(catalog, 'r', 2);
    for (const id of ['a', 'b']) await heartbeat(catalog.db, announcement(id));
    const lease = { renderId: 'r', nodeId: 'a', epoch: 1 };
    await acquireLease(catalog.db, 'r', 'a', 30);
    const turns = () => mayBeMadeElsewhere(catalog.db, lease, 0, { leaseSeconds: 30 });
    expect([await turns(), await turns(), await turns()]).toEqual([true, true, false]);
    expect(await mayBeMadeElsewhere(catalog.db, lease, 1, { leaseSeconds: 30 }), 'another segment').toBe(
      true,
    );
    expect(
      await mayBeMadeElsewhere(catalog.db, { ...lease, epoch: 2 }, 1, { leaseSeconds: 30 }),
      'fenced',
    ).toBe(false);
  });

  test('before the disk is full what nobody waits for pauses; on a full one everything, and others get it', async () => {
    await addVideo(catalog, 'r', 20);
    let room: DiskRoom = 'tight';
    await using node = await startTestRenders({ catalog, renderer, room: () => room });
    await node.renders.take('r', { n: 2 });
    node.renders.played('r', '180p', 2);
    await until(() => node.made.length === 1, { what: 'what somebody waits for is made' });
    await node.renders.take('r', { n: 5 });
    await until(() => node.made.length === 2, { what: 'so is the next' });
    expect(renderer.begun).toEqual([2, 5]);
    room = 'full';
    await until(async () => (await leaseOf(catalog.db, 'r')) === undefined, { what: 'it is given back' });
    await expect(node.renders.take('r', { n: 0 })).rejects.toMatchObject({ code: 'no_node' });
    const left = await abandonedRenders(catalog.db, 30, 10);
    expect(left, 'another node is to go on').toMatchObject([{ renderId: 'r', playhead: 5 }]);
    room = 'plenty';
    await node.renders.take('r', { n: 0 });
    await until(() => node.made.length === 8, { what: 'with room again everything is made' });
  });

  test('a full disk is no fault of the render: it is left to another node', async () => {
    await addVideo(catalog, 'r', 2);
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC', syscall: 'write' });
    await using node = await startTestRenders({
      catalog,
      renderer,
      disk: (disk) => ({
        ...disk,
        put: (renderId, name, n, data) =>
          name === 'audio' ? Promise.reject(full) : disk.put(renderId, name, n, data),
      }),
    });
    await node.renders.take('r', { n: 0 });
    await until(async () => (await leaseOf(catalog.db, 'r')) === undefined, { what: 'it is given back' });
    expect(node.disk.facts('r', '180p', 0), 'half a segment is not left on a full disk').toBeUndefined();
    await expect(node.renders.take('r', { n: 0 })).rejects.toMatchObject({ code: 'no_node' });
    await using other = await startTestRenders({ catalog, renderer: testRenderer(), id: 'b' });
    await other.renders.take('r', { n: 0 });
    await until(() => other.made.length > 0, { what: 'the other node makes it' });
  });

  test('a fenced node cannot fail the render of the new holder', async () => {
    await addVideo(catalog, 'r', 1);
    let failures = 0;
    let isFenced = false;
    renderer.fails = () => {
      failures += 1;
      return new SegueError('render_failed', 'killed');
    };
    renderer.holds = () => failures === 2 && !isFenced;
    await using node = await startTestRenders({ catalog, renderer });
    await node.renders.take('r', { n: 0 });
    await until(() => renderer.begun.length === 3, { what: 'two failures, and the last try' });
    await endLeasesOf(catalog.db, 'a');
    await acquireLease(catalog.db, 'r', 'b', 30);
    isFenced = true;
    await until(() => node.renders.leases().length === 0, { what: 'it is dropped' });
    expect(failures).toBe(3);
    expect(await renderById(catalog.db, 'r')).toMatchObject({ state: 'active' });
    expect(await leaseOf(catalog.db, 'r')).toMatchObject({ nodeId: 'b' });
  });

  test('another init segment: the render is replaced by a new generation, once', async () => {
    await addVideo(catalog, 'r', 10);
    renderer.holds = (n) => n > 1;
    await using first = await startTestRenders({ catalog, renderer });
    await first.renders.take('r', { n: 0 });
    await until(() => first.made.length === 2, { what: 'two are made' });
    await endLeasesOf(catalog.db, 'a');
    const another = testRenderer();
    another.init = (name) => Buffer.from(`another init of ${name}`);
    await using second = await startTestRenders({ catalog, renderer: another, id: 'b', encoders: 2 });
    await second.renders.take('r', { n: 2 });
    await until(async () => (await renderById(catalog.db, 'r'))?.state === 'superseded', {
      what: 'it is superseded',
    });
    const next = await currentRender(catalog.db, 'video-of-r');
    expect(next).toMatchObject({
      generation: 2,
      state: 'active',
      renditions: [{ name: '180p' }, { name: 'audio' }],
    });
    expect(next?.renderId).not.toBe('r');
    for (const name of ['180p', 'audio']) expect(second.disk.facts('r', name, 2)).toBeUndefined();
    await second.renders.take(next?.renderId ?? '', { n: 0 });
    await until(() => second.made.some(({ renderId }) => renderId === next?.renderId), {
      what: 'the new generation is made',
    });
    renderer.holds = () => false;
  });
});
