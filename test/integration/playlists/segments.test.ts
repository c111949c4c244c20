import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordCopies } from '../../../src/catalog/copies.ts';
import { segmentName } from '../../../src/store/names.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { initBytes, segmentBytes, startTestNode } from './node.ts';
import { description, leaseSeconds, padsSoon, post, secret, startService, startTestBucket } from './setup.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = sharedPostgres();
});
afterAll(() => postgres.stop());

const node = (databaseUrl: string, id: string, more: object = {}) =>
  startTestNode({ id, databaseUrl, secret, leaseSeconds, ...more });

/** Reads a body to its end; rejects when the connection is cut. */
async function body(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

/** Splits leading `free` boxes off. */
function split(bytes: Uint8Array): { boxes: number; rest: Uint8Array } {
  let boxes = 0;
  const free = [0, 0, 0, 8, 0x66, 0x72, 0x65, 0x65];
  while (free.every((byte, index) => bytes[boxes * 8 + index] === byte)) boxes += 1;
  return { boxes, rest: bytes.subarray(boxes * 8) };
}

test('a segment on a node is passed through: whole, immutable, with ranges and validators', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url);
  await using a = await node(databaseUrl, 'a');
  const video = await post(service.url, description(10));
  expect(video).toMatchObject({
    duration: 10,
    state: 'rendering',
    url: `${service.url}/v/${video.id}/index.m3u8`,
  });
  expect(a.requests.filter((line) => line.startsWith('POST'))).toHaveLength(1);
  const url = `${service.url}/v/${video.id}/180p/0.m4s`;

  const whole = await fetch(url);
  expect(whole.status).toBe(200);
  expect(await body(whole)).toEqual(segmentBytes('180p', 0));
  expect(whole.headers.get('content-length')).toBe('300000');
  expect(whole.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(whole.headers.get('x-segue-source')).toBe('a');
  expect(whole.headers.get('access-control-allow-origin')).toBe('*');
  expect(whole.headers.get('content-type')).toBe('video/mp4');

  const part = await fetch(url, { headers: { range: 'bytes=10-19' } });
  expect(part.status).toBe(206);
  expect(part.headers.get('content-range')).toBe('bytes 10-19/300000');
  expect(await body(part)).toHaveLength(10);
  const beyond = await fetch(url, { headers: { range: 'bytes=300000-' } });
  expect(beyond.status).toBe(416);
  const etag = whole.headers.get('etag') ?? '';
  expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
  const head = await fetch(url, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '300000']);
  const options = await fetch(url, { method: 'OPTIONS' });
  expect([options.status, options.headers.get('access-control-allow-origin')]).toEqual([204, '*']);

  const init = await fetch(`${service.url}/v/${video.id}/audio/init.mp4`);
  expect(await body(init)).toEqual(initBytes('audio'));
  expect(init.headers.get('cache-control')).toContain('immutable');
  expect(init.headers.get('content-type')).toBe('audio/mp4');
});

test('a segment in the bucket is redirected to, never cached', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url);
  await using a = await node(databaseUrl, 'a');
  const video = await post(service.url, description(10));
  const { renderId } = (await (await fetch(`${service.url}/v1/videos/${video.id}`)).json()) as {
    renderId: string;
  };
  await recordCopies(a.catalog.db, renderId, '180p', 'bucket', [[0, 2]]);
  const answer = await fetch(`${service.url}/v/${video.id}/180p/1.m4s`, { redirect: 'manual' });
  expect(answer.status).toBe(307);
  expect(answer.headers.get('location')).toBe(`${bucket.url}/${segmentName(renderId, '180p', 1, 'fmp4')}`);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.get('x-segue-source')).toBe('bucket');
});

test('nobody is sent to a bucket that does not answer: a node gives the bytes, or makes them again', async () => {
  const databaseUrl = await postgres.createDatabase();
  const gone = await startTestBucket();
  await gone[Symbol.asyncDispose]();
  await using service = await startService(databaseUrl, gone.url);
  await using a = await node(databaseUrl, 'a', { open: false });
  const video = await post(service.url, description(10));
  const { renderId } = (await (await fetch(`${service.url}/v1/videos/${video.id}`)).json()) as {
    renderId: string;
  };
  // All of it is in the bucket, and none of it on a node.
  for (const rendition of ['180p', 'audio'])
    await recordCopies(a.catalog.db, renderId, rendition, 'bucket', [[0, 5]]);
  // Nobody has looked for the bucket yet: a session that begins now must not be the one to find out.
  const list = await (await fetch(`${service.url}/v/${video.id}/index.m3u8`)).text();
  expect(list).not.toMatch(/sealed=[1-9]/);
  const answer = fetch(`${service.url}/v/${video.id}/180p/1.m4s`, { redirect: 'manual' });
  await until(() => a.requests.some((line) => line.startsWith('POST /renders/')), {
    what: 'a node is asked',
  });
  a.open = true;
  const got = await answer;
  expect(got.status).toBe(200);
  expect(split(await body(got)).rest).toEqual(segmentBytes('180p', 1));
});

test('a request for a segment that is not made yet is held: boxes, then the bytes', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url, padsSoon);
  await using a = await node(databaseUrl, 'a', { open: false });
  const video = await post(service.url, description(30));
  const answer = await fetch(`${service.url}/v/${video.id}/180p/5.m4s`);
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
  expect(answer.headers.get('content-length')).toBeNull();
  const reader = answer.body?.getReader();
  const first = await reader?.read();
  // One each second: where the test had to wait there are more.
  expect([...(first?.value?.subarray(0, 8) ?? [])]).toEqual([0, 0, 0, 8, 0x66, 0x72, 0x65, 0x65]);
  a.open = true;
  const rest: number[] = [];
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read())
    rest.push(...next.value);
  expect(split(Uint8Array.from(rest)).rest).toEqual(segmentBytes('180p', 5));
  // A wanted segment is made before those nobody waits for.
  expect(a.requests).toContain(`POST /renders/${a.disk.renders()[0]}`);
});

test('a held request ends with the bytes of the bucket when the segment appears there', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url, padsSoon);
  await using a = await node(databaseUrl, 'a', { open: false });
  const video = await post(service.url, description(10));
  const { renderId } = (await (await fetch(`${service.url}/v1/videos/${video.id}`)).json()) as {
    renderId: string;
  };
  const answer = await fetch(`${service.url}/v/${video.id}/audio/1.m4s`);
  expect(answer.headers.get('x-segue-source')).toBe('held');
  bucket.objects.set(segmentName(renderId, 'audio', 1, 'fmp4'), segmentBytes('audio', 1));
  await recordCopies(a.catalog.db, renderId, 'audio', 'bucket', [[1, 2]]);
  expect(split(await body(answer)).rest).toEqual(segmentBytes('audio', 1));
});

test('a hold that lasts too long is cut, never ended cleanly', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url, {
    holdSeconds: 1.5,
    holdSilentSeconds: 0.2,
  });
  await using a = await node(databaseUrl, 'a', { open: false });
  const video = await post(service.url, description(10));
  const answer = await fetch(`${service.url}/v/${video.id}/180p/1.m4s`);
  expect(answer.status).toBe(200);
  await expect(body(answer)).rejects.toThrow();
  expect(a.open).toBe(false);
});

test('when the holder dies, a live node takes over: what it had is made again, and no client sees an error', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url);
  await using a = await node(databaseUrl, 'a');
  const video = await post(service.url, description(20));
  const url = (n: number) => `${service.url}/v/${video.id}/180p/${n}.m4s`;
  expect((await fetch(url(0))).headers.get('x-segue-source')).toBe('a');
  await using b = await node(databaseUrl, 'b');
  await a.kill();
  const again = await fetch(url(0));
  expect(again.status).toBe(200);
  expect(split(await body(again)).rest).toEqual(segmentBytes('180p', 0));
  const next = await fetch(url(3));
  expect(split(await body(next)).rest).toEqual(segmentBytes('180p', 3));
  expect(b.disk.renders()).toHaveLength(1);
});

test('a request that comes before any node is there is held until one comes', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url, padsSoon);
  const video = await post(service.url, description(10));
  expect(video.state).toBe('waiting');
  const answers = Promise.all([
    fetch(`${service.url}/v/${video.id}/180p/init.mp4`).then(body),
    fetch(`${service.url}/v/${video.id}/180p/0.m4s`).then(body),
  ]);
  await using a = await node(databaseUrl, 'a');
  const [init, segment] = await answers;
  expect(split(init).rest).toEqual(initBytes('180p'));
  expect(split(segment).rest).toEqual(segmentBytes('180p', 0));
  expect(a.disk.bytes).toBeGreaterThan(0);
});

test('requests for the same segment at the same time make one fetch from the node', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url, padsSoon);
  await using a = await node(databaseUrl, 'a', { open: false });
  const video = await post(service.url, description(10));
  const url = `${service.url}/v/${video.id}/180p/2.m4s`;
  const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(url)));
  a.open = true;
  for (const bytes of await Promise.all(answers.map(body))) {
    expect(split(bytes).rest).toEqual(segmentBytes('180p', 2));
  }
  expect(a.requests.filter((line) => line.endsWith('/180p/2.m4s'))).toHaveLength(1);
});

test('too many holds are refused with 503 and Retry-After; a client that goes away gives its place back', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url, { ...padsSoon, maxHolds: 2 });
  await using a = await node(databaseUrl, 'a', { open: false });
  const video = await post(service.url, description(30));
  const url = (n: number) => `${service.url}/v/${video.id}/180p/${n}.m4s`;
  const leaving = new AbortController();
  await Promise.all([1, 2].map((n) => fetch(url(n), { signal: leaving.signal })));
  const refused = await fetch(url(3));
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(refused.headers.get('cache-control')).toBe('no-store');
  expect(await refused.json()).toMatchObject({ error: { code: 'too_many_holds' } });
  leaving.abort();
  const holds = async () =>
    ((await (await fetch(`${service.url}/readyz`)).json()) as { holds: number }).holds === 0;
  await until(holds, { what: 'both holds given back' });
  a.open = true;
  expect((await body(await fetch(url(4)))).length).toBeGreaterThanOrEqual(300_000);
});

/** More than the kernel takes for a client that does not read; two fill the budget of bytes. */
const segmentSize = 8_000_000;

/** Asks for something, and reads no more than how the answer begins. */
function stalled(url: string): Socket {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.once('data', () => socket.pause());
  socket.on('error', () => undefined);
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  return socket;
}

/** What a service keeps at this moment. */
const load = async (url: string) =>
  (await (await fetch(`${url}/readyz`)).json()) as { holds: number; bytesInFlight: number };

test('viewers that stop reading are cut once others need the memory', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url);
  await using _ = await node(databaseUrl, 'a', { segmentSize });
  const video = await post(service.url, description(10));
  const url = (n: number) => `${service.url}/v/${video.id}/180p/${n}.m4s`;
  for (const n of [0, 1]) await body(await fetch(url(n)));
  const sockets = [0, 1].map((n) => stalled(url(n)));
  try {
    const isFull = async () => (await load(service.url)).bytesInFlight === 2 * segmentSize;
    await until(isFull, { what: 'no room is left' });
    // Readers that stall are cut after ten seconds.
    const answer = await fetch(url(2), { signal: AbortSignal.timeout(60_000) });
    expect(split(await body(answer)).rest).toHaveLength(segmentSize);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

test('a viewer that does not read what it was held for takes no place among the holds', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url, padsSoon);
  await using a = await node(databaseUrl, 'a', { open: false, segmentSize });
  const video = await post(service.url, description(10));
  const socket = stalled(`${service.url}/v/${video.id}/180p/0.m4s`);
  try {
    await until(() => socket.bytesRead > 0, { what: 'the answer begins' });
    expect((await load(service.url)).holds).toBe(1);
    a.open = true;
    await until(async () => (await load(service.url)).holds === 0, { what: 'its place is given back' });
    expect((await load(service.url)).bytesInFlight).toBe(segmentSize);
  } finally {
    socket.destroy();
  }
});

test('a number outside the grid is 404, and so is what no video has', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url);
  const video = await post(service.url, description(10));
  for (const path of ['180p/5.m4s', '180p/00.m4s', '360p/0.m4s', '180p~2/0.m4s', '180p~1/0.m4s']) {
    const answer = await fetch(`${service.url}/v/${video.id}/${path}`);
    expect([path, answer.status]).toEqual([path, 404]);
    expect(await answer.json()).toMatchObject({
      error: { code: 'not_found', requestId: expect.any(String) },
    });
  }
});
