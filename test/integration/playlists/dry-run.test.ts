import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { openCatalog } from '../../../src/catalog/connect.ts';
import { addViews } from '../../../src/catalog/demand.ts';
import { exportTrace } from '../../../src/cli/copies.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { adminToken, description, post, startService } from './setup.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = sharedPostgres();
});
afterAll(() => postgres.stop());

const answerSchema = z.object({
  hours: z.number(),
  videos: z.number(),
  views: z.number(),
  optimum: z.number(),
  figures: z.array(z.object({ name: z.string(), unit: z.string(), now: z.number(), edited: z.number() })),
  exposure: z.array(z.object({ at: z.number(), now: z.number(), edited: z.number() })),
});

const everything = { default: { copy: { what: 'everything' } } };
const nothing = { default: { copy: { what: 'nothing' } } };

test('the demand of the last hours is replayed under a policy and under the one in force; nothing is changed', async () => {
  const database = await postgres.createDatabase();
  await using service = await startService(database, 'https://cdn.example');
  const headers = { authorization: `Bearer ${adminToken}` };
  const url = `${service.url}/v1/policy/simulate`;
  const run = (body: unknown, query = '') =>
    fetch(`${url}${query}`, { method: 'POST', headers, body: JSON.stringify(body) });
  const dryRun = async (body: unknown, query = '') => {
    const answer = await run(body, query);
    expect(answer.status).toBe(200);
    return answerSchema.parse(await answer.json());
  };
  await fetch(`${service.url}/v1/policy`, { method: 'PUT', headers, body: JSON.stringify(everything) });

  const idle = await dryRun(nothing);
  expect(idle).toMatchObject({ hours: 24, videos: 0, views: 0 });
  expect(idle.figures.every(({ now, edited }) => now === 0 && edited === 0)).toBe(true);

  const posted = await Promise.all([1, 2, 3].map((seed) => post(service.url, description(600, seed))));
  const catalog = openCatalog(database);
  const ago = (hours: number): number => Date.now() - hours * 3_600_000;
  await addViews(
    catalog.db,
    posted.flatMap(({ id }, index) => [
      { videoId: id, at: ago(20), from: 0, to: 600, viewer: `a${index}` },
      { videoId: id, at: ago(2), from: 0, to: 300, viewer: `b${index}` },
    ]),
  );
  await catalog.close();

  const day = await dryRun(nothing);
  expect(day).toMatchObject({ hours: 24, videos: 3, views: 6 });
  const figure = (name: string) => day.figures.find((one) => one.name === name);
  expect(figure('Exposure, on average')?.edited).toBeGreaterThan(figure('Exposure, on average')?.now ?? 0);
  expect(day.optimum).toBeGreaterThan(0);
  expect(figure('Money a month')?.now).toBeGreaterThanOrEqual(day.optimum);
  expect(figure('Money a month')?.edited).toBeGreaterThanOrEqual(day.optimum);
  expect(day.exposure.at(-1)?.edited).toBeGreaterThan(0);
  expect(await dryRun(nothing, '?hours=3')).toMatchObject({ hours: 3, views: 3 });

  const held: unknown = await (await fetch(`${service.url}/v1/policy`, { headers })).json();
  expect(held, 'nothing has changed').toMatchObject(everything);
  expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401);
  expect((await run({}, '?hours=0')).status).toBe(400);
  const wrong = await run({ default: { copy: { what: 'some' } } });
  expect(wrong.status).toBe(400);
  expect(JSON.stringify(await wrong.json())).toContain('default.copy');
}, 60_000);

test('a dry run that takes too long says what to do', async () => {
  await using service = await startService(await postgres.createDatabase(), 'https://cdn.example');
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  const late = vi
    .spyOn(AbortSignal, 'timeout')
    .mockImplementation((ms) =>
      ms === 60_000 ? AbortSignal.abort(new DOMException('late', 'TimeoutError')) : timeout(ms),
    );
  onTestFinished(() => late.mockRestore());
  const answer = await fetch(`${service.url}/v1/policy/simulate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify(nothing),
  });
  expect([answer.status, await answer.json()]).toMatchObject([
    413,
    { error: { code: 'too_large', hint: expect.stringContaining('fewer hours') as string } },
  ]);
});

describe('a trace that breaks off', () => {
  const exported = async (server: string) => {
    const said: string[] = [];
    const output = { out: () => undefined, err: (text: string) => void said.push(text) };
    const code = await exportTrace({ server, token: adminToken }, output);
    return [code, said.join('\n')];
  };
  const failed = [1, expect.stringMatching(/broke its answer off\n[^]*is a part only/)];

  test('does not look whole', async () => {
    const database = await postgres.createDatabase();
    await using service = await startService(database, 'https://cdn.example');
    expect(await exported(service.url)).toEqual([0, '']);
    const catalog = openCatalog(database);
    onTestFinished(() => catalog.close());
    // The head of the trace needs no views, what follows does.
    await catalog.db.execute('ALTER TABLE views RENAME TO gone');
    // The connection may be cut before or after its first bytes have come.
    const answered = fetch(`${service.url}/v1/trace`, { headers: { authorization: `Bearer ${adminToken}` } });
    await expect(answered.then((answer) => answer.text())).rejects.toThrow(/terminated|fetch failed/);
    const cut = [1, expect.stringMatching(/broke its answer off|does not answer/)];
    expect(await exported(service.url)).toEqual(cut);
  });

  test('fails where it ends within a line, too', async () => {
    const server = createServer((_, response) => response.end('{"type":"trace"}\n{"type":"vi'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    expect(await exported(`http://127.0.0.1:${port}`)).toEqual(failed);
  });
});
