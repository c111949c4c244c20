import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { recordCopies } from '../../../src/catalog/copies.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { startTestNode } from './node.ts';
import { adminToken, description, leaseSeconds, post, secret, startService } from './setup.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = sharedPostgres();
});
afterAll(() => postgres.stop());

const headers = { authorization: `Bearer ${adminToken}` };
const rowSchema = z.object({
  id: z.string(),
  renderId: z.string(),
  state: z.string(),
  exposureSeconds: z.number(),
  strip: z.array(z.tuple([z.int(), z.string()])),
});
const pageSchema = z.object({ videos: z.array(rowSchema), next: z.string().nullable() });
const eventsSchema = z.object({
  events: z.array(z.object({ kind: z.string(), nodeId: z.string().nullable(), text: z.string() })),
});
const pointsSchema = z.object({
  stepSeconds: z.int(),
  points: z.array(z.record(z.string(), z.number().nullable())),
});

/** Follows the overview; `said` has the data of all events of a kind so far. */
async function follow(url: string) {
  const leaving = new AbortController();
  const answer = await fetch(`${url}/v1/overview`, { headers, signal: leaving.signal });
  expect(answer.headers.get('content-type')).toContain('text/event-stream');
  let text = '';
  const reading = (async () => {
    for await (const part of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) text += part;
  })().catch(() => undefined);
  return {
    said: (event: string): unknown[] =>
      [...text.matchAll(/event: (\w+)\ndata: (.*)\n/g)]
        .filter(([, name]) => name === event)
        .map(([, , data]) => JSON.parse(data ?? '') as unknown),
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await reading;
    },
  };
}

test('lists are for operators, page by page', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, 'https://cdn.example');
  for (const path of ['videos', 'history', 'event-log', 'overview']) {
    expect((await fetch(`${service.url}/v1/${path}`)).status, path).toBe(401);
  }
  const ids: string[] = [];
  for (const seed of [1, 2, 3]) ids.push((await post(service.url, description(5, seed))).id);
  const page = async (query: string) =>
    pageSchema.parse(await (await fetch(`${service.url}/v1/videos?${query}`, { headers })).json());
  const first = await page('limit=2');
  const second = await page(`limit=2&after=${first.next}`);
  expect([...first.videos, ...second.videos].map(({ id }) => id)).toEqual(ids.toReversed());
  expect(second.next).toBeNull();
  const found = await page(`id=${ids[0]?.slice(0, 12)}`);
  expect(found.videos.map(({ id }) => id)).toEqual([ids[0]]);
  for (const query of ['after=nothing', 'limit=5000', 'limit=x', 'id=%25']) {
    expect((await fetch(`${service.url}/v1/videos?${query}`, { headers })).status, query).toBe(400);
  }
});

test('a dashboard follows videos, viewers, nodes and events', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, 'https://cdn.example');
  await using node = await startTestNode({
    id: 'a',
    databaseUrl,
    secret,
    leaseSeconds,
    aheadSeconds: 10,
  });
  await using feed = await follow(service.url);
  await until(() => feed.said('nodes').length > 0, { what: 'nodes are told' });
  const video = await post(service.url, description(10));
  const rows = () => z.array(z.array(rowSchema)).parse(feed.said('videos')).flat();
  const last = (id: string) => rows().findLast((row) => row.id === id);
  const rendered = await until(
    () => {
      const row = last(video.id);
      return row?.state === 'rendered' ? row : undefined;
    },
    { what: 'the new video is told, and all of it is at one node' },
  );
  expect(rendered).toMatchObject({ exposureSeconds: 10, strip: [[5, 'node']] });

  expect((await fetch(`${service.url}/v/${video.id}/180p/3.m4s`)).status).toBe(200);
  await until(
    () => feed.said('playheads').some((heads) => JSON.stringify(heads) === `{"${rendered.renderId}":[3]}`),
    { what: 'a viewer is seen' },
  );
  for (const name of ['180p', 'audio'])
    await recordCopies(node.catalog.db, rendered.renderId, name, 'bucket', [[0, 5]]);
  await until(() => last(video.id)?.state === 'stored', { what: 'its source has changed' });
  expect(last(video.id)).toMatchObject({ exposureSeconds: 0, strip: [[5, 'bucket']] });

  await node.kill();
  await until(() => feed.said('stale').length > 0, { what: 'the lists are said to be stale' });
  // Whoever finds the node silent notes it: the service itself, with its next sample.
  await until(
    () =>
      z
        .array(eventsSchema.shape.events)
        .parse(feed.said('log'))
        .flat()
        .some(({ kind }) => kind === 'node-dead'),
    { what: 'the death of the node is told', timeout: 60_000 },
  );
  const log = eventsSchema.parse(await (await fetch(`${service.url}/v1/event-log`, { headers })).json());
  expect(log.events.map(({ text }) => text)).toEqual(['a is gone', 'a is ready']);
  const history = await until(
    async () => {
      const answer = await fetch(`${service.url}/v1/history?hours=1`, { headers });
      const { points } = pointsSchema.parse(await answer.json());
      const sampled = points.filter((point) => point['nodesDead'] === 1);
      return sampled.length > 0 ? points : undefined;
    },
    { what: 'the history has it', timeout: 60_000, every: 500 },
  );
  const answered = history.reduce((sum, point) => sum + (point['nodeAnswers'] ?? 0) * 15, 0);
  expect(answered).toBeCloseTo(1);
});

test('HEAD of what has no end is answered, and takes no place of a reader', async () => {
  await using service = await startService(await postgres.createDatabase(), 'https://cdn.example');
  for (const path of ['/v1/events', '/v1/overview', '/v1/trace']) {
    const types = new Set<string | null>();
    for (let n = 0; n < 21; n += 1) {
      const head = await fetch(`${service.url}${path}`, { headers, method: 'HEAD' });
      expect(head.status, path).toBe(200);
      types.add(head.headers.get('content-type'));
    }
    const leaving = new AbortController();
    const read = await fetch(`${service.url}${path}`, { headers, signal: leaving.signal });
    expect(read.status, path).toBe(200);
    expect([...types], path).toEqual([read.headers.get('content-type')?.toLowerCase()]);
    leaving.abort();
  }
});
