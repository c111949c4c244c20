import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FaultProxy, startFaultProxy, through } from '../../support/proxy.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';

// The fault proxy is what fault tests rest on, so it is held to what it says.

let served = 0;
let proxy: FaultProxy;
const server = createServer((request, response) => {
  served += 1;
  request.resume();
  request.on('end', () => response.end('x'.repeat(1000)));
});

beforeEach(async () => {
  served = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy = await startFaultProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterEach(async () => {
  await proxy.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const get = async (path = '/', ms = 60_000) => {
  const response = await fetch(`${proxy.url}${path}`, {
    method: 'POST',
    body: 'hello',
    signal: AbortSignal.timeout(ms),
  });
  return [response.status, (await response.text()).length];
};

test('carries requests, and counts them', async () => {
  expect(await get()).toEqual([200, 1000]);
  expect([proxy.arrived, proxy.faulted, served]).toEqual([1, 0, 1]);
});

test('status for some requests, then works again', async () => {
  await proxy.fail({ kind: 'status', status: 503, times: 2 });
  const answers = [await get(), await get(), await get()];
  expect(answers.map(([status]) => status)).toEqual([503, 503, 200]);
  expect([proxy.faulted, served]).toEqual([2, 1]);
});

test('only requests that match', async () => {
  await proxy.fail({ kind: 'status', status: 500 }, (_method, path) => path.startsWith('/bad'));
  expect([(await get('/good'))[0], (await get('/bad'))[0]]).toEqual([200, 500]);
});

test('swallow: the server did the work, the client hears nothing', async () => {
  await proxy.fail({ kind: 'swallow', times: 1 });
  await expect(get()).rejects.toThrow('fetch failed');
  expect(served).toBe(1);
});

test.each([{ kind: 'reset' }, { kind: 'refuse' }] as const)('$kind, and back', async (fault) => {
  await proxy.fail(fault);
  await expect(get()).rejects.toThrow('fetch failed');
  expect(served).toBe(0);
  await proxy.fail(undefined);
  expect(await get()).toEqual([200, 1000]);
});

test('cut after some bytes', async () => {
  await proxy.fail({ kind: 'cut', afterBytes: 100 });
  await expect(get()).rejects.toThrow('terminated');
});

test('blackhole: no answer at all', async () => {
  await proxy.fail({ kind: 'blackhole' });
  await expect(get('/', 1000)).rejects.toMatchObject({ name: 'TimeoutError' });
});

test('delay', async () => {
  await proxy.fail({ kind: 'delay', ms: 300 });
  const begun = performance.now();
  expect(await get()).toEqual([200, 1000]);
  expect(performance.now() - begun).toBeGreaterThan(290);
});

test('PostgreSQL through it: cut while connected, and back', async () => {
  await using database = sharedPostgres();
  const databaseUrl = await database.createDatabase();
  await using tcp = await startFaultProxy(databaseUrl);
  const open = () =>
    postgres(through(tcp, databaseUrl), { max: 1, connect_timeout: 30, onnotice: () => undefined });
  const first = open();
  expect(await first`select 1 as one`).toEqual([{ one: 1 }]);
  await tcp.fail({ kind: 'reset' });
  await expect((async () => first`select 1 as one`)()).rejects.toThrow(/CONNECTION|ECONNRESET/);
  await first.end({ timeout: 1 });
  await tcp.fail(undefined);
  const second = open();
  expect(await second`select 1 as one`).toEqual([{ one: 1 }]);
  await second.end();
  expect([tcp.arrived, tcp.faulted]).toEqual([2, 0]);
});
