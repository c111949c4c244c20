import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { copiesAt, storedOf } from '../../../src/catalog/copies.ts';
import { deploymentId } from '../../../src/catalog/deployment.ts';
import { runSchema } from '../../../src/catalog/findings.ts';
import { leaseOf } from '../../../src/catalog/leases.ts';
import { allNodes } from '../../../src/catalog/nodes.ts';
import type { Ranges } from '../../../src/catalog/ranges.ts';
import { renderById } from '../../../src/catalog/videos.ts';
import { type RunningNode, startNode } from '../../../src/node/main.ts';
import type { NodeConfig } from '../../../src/ops/config.ts';
import { createMetrics } from '../../../src/ops/metrics.ts';
import { startTestBucket, type TestBucket } from '../../support/bucket.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { startFaultProxy, through } from '../../support/proxy.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { addVideo, emptyCatalog, log, names } from './kit.ts';
import { secret, segment, settingsOf, want } from './whole-node.ts';

let server: TestPostgres;
let store: TestBucket;
let databaseUrl: string;
let catalog: Catalog;
let folder: TemporaryFolder;
beforeAll(async () => {
  server = sharedPostgres();
  [store, folder] = await Promise.all([startTestBucket(), temporaryFolder()]);
  databaseUrl = await server.createDatabase();
  catalog = await emptyCatalog(databaseUrl);
});
afterAll(async () => {
  await catalog.close();
  await Promise.all([server.stop(), store.stop()]);
  await folder[Symbol.asyncDispose]();
});

// A node that signs off gives the database a third of a lease time to answer.
const start = (changed: Partial<NodeConfig> = {}): Promise<RunningNode> =>
  startNode(settingsOf(databaseUrl, store.settings, folder.path, { leaseSeconds: 15, ...changed }), {
    log,
    metrics: createMetrics({ process: false }),
  });

const rowsOf = async (renderId: string, rendition: string) =>
  (await copiesAt(catalog.db, 'a')).find((row) => row.renderId === renderId && row.rendition === rendition)
    ?.segments ?? [];

/** Whether both segments are there: the second may come before the first. */
const areBoth = (ranges: Ranges | undefined): boolean => ranges?.[0]?.[0] === 0 && ranges[0][1] === 2;

test('a node with ffmpeg, disk, database and bucket: made, damaged, made again, copied, sealed, signed off', async () => {
  await using proxy = await startFaultProxy(store.settings.endpoint);
  await proxy.fail({ kind: 'refuse' });
  const bucket = { ...store.settings, endpoint: through(proxy, store.settings.endpoint) };
  await addVideo(catalog, 'r', 2);
  await using node = await start({ bucket });
  expect(await allNodes(catalog.db, 60)).toMatchObject([{ id: 'a', url: node.url, state: 'ready' }]);
  await expect(start(), 'a second process on the same disk').rejects.toMatchObject({ code: 'configuration' });

  expect((await want(node, 'r', 0)).status).toBe(202);
  await until(async () => areBoth(await rowsOf('r', 'audio')), { what: 'both segments are made' });
  const first = Buffer.from(await (await segment(node, 'r', '180p', 1)).arrayBuffer());
  expect(first.subarray(4, 8).toString()).toBe('styp');

  const home = join(folder.path, 'segments/r/180p');
  const file = (await readdir(home)).find((name) => name.startsWith('1.')) ?? '';
  await truncate(join(home, file), 100);
  expect((await segment(node, 'r', '180p', 1)).status).toBe(404);
  await until(async () => (await segment(node, 'r', '180p', 1)).ok, { what: 'it is made again' });
  const again = Buffer.from(await (await segment(node, 'r', '180p', 1)).arrayBuffer());
  expect(again.equals(first), 'the same bytes').toBe(true);
  await until(async () => areBoth(await rowsOf('r', '180p')), { what: 'its row is there again' });

  expect(await storedOf(catalog.db, 'r')).toEqual(new Map());
  await proxy.fail(undefined);
  // A bucket that was away for long is asked every 15 s.
  const sealing = { what: 'it is sealed', timeout: 60_000 };
  await until(async () => (await renderById(catalog.db, 'r'))?.sealedAt, sealing);
  for (const name of names) expect((await storedOf(catalog.db, 'r')).get(name)).toEqual([[0, 2]]);
  await node.stop();
  expect(await leaseOf(catalog.db, 'r')).toBeUndefined();
  expect(await allNodes(catalog.db, 60)).toMatchObject([{ id: 'a', state: 'dead' }]);
});

test('what a node could not copy before it stopped is copied by its next process', async () => {
  await using proxy = await startFaultProxy(store.settings.endpoint);
  await proxy.fail({ kind: 'status', status: 503 });
  await addVideo(catalog, 's', 1);
  const node = await start({
    bucket: { ...store.settings, endpoint: through(proxy, store.settings.endpoint) },
  });
  await want(node, 's', 0);
  await until(async () => (await rowsOf('s', 'audio')).length > 0, { what: 'it is made' });
  const stopping = performance.now();
  await node.stop();
  expect(performance.now() - stopping, 'milliseconds to stop').toBeLessThan(20_000);
  expect(await storedOf(catalog.db, 's')).toEqual(new Map());
  await using next = await start();
  await until(async () => (await renderById(catalog.db, 's'))?.sealedAt, { what: 'it is sealed' });
  expect((await segment(next, 's', 'audio', 0)).status).toBe(200);
});

test('a node leaves the mark of its deployment in the bucket when it starts', async () => {
  await using bare = await startTestBucket();
  await using own = await temporaryFolder();
  await using node = await start({ nodeId: 'm', bucket: bare.settings, dataFolder: own.path });
  await until(async () => (await bare.keys()).length > 0, { what: 'something is in the bucket' });
  expect(await bare.keys()).toEqual([`deployments/${await deploymentId(catalog.db)}`]);
  expect((await fetch(`${node.url}/healthz`)).status).toBe(200);
});

test('reconciling on demand: a torn file and a lost object are found without any viewer, and are there again', async () => {
  await addVideo(catalog, 't', 2);
  await using node = await start();
  await want(node, 't', 0);
  await until(async () => (await renderById(catalog.db, 't'))?.sealedAt, { what: 'it is sealed' });
  const home = join(folder.path, 'segments/t/180p');
  const file = (await readdir(home)).find((name) => name.startsWith('1.')) ?? '';
  const right = await readFile(join(home, file));
  await writeFile(join(home, file), Buffer.alloc(right.byteLength, 'rot'));
  const lost = { Bucket: store.settings.bucket, Key: 'renders/t/180p/0.m4s' };
  await store.s3.send(new DeleteObjectCommand(lost));
  const headers = { authorization: `Bearer ${secret}` };
  const reconcile = async (body: object) => {
    const answer = await fetch(`${node.url}/reconcile`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers,
    });
    expect(answer.status).toBe(202);
    return until(
      async () => {
        const { run } = z
          .object({ run: runSchema })
          .parse(await (await fetch(`${node.url}/reconcile`, { headers })).json());
        return run.state === 'running' ? undefined : run;
      },
      { what: 'the run has ended' },
    );
  };
  const run = await reconcile({ verify: true, bucket: true });
  expect(run).toMatchObject({ state: 'done', error: null });
  const found = run.report.findings.map(({ kind, examples }) => [
    kind,
    examples.map((one) => [one.name, one.done]),
  ]);
  expect(Object.fromEntries(found)).toEqual({
    'torn-file': [['t/180p/1', 'removed']],
    'missing-object': [['renders/t/180p/0.m4s', 'copied-again']],
  });
  expect(await rowsOf('t', '180p')).toEqual([[0, 1]]);
  await until(async () => areBoth((await storedOf(catalog.db, 't')).get('180p')), {
    what: 'the bucket has it again',
  });
  expect(await store.keys('renders/t/180p/')).toContain('renders/t/180p/0.m4s');
  expect((await reconcile({ bucket: true })).report.findings).toEqual([]);
});

test('a node that cannot start leaves nothing behind: the next one starts', async () => {
  await using node = await start();
  const port = Number(new URL(node.url).port);
  const other = join(folder.path, 'other');
  await expect(start({ nodeId: 'b', dataFolder: other, port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await using second = await start({ nodeId: 'b', dataFolder: other });
  expect((await fetch(`${second.url}/healthz`)).status).toBe(200);
});
