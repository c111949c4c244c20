import { expect, test } from 'vitest';
import { z } from 'zod';
import { startPlaylists } from '../../../playlists/node.ts';
import { gridOf, segmentCount } from '../../../src/grid/grid.ts';
import { startNode } from '../../../src/node/main.ts';
import { createLog } from '../../../src/ops/log.ts';
import { createMetrics } from '../../../src/ops/metrics.ts';
import { startTestBucket } from '../../support/bucket.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { settingsOf } from '../node/whole-node.ts';
import { adminToken, description, post, secret, serviceConfig } from '../playlists/setup.ts';

const lineSchema = z.looseObject({ msg: z.string(), part: z.string() });
const always = ['level', 'time', 'part', 'pid', 'msg'];

test('one line for each segment, copy and request, with known fields and no credential', async () => {
  await using server = sharedPostgres();
  const databaseUrl = await server.createDatabase();
  await using store = await startTestBucket();
  await using folder = await temporaryFolder();
  const texts: string[] = [];
  const logOf = (part: string) => createLog(part, 'info', { write: (text: string) => texts.push(text) });
  const metrics = () => createMetrics({ process: false });
  await using node = await startNode(
    settingsOf(databaseUrl, store.settings, folder.path, { drainSeconds: 1 }),
    {
      log: logOf('node'),
      metrics: metrics(),
    },
  );
  await using service = await startPlaylists(serviceConfig(databaseUrl, store.settings.publicUrl), {
    log: logOf('playlists'),
    metrics: metrics(),
    pages: { get: () => undefined, examples: [] },
  });
  const lines = () => texts.map((text) => lineSchema.parse(JSON.parse(text)));
  const saying = (part: string, msg: string) =>
    lines().filter((line) => line.part === part && line.msg === msg);

  const seconds = 6;
  const count = segmentCount(gridOf({ num: 25, den: 1 }, seconds * 25));
  const { id } = await post(service.url, description(seconds));
  const ids = ['first', 'second'];
  for (const name of ids) {
    const headers = { 'x-request-id': name };
    await (await fetch(`${service.url}/v/${id}/180p/0.m4s?token=hush`, { headers })).arrayBuffer();
  }
  await (
    await fetch(`${service.url}/v1/${'x'.repeat(5000)}`, { headers: { 'x-request-id': 'long' } })
  ).arrayBuffer();
  await fetch(`${node.url}/ingest/key-that-is-secret/index.m3u8`, { method: 'PUT', body: 'x' });
  await fetch(`${service.url}/healthz`);
  await until(() => saying('node', 'render sealed: the bucket alone plays').length > 0, {
    what: 'everything is copied',
    timeout: 60_000,
  });

  const made = saying('node', 'segment made');
  expect(made.map(({ n }) => String(n)).toSorted()).toEqual(
    Array.from({ length: count }, (_, n) => String(n)),
  );
  const copied = saying('node', 'segment copied');
  const copies = copied.map(({ rendition, n }) => `${String(rendition)} ${String(n)}`);
  expect(new Set(copies).size).toBe(copies.length);
  for (let n = 0; n < count; n += 1)
    expect(copies).toEqual(expect.arrayContaining([`180p ${n}`, `audio ${n}`]));
  for (const requestId of [...ids, 'long'])
    expect(saying('playlists', 'request').filter((line) => line['requestId'] === requestId)).toHaveLength(1);
  expect(saying('node', 'request').map(({ route }) => route)).toEqual(
    expect.arrayContaining(['/renders/:renderId', '/ingest/*']),
  );
  expect(saying('playlists', 'request').filter(({ route }) => route === '/healthz')).toEqual([]);

  const request = [
    'requestId',
    'method',
    'path',
    'route',
    'status',
    'durationMs',
    'clientLeft',
    'source',
    'code',
  ];
  const fields = {
    'segment made': ['renderId', 'n', 'renditions', 'bytes', 'encodeMs', 'totalMs'],
    'segment copied': ['renderId', 'rendition', 'n', 'kind', 'container', 'outcome', 'bytes', 'ms', 'tries'],
    request,
  };
  for (const line of lines()) {
    const known = fields[line.msg as keyof typeof fields];
    if (known !== undefined) expect([...always, ...known]).toEqual(expect.arrayContaining(Object.keys(line)));
  }
  for (const text of texts) {
    expect(text.length).toBeLessThan(8000);
    for (const hidden of [secret, adminToken, 'hush', 'key-that-is-secret', store.settings.secretAccessKey])
      expect(text).not.toContain(hidden);
  }
});
