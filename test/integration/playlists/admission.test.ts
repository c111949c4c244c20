import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openCatalog } from '../../../src/catalog/connect.ts';
import type { AdmissionSettings } from '../../../src/ops/admission-settings.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { admission, description, startService } from './setup.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = sharedPostgres();
});
afterAll(() => postgres.stop());

const start = async (changed: Partial<AdmissionSettings>) =>
  startService(await postgres.createDatabase(), 'https://cdn.example', {
    admission: { ...admission, ...changed },
  });

const send = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${url}/v1/videos`, { method: 'POST', body: JSON.stringify(body), headers });

/** CPU seconds that a description is estimated to take. */
async function costOf(url: string, body: unknown): Promise<number> {
  const answer = await send(url, body);
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { estimatedCpuSeconds: number }).estimatedCpuSeconds;
}

test('a description above the budget of one video is refused, with estimate, limit and way out', async () => {
  await using service = await start({ videoCpuSeconds: 1000 });
  expect(await costOf(service.url, description(60))).toBeLessThan(100);
  const clips = Array.from({ length: 20 }, () => ({
    clips: [{ length: 7200, asset: { type: 'pattern', pattern: 'mandelbrot' }, opacity: 0.5 }],
  }));
  const huge = { ...description(7200), size: { width: 3840, height: 2160 }, tracks: clips };
  const refused = await send(service.url, huge);
  expect(refused.status).toBe(422);
  const { error } = (await refused.json()) as {
    error: { code: string; message: string; hint: string; problems: string[] };
  };
  expect(error.code).toBe('over_budget');
  expect(error.message).toMatch(/about [\d,]{5,} CPU seconds, and a video may take 1,000/);
  expect(error.hint).toMatch(/shorter \(about \d+ s fit\).*SEGUE_BUDGET_VIDEO/);
  // With layers that hide each other it is too much already before anything is known of them.
  expect(error.problems.join()).toMatch(/encoding: about/);
});

test('what is too much only for what it shows is refused, too, and says what that is', async () => {
  await using service = await start({ videoCpuSeconds: 1000 });
  const clips = Array.from({ length: 20 }, () => ({
    clips: [{ length: 300, asset: { type: 'pattern', pattern: 'mandelbrot' }, opacity: 0.5 }],
  }));
  const body = { ...description(300), size: { width: 1920, height: 1080 }, tracks: clips };
  const refused = await send(service.url, body);
  expect(refused.status).toBe(422);
  expect(JSON.stringify(await refused.json())).toMatch(/drawing mandelbrot: about [\d,]{5,}/);
});

test('a segment that no node could make in time is refused, however short the video', async () => {
  await using service = await start({});
  const clips = Array.from({ length: 32 }, () => ({
    clips: [{ start: 4, length: 4, asset: { type: 'pattern', pattern: 'plasma' }, opacity: 0.9 }],
  }));
  const body = { ...description(10), size: { width: 3840, height: 2160 }, fps: 60, tracks: clips };
  const refused = await send(service.url, body);
  expect(refused.status).toBe(422);
  const { error } = (await refused.json()) as { error: { message: string; problems: string[] } };
  expect(error.message).toMatch(
    /segment at 4 s would take about [\d,]{3,} CPU seconds, and a segment may take 150/,
  );
  expect(error.problems[0]).toMatch(/^drawing plasma: about/);
});

test('a client that has asked for its hour is told when it fits; a known video costs nothing; others are not touched', async () => {
  await using probe = await start({});
  const cost = await costOf(probe.url, description(60));
  await using service = await start({ clientCpuSeconds: cost * 2.5, queueSeconds: 0, trustedProxies: 1 });
  const as = (address: string, seed: number) =>
    send(service.url, description(60, seed), { 'x-forwarded-for': `10.9.9.9, ${address}` });
  expect((await as('192.0.2.1', 1)).status).toBe(201);
  expect((await as('192.0.2.1', 2)).status).toBe(201);
  const refused = await as('192.0.2.1', 3);
  expect(refused.status).toBe(429);
  // Half a video has to be paid back, at two and a half an hour.
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(600);
  expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(721);
  expect(await refused.json()).toMatchObject({ error: { code: 'too_many_requests' } });
  expect((await as('192.0.2.1', 2)).status, 'known').toBe(200);
  expect((await as('192.0.2.2', 3)).status, 'another client').toBe(201);
  // One customer has a whole network of IPv6.
  expect((await as('2001:db8:1:2::1', 4)).status).toBe(201);
  expect((await as('2001:db8:1:2:ffff::9', 5)).status).toBe(201);
  expect((await as('2001:db8:1:2:1:2:3:4', 6)).status).toBe(429);
  expect((await as('2001:db8:1:3::1', 6)).status).toBe(201);
});

test('nobody takes another name by a header that no proxy of ours has written', async () => {
  await using probe = await start({});
  const cost = await costOf(probe.url, description(60));
  await using service = await start({ clientCpuSeconds: cost * 1.5, queueSeconds: 0 });
  const as = (address: string, seed: number) =>
    send(service.url, description(60, seed), { 'x-forwarded-for': address });
  expect((await as('192.0.2.1', 1)).status).toBe(201);
  expect((await as('192.0.2.2', 2)).status).toBe(429);
});

test('all clients together have a budget; what one was refused for it is given back', async () => {
  await using probe = await start({});
  const cost = await costOf(probe.url, description(60));
  await using service = await start({ totalCpuSeconds: cost * 2.5, queueSeconds: 0, trustedProxies: 1 });
  const as = (address: string, seed: number) =>
    send(service.url, description(60, seed), { 'x-forwarded-for': address });
  expect((await as('192.0.2.1', 1)).status).toBe(201);
  expect((await as('192.0.2.2', 2)).status).toBe(201);
  const refused = await as('192.0.2.3', 3);
  expect(refused.status).toBe(429);
  expect(JSON.stringify(await refused.json())).toContain('everybody together');
});

test('what was charged for a video that could not be written is given back', async () => {
  await using probe = await start({});
  const cost = await costOf(probe.url, description(60));
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, 'https://cdn.example', {
    admission: { ...admission, clientCpuSeconds: cost * 1.5, queueSeconds: 0 },
  });
  const catalog = openCatalog(databaseUrl);
  onTestFinished(() => catalog.close());
  await catalog.db.execute('ALTER TABLE videos ADD CONSTRAINT nothing_fits CHECK (false) NOT VALID');
  for (let n = 0; n < 3; n += 1) {
    const refused = await send(service.url, description(60));
    expect([refused.status, await refused.json()]).toMatchObject([
      503,
      { error: { code: 'catalog_unavailable', hint: 'Post it again: nothing was kept.' } },
    ]);
  }
  await catalog.db.execute('ALTER TABLE videos DROP CONSTRAINT nothing_fits');
  expect((await send(service.url, description(60))).status).toBe(201);
  expect((await send(service.url, description(60, 1))).status, 'it is charged once').toBe(429);
});

test('who is a little early waits for its turn, and whoever leaves the queue gives it up', async () => {
  await using probe = await start({});
  const small = await costOf(probe.url, description(1));
  const aSecond = (await costOf(probe.url, description(60))) / 60;
  // So much that the small one is paid back in about two seconds.
  const big = description(Math.round((small * 3600) / 2 / aSecond));
  const budget = (await costOf(probe.url, big)) * 1.0001;
  const databaseUrl = await postgres.createDatabase();
  const queueing = { ...admission, clientCpuSeconds: budget, queueSeconds: 60 };
  await using service = await startService(databaseUrl, 'https://cdn.example', { admission: queueing });
  const catalog = openCatalog(databaseUrl);
  onTestFinished(() => catalog.close());
  const owed = async (): Promise<number> => {
    const rows = await catalog.db.execute<{ owed: number }>(
      `SELECT owed FROM budgets WHERE id = '127.0.0.1'`,
    );
    return rows[0]?.owed ?? 0;
  };
  // It is paid back from the moment on at which the big one was charged.
  const begun = performance.now();
  expect((await send(service.url, big)).status).toBe(201);
  expect((await send(service.url, description(1, 1))).status).toBe(201);
  expect(performance.now() - begun).toBeGreaterThan(1000);
  const before = await owed();
  // Long enough to be seen in the queue.
  const leaving = new AbortController();
  const left = fetch(`${service.url}/v1/videos`, {
    method: 'POST',
    body: JSON.stringify(description(20, 2)),
    signal: leaving.signal,
  });
  await until(async () => (await owed()) > before + 2 * small, { what: 'it is charged' });
  const charged = await owed();
  leaving.abort();
  await expect(left).rejects.toThrow();
  await until(async () => (await owed()) < charged - small, { what: 'it is given back' });
});
