import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startPlaylists } from '../../../playlists/node.ts';
import { loadPages } from '../../../playlists/pages/pages-node.ts';
import { createLog } from '../../../src/ops/log.ts';
import { createMetrics } from '../../../src/ops/metrics.ts';
import { parsePlaylistsConfig } from '../../../src/ops/settings.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { startTestNode } from './node.ts';
import { adminToken, description, leaseSeconds, post, secret, startService } from './setup.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = sharedPostgres();
});
afterAll(() => postgres.stop());

const cdn = 'https://cdn.example';

test('every answer tells browsers to take it for what it is, to load nothing, to frame nothing, to tell nobody', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  await using node = await startTestNode({ id: 'a', databaseUrl, secret, leaseSeconds, aheadSeconds: 60 });
  const video = await post(service.url, description(2));
  const asked: [string, RequestInit?][] = [
    ['/v1/nodes'],
    ['/v1/nodes', { headers: { authorization: `Bearer ${adminToken}` } }],
    [`/v1/videos/${video.id}`],
    ['/v1/videos', { method: 'POST', body: '{' }],
    ['/v1/videos', { method: 'DELETE' }],
    ['/nothing'],
    ['/healthz'],
    ['/readyz'],
    ['/metrics'],
    ['/openapi.json'],
    ['/description.schema.json'],
    [`/v/${video.id}/index.m3u8`],
    [`/v/${video.id}/index.m3u8`, { method: 'OPTIONS' }],
    [`/v/${video.id}/180p/media.m3u8`],
    [`/v/${video.id}/180p/init.mp4`],
    [`/v/${video.id}/180p/0.m4s`],
    [`/v/${video.id}/180p/99.m4s`],
  ];
  for (const [path, init] of asked) {
    const answer = await fetch(service.url + path, init);
    await answer.arrayBuffer();
    const name = `${init?.method ?? 'GET'} ${path} ${answer.status}`;
    expect(answer.headers.get('x-content-type-options'), name).toBe('nosniff');
    expect(answer.headers.get('referrer-policy'), name).toBe('no-referrer');
    expect(answer.headers.get('content-security-policy'), name).toContain("frame-ancestors 'none'");
    expect(answer.headers.get('x-frame-options'), name).toBe('DENY');
  }
  const fromNode = await fetch(`${node.url}/healthz`);
  expect(fromNode.headers.get('x-content-type-options')).toBe('nosniff');
});

test('pages keep the policy that lets them work', async () => {
  const config = parsePlaylistsConfig({
    PORT: '0',
    DATABASE_URL: await postgres.createDatabase(),
    S3_PUBLIC_URL: cdn,
    SEGUE_SECRET: secret,
    SEGUE_ADMIN_TOKEN: adminToken,
  });
  await using service = await startPlaylists(config, {
    log: createLog('test', 'silent'),
    metrics: createMetrics({ process: false }),
    pages: await loadPages(),
  });
  for (const path of ['/', '/admin']) {
    const policy = (await fetch(service.url + path)).headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/(?:default|script)-src 'self'/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
  }
});

test('a body that is compressed, or nested without end, is refused, and harms nothing', async () => {
  await using service = await startService(await postgres.createDatabase(), cdn);
  const send = (body: BodyInit, headers: Record<string, string> = {}) =>
    fetch(`${service.url}/v1/videos`, { method: 'POST', body, headers });
  // 64 MiB of spaces in 64 KiB.
  const bomb = new Blob([' '.repeat(64 * 1024 * 1024)]).stream().pipeThrough(new CompressionStream('gzip'));
  const compressed = await new Response(bomb).arrayBuffer();
  const refused = await send(compressed, { 'content-encoding': 'gzip' });
  expect(refused.status).toBe(400);
  expect(JSON.stringify(await refused.json())).toContain('content-encoding');
  const deep = '['.repeat(500_000) + ']'.repeat(500_000);
  expect((await send(deep)).status).toBe(400);
  const inside = JSON.stringify({ ...description(1), tracks: 'DEEP' }).replace(
    '"DEEP"',
    deep.slice(250_000, 750_000),
  );
  expect((await send(inside)).status).toBe(400);
  expect((await send(JSON.stringify(description(1)))).status).toBe(201);
});

test('what operators send is bounded, too, whether its length is announced or not', async () => {
  await using service = await startService(await postgres.createDatabase(), cdn);
  const long = JSON.stringify({ name: 'x'.repeat(100_000) });
  const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
  for (const path of ['/v1/keys', '/v1/nodes/a/drain', '/v1/reconcile']) {
    const announced = await fetch(service.url + path, { method: 'POST', headers, body: long });
    expect(announced.status, path).toBe(413);
    expect(await announced.json()).toMatchObject({ error: { code: 'too_large' } });
    const body = new Blob([long]).stream();
    const withoutLength = { method: 'POST', headers, body, duplex: 'half' };
    const streamed = await fetch(service.url + path, withoutLength);
    expect(streamed.status, path).toBe(413);
  }
});

test('whatever is not for everybody refuses who shows nothing, and keys of clients', async () => {
  await using service = await startService(await postgres.createDatabase(), cdn);
  const paths = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });
  const document = paths.parse(await (await fetch(`${service.url}/openapi.json`)).json());
  const open = new Set(['post /v1/videos', 'get /v1/videos/{id}']);
  const routes = Object.entries(document.paths)
    .filter(([path]) => path.startsWith('/v1/'))
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
    .filter((route) => !open.has(route));
  expect(routes.length).toBeGreaterThan(15);
  const made = await fetch(`${service.url}/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'a client' }),
  });
  const { key } = z.object({ key: z.string() }).parse(await made.json());
  for (const route of routes) {
    const [method = '', path = ''] = route.split(' ');
    const ask = async (headers: Record<string, string>): Promise<number> => {
      const url = service.url + path.replace('{id}', 'a');
      const answer = await fetch(url, { method: method.toUpperCase(), headers });
      await answer.body?.cancel();
      return answer.status;
    };
    expect(await ask({}), route).toBe(401);
    expect(await ask({ authorization: `Bearer ${key}` }), route).toBe(403);
  }
});
