import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { runSchema } from '../../../src/catalog/findings.ts';
import { acquireLease } from '../../../src/catalog/leases.ts';
import { nodeApp } from '../../../src/node/app.ts';
import { reconcileDisk } from '../../../src/node/reconcile.ts';
import { reconciling } from '../../../src/node/reconciling.ts';
import { nodeSegmentPath, urlSigner } from '../../../src/node/sign.ts';
import { type Listening, listen } from '../../../src/ops/listen.ts';
import { createMetrics } from '../../../src/ops/metrics.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import {
  addVideo,
  bytesOf,
  emptyCatalog,
  log,
  startTestRenders,
  type TestRenders,
  testRenderer,
} from './kit.ts';

const secret = 'a secret of thirty-two characters';
const signer = urlSigner(secret);
let server: TestPostgres;
let catalog: Catalog;
let node: TestRenders;
let listening: Listening;
const damaged: string[] = [];
const gate = Promise.withResolvers<void>();

beforeAll(async () => {
  server = sharedPostgres();
  catalog = await emptyCatalog(await server.createDatabase());
  await addVideo(catalog, 'r', 5);
  await addVideo(catalog, 'theirs', 5);
  await acquireLease(catalog.db, 'theirs', 'b', 600);
  // No time passes: a lease with nothing left to do would be given back between two tests.
  node = await startTestRenders({ catalog, renderer: testRenderer(), now: () => 0 });
  const app = nodeApp({
    disk: node.disk,
    renders: node.renders,
    signer,
    secret,
    metrics: createMetrics({ process: false }),
    pinAsset: (src) => Promise.resolve({ pinned: src }),
    moduleHash: (name) => Promise.resolve(`hash of ${name}`),
    onDamaged: (renderId, rendition, n) => damaged.push(`${renderId}/${rendition}/${n}`),
    isReady: () => true,
    drain: () => undefined,
    checkCopy: () => Promise.resolve('there'),
    readCopy: () => Promise.resolve(undefined),
    reconciling: reconciling({
      disk: async (_, tally) => reconcileDisk({ catalog, disk: node.disk, nodeId: node.id, log, tally }),
      bucket: async (tally) => {
        await gate.promise;
        return tally.report();
      },
      log,
      onFinding: () => undefined,
    }),
  });
  listening = await listen(app, '127.0.0.1', 0);
  await node.renders.take('r', { n: 0 });
  await until(() => node.made.length === 4, { what: 'all is made' });
});
afterAll(async () => {
  await listening.close(100);
  await node[Symbol.asyncDispose]();
  await catalog.close();
  await server.stop();
});

const get = async (n: number, headers: Record<string, string> = {}, rendition = '180p') => {
  const path = nodeSegmentPath('r', rendition, n, 'fmp4');
  return fetch(`${listening.url}${path}?${await signer.sign(path, Date.now() + 10_000)}`, { headers });
};
const bytes = async (answer: Response) => Buffer.from(await answer.arrayBuffer());
const whole = Buffer.from(bytesOf('180p', 2));

test('a segment comes with its length, its CRC, its type, and may be kept for ever', async () => {
  const answer = await get(2);
  expect(answer.status).toBe(200);
  expect(await bytes(answer)).toEqual(whole);
  const crc = crc32(whole).toString(16).padStart(8, '0');
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-length': String(whole.length),
    'content-type': 'video/mp4',
    'x-segue-crc32': crc,
    etag: `"${crc}-${whole.length}"`,
    'cache-control': 'public, max-age=31536000, immutable',
    'access-control-allow-origin': '*',
    'accept-ranges': 'bytes',
  });
  expect((await get(2, {}, 'audio')).headers.get('content-type')).toBe('audio/mp4');
});

test.each([
  ['bytes=10-19', 10, 19],
  ['bytes=10-', 10, whole.length - 1],
  ['bytes=-7', whole.length - 7, whole.length - 1],
  ['bytes=0-99999', 0, whole.length - 1],
])('Range %s gives bytes %i to %i', async (range, from, to) => {
  const answer = await get(2, { range });
  expect(answer.status).toBe(206);
  expect(answer.headers.get('content-range')).toBe(`bytes ${from}-${to}/${whole.length}`);
  expect(await bytes(answer)).toEqual(whole.subarray(from, to + 1));
});

test('a range outside is refused, one of other bytes or several are answered whole', async () => {
  const outside = await get(2, { range: 'bytes=9999-' });
  expect(outside.status).toBe(416);
  expect(outside.headers.get('content-range')).toBe(`bytes */${whole.length}`);
  expect((await get(2, { range: 'bytes=-0' })).status).toBe(416);
  for (const headers of [{ range: 'bytes=0-1', 'if-range': '"other"' }, { range: 'bytes=0-1,4-5' }]) {
    const answer = await get(2, headers);
    expect(answer.status).toBe(200);
    expect(await bytes(answer)).toEqual(whole);
  }
});

test('who has it gets 304', async () => {
  const etag = (await get(2)).headers.get('etag') ?? '';
  const answer = await get(2, { 'if-none-match': etag });
  expect(answer.status).toBe(304);
  expect(await bytes(answer)).toHaveLength(0);
});

test('a signature is needed, for this very path, and it expires', async () => {
  const path = nodeSegmentPath('r', '180p', 2, 'fmp4');
  const expired = await signer.sign(path, Date.now() - 2000);
  const ofAnother = await signer.sign(nodeSegmentPath('r', '180p', 1, 'fmp4'), Date.now() + 10_000);
  const forged = await urlSigner('another secret of 32 characters!').sign(path, Date.now() + 10_000);
  for (const query of ['', expired, ofAnother, forged, 'e=99999999999&s=x']) {
    const answer = await fetch(`${listening.url}${path}?${query}`);
    expect(answer.status, query).toBe(401);
    expect(await answer.json()).toMatchObject({ error: { code: 'unauthorized' } });
  }
});

test('what is not there is 404, as JSON', async () => {
  const answer = await get(99);
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ error: { code: 'not_found' } });
  expect((await fetch(`${listening.url}/nothing`)).status).toBe(404);
});

test('a damaged segment is noticed, told once, and is not served', async () => {
  const home = join(node.folder, 'r/180p');
  const file = (await readdir(home)).find((name) => name.startsWith('3.')) ?? '';
  await writeFile(join(home, file), 'rot');
  expect((await get(3)).status).toBe(404);
  expect((await get(3)).status).toBe(404);
  expect(damaged).toEqual(['r/180p/3']);
});

const post = (path: string, body: string, token = secret) =>
  fetch(`${listening.url}${path}`, { method: 'POST', body, headers: { authorization: `Bearer ${token}` } });

test('the calls of the playlist service need the secret', async () => {
  for (const [path, method] of [
    ['/renders/r', 'POST'],
    ['/assets', 'POST'],
    ['/modules/m', 'GET'],
    ['/reconcile', 'POST'],
    ['/reconcile', 'GET'],
  ] as const) {
    const answer = await fetch(`${listening.url}${path}`, { method });
    expect(answer.status, path).toBe(401);
  }
  expect((await post('/renders/r', '', `${secret}x`)).status).toBe(401);
});

test('a render is taken with and without a wish; a foreign one is 409 with its holder', async () => {
  const taken = await post('/renders/r', '{"want":{"n":1}}');
  expect({ status: taken.status, body: await taken.json() }).toEqual({ status: 202, body: { epoch: 1 } });
  expect((await post('/renders/r', '')).status).toBe(202);
  const theirs = await post('/renders/theirs', '{}');
  expect(theirs.status).toBe(409);
  expect(await theirs.json()).toMatchObject({ error: { code: 'lease_held' }, holder: 'b' });
  expect((await post('/renders/none', '')).status).toBe(404);
});

test.each([
  ['no JSON', 400, 'invalid_request'],
  ['{"want":{"n":-1}}', 400, 'invalid_request'],
  ['{"want":{"n":1.5}}', 400, 'invalid_request'],
  ['{"want":{"n":4}}', 400, 'invalid_request'],
  ['{"other":1}', 400, 'invalid_request'],
  [`{"want":"${'x'.repeat(70_000)}"}`, 413, 'too_large'],
])('a body of %.20s is %i %s', async (body, status, code) => {
  const answer = await post('/renders/r', body);
  expect(answer.status).toBe(status);
  expect(await answer.json()).toMatchObject({ error: { code } });
});

test('assets and modules are passed on, health and metrics are open', async () => {
  expect(await (await post('/assets', '{"src":"file:a.png"}')).json()).toEqual({ pinned: 'file:a.png' });
  expect((await post('/assets', '{"src":""}')).status).toBe(400);
  const headers = { authorization: `Bearer ${secret}` };
  const hash = await fetch(`${listening.url}/modules/orbits`, { headers });
  expect(await hash.json()).toEqual({ sha256: 'hash of orbits' });
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    expect((await fetch(`${listening.url}${path}`)).status, path).toBe(200);
  }
});

test('reconciling is one run at a time: a second call joins it, and one that asks for more is refused', async () => {
  const headers = { authorization: `Bearer ${secret}` };
  const runOf = async (answer: Response) =>
    z.object({ run: runSchema.nullable() }).parse(await answer.json()).run;
  const last = async () => runOf(await fetch(`${listening.url}/reconcile`, { headers }));
  expect(await last()).toBeNull();
  const begun = await post('/reconcile', '{"bucket":true}');
  expect(begun.status).toBe(202);
  const run = await runOf(begun);
  expect(run).toMatchObject({ state: 'running', bucket: true, verify: false });
  expect((await runOf(await post('/reconcile', '{"bucket":true}')))?.id).toBe(run?.id);
  expect((await runOf(await post('/reconcile', '')))?.id, 'less is asked for').toBe(run?.id);
  const more = await post('/reconcile', '{"verify":true}');
  expect(more.status).toBe(429);
  expect(await more.json()).toMatchObject({ error: { code: 'too_many_requests' } });
  expect((await post('/reconcile', '{"verify":1}')).status).toBe(400);
  gate.resolve();
  await until(async () => (await last())?.state === 'done', { what: 'the run has ended' });
  expect((await runOf(await post('/reconcile', '{"verify":true}')))?.id).not.toBe(run?.id);
});
