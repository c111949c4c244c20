import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestPostgres } from '../../support/postgres.ts';
import { startFaultProxy, through } from '../../support/proxy.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { adminToken, admission, description, startService } from './setup.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = sharedPostgres();
});
afterAll(() => postgres.stop());

const cdn = 'https://cdn.example';

test('a client changes something so many times a minute, at all services together; others are not touched', async () => {
  const databaseUrl = await postgres.createDatabase();
  const limited = { admission: { ...admission, changesPerMinute: 4, trustedProxies: 1 } };
  await using one = await startService(databaseUrl, cdn, limited);
  await using two = await startService(databaseUrl, cdn, limited);
  const post = (url: string, seed: number, address: string) =>
    fetch(`${url}/v1/videos`, {
      method: 'POST',
      body: JSON.stringify(description(1, seed)),
      headers: { 'x-forwarded-for': address },
    });
  for (let seed = 0; seed < 4; seed += 1)
    expect((await post(seed % 2 === 0 ? one.url : two.url, seed, '192.0.2.1')).status).toBe(201);
  for (const { url } of [one, two]) {
    const refused = await post(url, 0, '192.0.2.1');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    expect(refused.headers.get('ratelimit')).toMatch(/limit=4, remaining=0/);
    expect(await refused.json()).toMatchObject({ error: { code: 'too_many_requests' } });
  }
  expect((await post(one.url, 9, '192.0.2.2')).status).toBe(201);
  // Looking is not counted.
  const { id } = (await (await post(one.url, 9, '192.0.2.2')).json()) as { id: string };
  for (let n = 0; n < 6; n += 1) expect((await fetch(`${one.url}/v1/videos/${id}`)).status).toBe(200);
});

test('whoever tries tokens is slowed down, and whoever has the right one is not', async () => {
  await using service = await startService(await postgres.createDatabase(), cdn);
  const nodes = (token: string) =>
    fetch(`${service.url}/v1/nodes`, { headers: { authorization: `Bearer ${token}` } });
  const statuses: number[] = [];
  for (let n = 0; n < 33; n += 1) statuses.push((await nodes(`wrong-${n}`)).status);
  expect(statuses.slice(0, 30).every((status) => status === 401)).toBe(true);
  expect(statuses.slice(30)).toEqual([429, 429, 429]);
  expect((await nodes(adminToken)).status).toBe(200);
});

test('while the catalog is away nobody is refused for what cannot be counted', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using proxy = await startFaultProxy(databaseUrl);
  await using service = await startService(through(proxy, databaseUrl), cdn);
  await proxy.fail({ kind: 'refuse' });
  const wrong = await fetch(`${service.url}/v1/nodes`, { headers: { authorization: 'Bearer wrong' } });
  expect(wrong.status).toBe(401);
  const post = await fetch(`${service.url}/v1/videos`, {
    method: 'POST',
    body: JSON.stringify(description(1)),
  });
  expect(post.status).toBe(503);
  expect(await post.json()).toMatchObject({ error: { code: 'catalog_unavailable' } });
});
