import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { copiesOf, storedOf } from '../../../src/catalog/copies.ts';
import { claimDisks } from '../../../src/catalog/disks.ts';
import type { Ranges } from '../../../src/catalog/ranges.ts';
import { renderById } from '../../../src/catalog/videos.ts';
import { type RunningNode, startNode } from '../../../src/node/main.ts';
import type { NodeConfig } from '../../../src/ops/config.ts';
import { createMetrics } from '../../../src/ops/metrics.ts';
import { startTestBucket, type TestBucket } from '../../support/bucket.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { type FaultProxy, startFaultProxy, through } from '../../support/proxy.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { addVideo, emptyCatalog, log, names } from './kit.ts';
import { figure, segment, settingsOf, want } from './whole-node.ts';

let server: TestPostgres;
let store: TestBucket;
beforeAll(async () => {
  server = sharedPostgres();
  store = await startTestBucket();
});
afterAll(async () => {
  await Promise.all([server.stop(), store.stop()]);
});

/** A catalog, folders and a bucket behind a proxy, for nodes that come and go. */
interface Scene extends AsyncDisposable {
  readonly catalog: Catalog;
  readonly folder: string;
  readonly proxy: FaultProxy;
  /** Starts a node with a data folder of its own, by its id. */
  readonly start: (nodeId: string, changed?: Partial<NodeConfig>) => Promise<RunningNode>;
  /** What the rows say that a place has. */
  readonly rows: (place: string, renderId: string) => Promise<Record<string, Ranges>>;
  /** Has node `a` make a video of two segments, and stops it for good. @returns the bytes by `rendition/n`. */
  makeAndDie(renderId: string): Promise<Map<string, Buffer>>;
}

async function scene(): Promise<Scene> {
  const databaseUrl = await server.createDatabase();
  const catalog = await emptyCatalog(databaseUrl);
  const { path: folder, ...home } = await temporaryFolder();
  const proxy = await startFaultProxy(store.settings.endpoint);
  const bucket = { ...store.settings, endpoint: through(proxy, store.settings.endpoint) };
  const start: Scene['start'] = (nodeId, changed) =>
    startNode(settingsOf(databaseUrl, bucket, join(folder, nodeId), { nodeId, ...changed }), {
      log,
      metrics: createMetrics({ process: false }),
    });
  const rows: Scene['rows'] = async (place, renderId) => {
    const all = (await copiesOf(catalog.db, renderId)).filter((row) => row.place === place);
    return Object.fromEntries(all.map(({ rendition, segments }) => [rendition, segments]));
  };
  return {
    catalog,
    folder,
    proxy,
    start,
    rows,
    async makeAndDie(renderId) {
      await addVideo(catalog, renderId, 2);
      const a = await start('a');
      expect((await want(a, renderId, 0)).status).toBe(202);
      for (const name of names) {
        await until(async () => areBoth((await rows('a', renderId))[name]), { what: `${name} is made` });
      }
      await a.stop(0);
      return segmentsIn(join(folder, 'a/segments', renderId));
    },
    async [Symbol.asyncDispose]() {
      await catalog.close();
      await proxy.stop();
      await home[Symbol.asyncDispose]();
    },
  };
}

/** Whether both segments are there: the second may get its row before the first. */
const areBoth = (ranges: Ranges | undefined): boolean => ranges?.[0]?.[0] === 0 && ranges[0][1] === 2;

/** Bytes of a render's segments in a folder, by `rendition/n`. */
async function segmentsIn(folder: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const name of names) {
    for (const file of await readdir(join(folder, name))) {
      found.set(`${name}/${file.split('.')[0]}`, await readFile(join(folder, name, file)));
    }
  }
  return found;
}

const expectSame = async (node: RunningNode, renderId: string, bytes: ReadonlyMap<string, Buffer>) => {
  expect(bytes.size).toBe(4);
  for (const [key, data] of bytes) {
    const [name = '', n] = key.split('/');
    const answer = await segment(node, renderId, name, Number(n));
    expect(answer.status, key).toBe(200);
    expect(Buffer.compare(Buffer.from(await answer.arrayBuffer()), data), key).toBe(0);
  }
};

const puts = (proxy: FaultProxy, renderId: string): string[] =>
  proxy.requests.flatMap((request) => new RegExp(`^PUT .*/${renderId}/(.*)$`).exec(request)?.[1] ?? []);

const refusal = (message: RegExp, hint: RegExp) => ({
  code: 'configuration',
  message: expect.stringMatching(message) as string,
  hint: expect.stringMatching(hint) as string,
});

test('what a dead node has is served by the one that adopts its disk, and only what the bucket lacks is copied', async () => {
  await using field = await scene();
  const { catalog, proxy, folder, start, rows } = field;
  const noPictures = (method: string, path: string) => method === 'PUT' && path.includes('/180p/');
  await proxy.fail({ kind: 'status', status: 503 }, noPictures);
  await addVideo(catalog, 'served', 2);
  const a = await start('a');
  await want(a, 'served', 0);
  await until(async () => areBoth((await rows('bucket', 'served'))['audio']), { what: 'sound is copied' });
  await until(async () => areBoth((await rows('a', 'served'))['180p']), { what: 'pictures are made' });
  await a.stop(0);
  const bytes = await segmentsIn(join(folder, 'a/segments/served'));
  // As of a crash: an upload, and a segment that was being written.
  await writeFile(join(folder, 'a/segments/.ingest/upload'), 'half');
  await writeFile(join(folder, 'a/segments/served/audio/.2.00000000.m4s.x'), 'half');
  await proxy.fail(undefined);
  const before = puts(proxy, 'served').length;

  await using b = await start('b', { adopt: [join(folder, 'a')] });
  expect(await rows('a', 'served')).toEqual({ '180p': [], audio: [] });
  expect(await rows('b', 'served')).toEqual({ '180p': [[0, 2]], audio: [[0, 2]] });
  await expectSame(b, 'served', bytes);
  await until(async () => (await renderById(catalog.db, 'served'))?.sealedAt, { what: 'it is sealed' });
  expect((await storedOf(catalog.db, 'served')).get('180p')).toEqual([[0, 2]]);
  const copied = puts(proxy, 'served').slice(before);
  expect(copied.filter((name) => name.endsWith('.m4s')).sort()).toEqual(['180p/0.m4s', '180p/1.m4s']);
  expect(await figure(b, 'segue_segments_made_total')).toBe(0);
  expect(await figure(b, 'segue_adopted_segments_total')).toBe(4);
  expect(await figure(b, 'segue_adopted_damaged_total')).toBe(0);
  expect(await readdir(join(folder, 'a/segments/served/audio'))).toHaveLength(2);
  expect(await readdir(join(folder, 'a/segments'))).not.toContain('.ingest');
  expect(await readdir(join(folder, 'b/segments'))).not.toContain('served');
});

test('a damaged segment is removed and made again; renders that the catalog does not know are left alone', async () => {
  await using field = await scene();
  const { catalog, proxy, folder, start, rows } = field;
  await proxy.fail({ kind: 'status', status: 503 });
  const bytes = await field.makeAndDie('damaged');
  const home = join(folder, 'a/segments/damaged/180p');
  const file = (await readdir(home)).find((name) => name.startsWith('1.')) ?? '';
  await truncate(join(home, file), 100);
  const stranger = join(folder, 'a/segments/stranger/180p');
  await mkdir(stranger, { recursive: true });
  await writeFile(join(stranger, '0.00000000.m4s'), 'of another deployment');
  // Of the size that it has, and the catalog says another one.
  await catalog.sql`UPDATE renditions SET sizes[1] = 1 WHERE render_id = 'damaged' AND name = 'audio'`;

  await using b = await start('b', { adopt: [join(folder, 'a')], drainSeconds: 0 });
  expect(await figure(b, 'segue_adopted_segments_total')).toBe(2);
  expect(await figure(b, 'segue_adopted_damaged_total')).toBe(2);
  expect(await rows('a', 'damaged')).toEqual({ '180p': [], audio: [] });
  await want(b, 'damaged', 0);
  await want(b, 'damaged', 1);
  await until(async () => areBoth((await rows('b', 'damaged'))['180p']), { what: 'pictures are whole' });
  await until(async () => areBoth((await rows('b', 'damaged'))['audio']), { what: 'sound is whole' });
  await expectSame(b, 'damaged', bytes);
  expect(await figure(b, 'segue_segments_made_total')).toBe(2);
  expect(await readdir(home)).toHaveLength(1);
  expect(await readdir(join(folder, 'b/segments/damaged/180p'))).toEqual([file]);
  expect(await readdir(stranger)).toHaveLength(1);
});

test('a disk that a living node has is refused: to who adopts it, or a copy of it, and to whose it was', async () => {
  await using field = await scene();
  const { folder, start, rows } = field;
  const bytes = await field.makeAndDie('claimed');
  const copy = join(folder, 'copy');
  const held = { '180p': [[0, 2]], audio: [[0, 2]] };
  const none = { '180p': [], audio: [] };
  {
    await using a = await start('a');
    await cp(join(folder, 'a'), copy, { recursive: true });
    await rm(join(copy, 'segments/lock'));
    await expect(start('b', { adopt: [join(folder, 'a')] })).rejects.toMatchObject(
      refusal(/process \d+ of this machine works on it/, /not dead/),
    );
    await expect(start('b', { adopt: [copy] }), 'of a node that lives').rejects.toMatchObject(
      refusal(/^The disk [0-9a-f-]{36} in .*copy.* belongs to the node a, which is alive$/, /drain a/),
    );
    await expectSame(a, 'claimed', bytes);
    expect(await rows('a', 'claimed')).toEqual(held);
  }
  await expect(start('b', { adopt: [join(folder, 'a'), copy] })).rejects.toMatchObject(
    refusal(/are the same disk/, /\.disk/),
  );
  await expect(start('b', { adopt: [join(folder, 'b')] })).rejects.toMatchObject(
    refusal(/is this node's own folder/, /another SEGUE_DATA/),
  );
  {
    await using b = await start('b', { adopt: [join(copy, 'segments'), copy] });
    expect(await rows('b', 'claimed')).toEqual(held);
    await expect(start('c', { adopt: [join(folder, 'a')] }), 'of another adopter').rejects.toMatchObject(
      refusal(/belongs to the node b, which is alive/, /drain b/),
    );
    await expect(start('a'), 'the former node').rejects.toMatchObject(
      refusal(/^The disk .*\/a\/segments belongs to the node b, which is alive$/, /another SEGUE_DATA/),
    );
    await expectSame(b, 'claimed', bytes);
  }
  {
    // The same node again, with its disks.
    await using b = await start('b', { adopt: [copy] });
    expect(await rows('b', 'claimed')).toEqual(held);
    expect(await figure(b, 'segue_adopted_segments_total'), 'read once').toBe(0);
    await expectSame(b, 'claimed', bytes);
  }
  // Without it, it has given it up.
  await using b = await start('b');
  expect(await rows('b', 'claimed')).toEqual(none);
  expect((await segment(b, 'claimed', 'audio', 0)).status).toBe(404);
  await using a = await start('a');
  expect(await rows('a', 'claimed')).toEqual(held);
  await expectSame(a, 'claimed', bytes);
});

test('a disk whose node fell silent is had once its claim has ended; a node that slept over that stops', async () => {
  await using field = await scene();
  const { catalog, folder, start } = field;
  const a = await start('a');
  const id = (await readFile(join(folder, 'a/segments/.disk'), 'utf8')).trim();
  await until(
    async () => {
      await catalog.sql`UPDATE disks SET expires_at = now() WHERE id = ${id}`;
      return (await claimDisks(catalog.db, 'killed', [id], 2)).ours;
    },
    { what: 'the disk is taken away' },
  );
  await a.stopped;
  await using b = await start('b', { adopt: [join(folder, 'a')] });
  expect((await fetch(`${b.url}/healthz`)).status).toBe(200);
  await expect(start('a')).rejects.toMatchObject(refusal(/Another segue \(process/, /Stop it first/));
});
