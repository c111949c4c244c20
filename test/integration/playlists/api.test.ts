import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordCopies, replaceCopies } from '../../../src/catalog/copies.ts';
import { failRender } from '../../../src/catalog/videos.ts';
import { segmentName } from '../../../src/store/names.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { startFaultProxy, through } from '../../support/proxy.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { startTestNode } from './node.ts';
import {
  adminToken,
  description,
  leaseSeconds,
  post,
  secret,
  startService,
  startTestBucket,
} from './setup.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = sharedPostgres();
});
afterAll(() => postgres.stop());

const cdn = 'http://cdn.example.org/media';
const node = (databaseUrl: string, id: string, more: object = {}) =>
  startTestNode({ id, databaseUrl, secret, leaseSeconds, ...more });
const admin = { headers: { authorization: `Bearer ${adminToken}` } };

interface VideoJson {
  state: string;
  renderId: string;
  exposureSeconds: number;
  lease: { node: string; epoch: number } | null;
  grid: { segments: number; runs: { from: number; to: number; seconds: number }[] };
  renditions: { name: string; bucket: number[][]; nodes: Record<string, number[][]>; absent: number[][] }[];
}
const json = async <T>(url: string, init?: RequestInit): Promise<T> =>
  (await (await fetch(url, init)).json()) as T;

test('a session sees no line change; a later session gets a longer sealed prefix', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url);
  await using a = await node(databaseUrl, 'a', { open: false });
  const video = await post(service.url, description(120));
  const text = async (path: string): Promise<string> =>
    (await fetch(`${service.url}/v/${video.id}/${path}`)).text();
  const { renderId, grid } = await json<VideoJson>(`${service.url}/v1/videos/${video.id}`);
  const first = await text('index.m3u8');
  expect(first).toContain('180p/media.m3u8?sealed=0\n');
  const plain = await text('180p/media.m3u8?sealed=0');

  await recordCopies(a.catalog.db, renderId, '180p', 'bucket', [[0, 20]]);
  await recordCopies(a.catalog.db, renderId, 'audio', 'bucket', [[0, grid.segments]]);
  const second = await text('index.m3u8');
  expect(second).toContain('180p/media.m3u8?sealed=16\n');
  expect(second).toContain(`URI="audio/media.m3u8?sealed=${grid.segments}"`);
  expect(await text('180p/media.m3u8?sealed=0')).toBe(plain);
  const sealed = (await text('180p/media.m3u8?sealed=16')).split('\n');
  for (const [index, line] of plain.split('\n').entries()) {
    const n = /^(\d+)\.m4s$/.exec(line)?.[1];
    const inBucket = n !== undefined && Number(n) < 16;
    expect(sealed[index]).toBe(
      inBucket ? `${bucket.url}/${segmentName(renderId, '180p', Number(n), 'fmp4')}` : line,
    );
  }
  // Every K that is stored is answered, one above is not there.
  expect((await fetch(`${service.url}/v/${video.id}/180p/media.m3u8?sealed=20`)).status).toBe(200);
  expect((await fetch(`${service.url}/v/${video.id}/180p/media.m3u8?sealed=21`)).status).toBe(404);
  expect((await fetch(`${service.url}/v/${video.id}/180p/media.m3u8?sealed=x`)).status).toBe(400);
});

test('playlists are cacheable, open to every origin, and compressed for those who ask', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  const video = await post(service.url, description(60));
  const index = await fetch(video.url, { headers: { 'accept-encoding': 'identity' } });
  expect(index.headers.get('content-type')).toBe('application/vnd.apple.mpegurl');
  expect(index.headers.get('cache-control')).toBe('public, max-age=1');
  expect(index.headers.get('access-control-allow-origin')).toBe('*');
  const url = `${service.url}/v/${video.id}/180p/media.m3u8?sealed=0`;
  const plain = await fetch(url, { headers: { 'accept-encoding': 'identity' } });
  const packed = await fetch(url, { headers: { 'accept-encoding': 'gzip' } });
  expect(packed.headers.get('content-encoding')).toBe('gzip');
  expect(packed.headers.get('vary')).toBe('accept-encoding');
  expect(packed.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(await packed.text()).toBe(await plain.text());
  const head = await fetch(url, { method: 'HEAD', headers: { 'accept-encoding': 'identity' } });
  expect(head.headers.get('content-length')).toBe(plain.headers.get('content-length'));
});

test('an EVENT playlist grows with what exists and ends when all is in the bucket', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  await using a = await node(databaseUrl, 'a');
  const video = await post(service.url, description(20));
  const index = await (await fetch(`${video.url}?mode=event`)).text();
  expect(index).toContain('180p/media.m3u8?sealed=0&mode=event');
  const url = `${service.url}/v/${video.id}/180p/media.m3u8?sealed=0&mode=event`;
  const early = await fetch(url);
  expect(early.headers.get('cache-control')).toBe('public, max-age=1');
  const before = await early.text();
  expect(before).toContain('#EXT-X-START:TIME-OFFSET=0.01,PRECISE=YES');
  expect(before).toContain('0.m4s');
  expect(before).not.toContain('ENDLIST');
  const { renderId, grid } = await json<VideoJson>(`${service.url}/v1/videos/${video.id}`);
  for (const name of ['180p', 'audio']) {
    await recordCopies(a.catalog.db, renderId, name, 'bucket', [[0, grid.segments]]);
  }
  const after = await (await fetch(url)).text();
  expect(after.startsWith(before)).toBe(true);
  expect(after).toContain('#EXT-X-ENDLIST');
});

test('a growing list asks for what nobody is making and nobody asks for', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  // It stops rendering ahead at once, and gives the render back.
  await using a = await node(databaseUrl, 'a', { aheadSeconds: 1 });
  const video = await post(service.url, description(20));
  const url = `${service.url}/v/${video.id}/180p/media.m3u8?sealed=0&mode=event`;
  await (await fetch(url)).text();
  const about = async () => json<{ lease: object | null }>(`${service.url}/v1/videos/${video.id}`);
  await until(async () => (await about()).lease === null, { what: 'nobody is at it', timeout: 60_000 });
  const before = a.requests.length;
  await (await fetch(url)).text();
  expect(a.requests.slice(before).filter((line) => line.startsWith('POST /renders/'))).toHaveLength(1);
});

test('a growing list has made again what was lost with its node after everybody had fetched it', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  await using a = await node(databaseUrl, 'a', { aheadSeconds: 1000 });
  const video = await post(service.url, description(20));
  const about = async () => json<VideoJson & { state: string }>(`${service.url}/v1/videos/${video.id}`);
  await until(async () => (await about()).state === 'rendered', {
    what: 'all of it is made',
    timeout: 60_000,
  });
  await a.kill();
  await using b = await node(databaseUrl, 'b');
  await until(async () => (await about()).lease === null, { what: 'the lease is over', timeout: 60_000 });
  // The machine is gone for good: not even a row tells of what it had.
  const { renderId, grid } = await about();
  for (const name of ['180p', 'audio']) await replaceCopies(b.catalog.db, renderId, name, 'a', []);
  // A service that has never listed it knows, too, what may have been listed.
  await using later = await startService(databaseUrl, cdn);
  const list = await (await fetch(`${later.url}/v/${video.id}/180p/media.m3u8?sealed=0&mode=event`)).text();
  expect(list.split('#EXTINF')).toHaveLength(grid.segments + 1);
  expect(list).not.toContain('ENDLIST');
  expect(b.requests.filter((line) => line.startsWith('POST /renders/'))).not.toHaveLength(0);
  // Nobody asks for a segment: that the list is followed is enough, to its end.
  await until(async () => (await about()).state === 'rendered', {
    what: 'it is made again',
    timeout: 60_000,
  });
});

test('the same description is the same video, whatever the order of its keys', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  const one = await fetch(`${service.url}/v1/videos`, {
    method: 'POST',
    body: JSON.stringify(description(5)),
  });
  expect(one.status).toBe(201);
  const turned = Object.fromEntries(Object.entries(description(5)).toReversed());
  const two = await fetch(`${service.url}/v1/videos`, { method: 'POST', body: JSON.stringify(turned) });
  expect(two.status).toBe(200);
  expect(((await two.json()) as { id: string }).id).toBe(((await one.json()) as { id: string }).id);
});

test('bad requests are answered with every problem and nothing of the inside', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  const send = (body: BodyInit) => fetch(`${service.url}/v1/videos`, { method: 'POST', body });
  const invalid = await send(JSON.stringify({ ...description(5), fps: 26, extra: 1 }));
  expect(invalid.status).toBe(400);
  const { error } = (await invalid.json()) as {
    error: { code: string; problems: string[]; requestId: string };
  };
  expect(error.code).toBe('invalid_description');
  expect(error.problems).toHaveLength(2);
  expect(invalid.headers.get('x-request-id')).toBe(error.requestId);
  expect((await send('{')).status).toBe(400);
  expect((await send(`"${'x'.repeat(1024 * 1024)}"`)).status).toBe(413);
  const put = await fetch(`${service.url}/v1/videos`, { method: 'PUT' });
  expect([put.status, put.headers.get('allow')]).toEqual([405, 'POST, GET, HEAD']);
  const lost = await fetch(`${service.url}/nothing`, { headers: { 'x-request-id': 'mine' } });
  expect(lost.status).toBe(404);
  expect(await lost.json()).toMatchObject({ error: { code: 'not_found', requestId: 'mine' } });
});

test('files are pinned by a node before the video is written', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  const withImage = (src: string) => ({
    ...description(5),
    tracks: [{ clips: [{ length: 5, asset: { type: 'image', src } }] }],
  });
  const send = (src: string) =>
    fetch(`${service.url}/v1/videos`, { method: 'POST', body: JSON.stringify(withImage(src)) });
  expect((await send('file:a.png')).status).toBe(503);
  const facts = {
    sha256: 'a'.repeat(64),
    bytes: 10,
    format: 'png_pipe',
    image: { codec: 'png', width: 1, height: 1 },
  };
  const sound = { sha256: 'b'.repeat(64), bytes: 10, format: 'wav', audio: { durationSeconds: 1 } };
  await using a = await node(databaseUrl, 'a', { assets: { 'file:a.png': facts, 'file:b.wav': sound } });
  expect((await send('file:a.png')).status).toBe(201);
  expect(a.requests).toContain('POST /assets');
  const misused = await send('file:b.wav');
  expect(misused.status).toBe(400);
  expect(await misused.json()).toMatchObject({ error: { code: 'asset_refused' } });
});

test('the status says where every segment is, who writes and what could be lost', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  await using a = await node(databaseUrl, 'a', { aheadSeconds: 10 });
  const video = await post(service.url, description(10));
  const status = () => json<VideoJson>(`${service.url}/v1/videos/${video.id}`);
  const rendered = await until(
    async () => {
      const now = await status();
      return now.state === 'rendered' ? now : undefined;
    },
    { what: 'everything made' },
  );
  expect(rendered.exposureSeconds).toBe(10);
  expect(rendered.grid.runs[0]).toEqual({ from: 0, to: 2, seconds: 0.96 });
  expect(rendered.renditions[0]).toMatchObject({
    name: '180p',
    nodes: { a: [[0, 5]] },
    absent: [],
    bucket: [],
  });
  for (const name of ['180p', 'audio'])
    await recordCopies(a.catalog.db, rendered.renderId, name, 'bucket', [[0, 5]]);
  expect(await status()).toMatchObject({ state: 'stored', exposureSeconds: 0 });
});

test('operators see nodes and changes, others do not', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  await using a = await node(databaseUrl, 'a');
  for (const path of ['/v1/nodes', '/v1/events']) {
    expect((await fetch(`${service.url}${path}`)).status).toBe(401);
    const wrong = await fetch(`${service.url}${path}`, { headers: { authorization: 'Bearer wrong' } });
    expect(wrong.status).toBe(401);
  }
  const { nodes } = await json<{ nodes: object[] }>(`${service.url}/v1/nodes`, admin);
  expect(nodes).toMatchObject([
    { id: 'a', url: a.url, state: 'ready', pid: process.pid, load: { renders: 0 } },
  ]);

  const leaving = new AbortController();
  const events = await fetch(`${service.url}/v1/events`, { ...admin, signal: leaving.signal });
  expect(events.headers.get('content-type')).toContain('text/event-stream');
  const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
  let seen = '';
  await post(service.url, description(5));
  while (!/event: change\ndata: .*"type":"copies"/.test(seen) || !seen.includes('event: nodes')) {
    const next = await reader?.read();
    if (next?.done !== false) throw new Error(`the events ended: ${seen}`);
    seen += next.value;
  }
  leaving.abort();
});

test('a render that nobody can make fails its requests instead of holding them', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  await using a = await node(databaseUrl, 'a', { open: false });
  const video = await post(service.url, description(10));
  const { renderId } = await json<VideoJson>(`${service.url}/v1/videos/${video.id}`);
  await failRender(a.catalog.db, renderId, 'the encoder says no');
  const answer = await fetch(`${service.url}/v/${video.id}/180p/3.m4s`);
  expect(answer.status).toBe(500);
  expect(await answer.json()).toMatchObject({ error: { code: 'render_failed' } });
  expect(await json(`${service.url}/v1/videos/${video.id}`)).toMatchObject({
    state: 'failed',
    failure: 'the encoder says no',
  });
});

test('while the catalog is away, known streams go on, and readiness says so', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using proxy = await startFaultProxy(databaseUrl);
  await using bucket = await startTestBucket();
  await using service = await startService(through(proxy, databaseUrl), bucket.url);
  await using a = await node(databaseUrl, 'a');
  const video = await post(service.url, description(10));
  const at = (path: string) => fetch(`${service.url}/v/${video.id}/${path}`, { redirect: 'manual' });
  expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
  const index = await (await at('index.m3u8')).text();
  await (await at('180p/0.m4s')).arrayBuffer();
  await (await at('180p/init.mp4')).arrayBuffer();

  await proxy.fail({ kind: 'refuse' });
  const down = await fetch(`${service.url}/readyz`);
  expect(down.status).toBe(503);
  expect(await down.json()).toMatchObject({ catalog: 'unavailable' });
  expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
  expect(await (await at('index.m3u8')).text()).toBe(index);
  expect((await at('180p/media.m3u8?sealed=0')).status).toBe(200);
  expect((await at('180p/init.mp4')).headers.get('x-segue-source')).toBe('catalog');
  expect((await at('180p/0.m4s')).headers.get('x-segue-source')).toBe('a');
  // A segment of which nothing is known is held, and comes once the catalog is back.
  const held = at('180p/4.m4s');
  await proxy.fail(undefined);
  const answer = await held;
  expect((await answer.arrayBuffer()).byteLength).toBeGreaterThanOrEqual(300_000);
  expect(a.disk.bytes).toBeGreaterThan(0);
});

test('a service that has just been started holds what it knows nothing of until the catalog is back, and no longer', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using proxy = await startFaultProxy(databaseUrl);
  await using bucket = await startTestBucket();
  await using first = await startService(databaseUrl, bucket.url);
  await using second = await startService(through(proxy, databaseUrl), bucket.url, { maxHolds: 4 });
  await using _ = await node(databaseUrl, 'a');
  const video = await post(first.url, description(10));
  await (await fetch(`${first.url}/v/${video.id}/180p/0.m4s`)).arrayBuffer();
  const paths = ['index.m3u8', '180p/media.m3u8', '180p/init.mp4', '180p/0.m4s'];
  const at = async (path: string): Promise<number> => {
    const answer = await fetch(`${second.url}/v/${video.id}/${path}`);
    await answer.arrayBuffer();
    return answer.status;
  };
  const holds = async (): Promise<number> => (await json<{ holds: number }>(`${second.url}/readyz`)).holds;

  await proxy.fail({ kind: 'refuse' });
  const waiting = Promise.all(paths.map(at));
  await until(async () => (await holds()) === paths.length, { what: 'all are held' });
  expect(await at('180p/1.m4s'), 'one hold too many').toBe(503);
  await proxy.fail(undefined);
  expect(await waiting).toEqual([200, 200, 200, 200]);
  expect(await holds()).toBe(0);

  await proxy.fail({ kind: 'refuse' });
  const unknown = await fetch(`${second.url}/v/unknown/index.m3u8`);
  expect([unknown.status, unknown.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await holds()).toBe(0);
});

test('the interface is described, and measured', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  const { paths } = await json<{ paths: Record<string, object> }>(`${service.url}/openapi.json`);
  expect(Object.keys(paths)).toContain('/v/{id}/{rendition}/{n}.m4s');
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  expect(metrics).toMatch(/segue_http_request_duration_seconds_count\{.*route="\/openapi.json".*\} 1/);
});

test('reconciling is asked of every node, of one of them for the bucket, and one report is made of all', async () => {
  interface Reconciliation {
    state: string;
    nodes: { id: string; state: string; run: string | null; bucket: boolean; error: string | null }[];
    report: { findings: { kind: string; count: number; open: number; examples: { place: string }[] }[] };
  }
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  const url = `${service.url}/v1/reconcile`;
  for (const method of ['GET', 'POST']) expect((await fetch(url, { method })).status).toBe(401);
  expect((await fetch(url, { ...admin, method: 'POST' })).status, 'there is no node').toBe(503);
  await using a = await node(databaseUrl, 'a');
  await using b = await node(databaseUrl, 'b');
  expect(await json<Reconciliation>(url, admin)).toMatchObject({
    state: 'idle',
    nodes: [
      { id: 'a', state: 'idle', run: null },
      { id: 'b', state: 'idle', run: null },
    ],
  });
  await a.disk.put('nobody', '180p', 0, new Uint8Array(3));
  await b.disk.put('nobody', '180p', 1, new Uint8Array(4));
  const typed = { ...admin.headers, 'content-type': 'application/json' };
  for (const [body, headers] of [
    ['{"verify":"all"}', typed],
    ['{"verify":', typed],
    ['{"verify":true}', admin.headers],
  ] as const) {
    const refused = await fetch(url, { method: 'POST', headers, body });
    expect(refused.status, body).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { code: 'invalid_request' } });
  }
  const answer = await fetch(url, { ...admin, method: 'POST' });
  expect(answer.status).toBe(202);
  const begun = (await answer.json()) as Reconciliation;
  expect(begun.nodes.map(({ id }) => id)).toEqual(['a', 'b']);
  expect(begun.nodes.filter(({ bucket }) => bucket)).toHaveLength(1);
  const ended = await until(
    async () => {
      const now = await json<Reconciliation>(url, admin);
      return now.state === 'done' ? now : undefined;
    },
    { what: 'both have ended' },
  );
  expect(ended.nodes.map(({ run }) => run)).toEqual(begun.nodes.map(({ run }) => run));
  expect(ended.report.findings).toMatchObject([{ kind: 'unknown-file', count: 2, open: 2 }]);
  expect(ended.report.findings[0]?.examples.map(({ place }) => place).sort()).toEqual(['a', 'b']);
  await b.kill();
  const without = (await (await fetch(url, { ...admin, method: 'POST' })).json()) as Reconciliation;
  const states = without.nodes.map(({ id, state }) => `${id} ${state}`);
  // As long as it counts as living it is asked, and has failed.
  expect(states.filter((one) => one !== 'b failed')).toEqual([expect.stringMatching(/^a (running|done)$/)]);
  expect(without.nodes.some(({ id, bucket }) => id === 'a' && bucket)).toBe(true);
});
