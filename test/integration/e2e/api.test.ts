import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { smallDescription } from '../../faults/kit.ts';
import { startStack, type TestStack } from '../../support/stack.ts';
import { until } from '../../support/wait.ts';
import { expectError } from './errors.ts';
import { openApiSchema, referencesIn, resolveReference } from './openapi.ts';

const never = 'no-store';

let stack: TestStack;
let url: string;
let video: { id: string };
beforeAll(async () => {
  stack = await startStack();
  url = stack.url;
  const posted = await send(JSON.stringify(smallDescription(5)));
  video = z.object({ id: z.string() }).parse(await posted.json());
});
afterAll(() => stack?.[Symbol.asyncDispose]());

const admin = () => ({ authorization: `Bearer ${stack.adminToken}` });

const send = (body: string) =>
  fetch(`${url}/v1/videos`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });

test('posting: 201 for a new video, 200 and the same id for a known one, in any notation', async () => {
  const description = smallDescription(5, 77);
  const first = await send(JSON.stringify(description));
  expect(first.status).toBe(201);
  expect(first.headers.get('cache-control')).toBe(never);
  const schema = z.strictObject({ id: z.string(), url: z.url(), duration: z.number(), state: z.string() });
  const created = schema.extend({ estimatedCpuSeconds: z.number().gt(0) });
  const made = created.parse(await first.json());
  expect(made.duration).toBe(5);
  expect(made.url).toBe(`${url}/v/${made.id}/index.m3u8`);
  const turned = Object.fromEntries(Object.entries({ ...description, background: '#000000' }).toReversed());
  const second = await send(JSON.stringify(turned, undefined, 2));
  expect(second.status).toBe(200);
  expect(schema.parse(await second.json())).toMatchObject({ id: made.id, url: made.url });
});

test('bad requests: every problem by its path, and nothing of the inside', async () => {
  await expectError(await send('{"segue": 1,'), 400, 'invalid_request');
  await expectError(await send(''), 400, 'invalid_request');
  const bad = { ...smallDescription(5), fps: 26, size: { width: 319, height: 180 }, colour: 'red' };
  const error = await expectError(await send(JSON.stringify(bad)), 400, 'invalid_description');
  expect(error.problems).toHaveLength(3);
  for (const start of ['fps: ', 'size.width: ', 'colour: ']) {
    expect(error.problems?.some((problem) => problem.startsWith(start))).toBe(true);
  }
  const file = {
    ...smallDescription(5),
    tracks: [{ clips: [{ length: 5, asset: { type: 'image', src: 'file:no.png' } }] }],
  };
  const refused = await expectError(await send(JSON.stringify(file)), 400, 'asset_refused');
  expect(refused.problems?.[0]).toMatch(/^tracks\[0\]\.clips\[0\]\.asset\.src: .*SEGUE_ASSETS/);
  await expectError(await send(`"${'x'.repeat(2 * 1024 * 1024)}"`), 413, 'too_large');
  for (const [method, route, allow] of [
    ['DELETE', '/v1/videos', 'POST, GET, HEAD'],
    ['PUT', `/v1/videos/${video.id}`, 'GET, HEAD'],
    ['POST', `/v/${video.id}/index.m3u8`, 'GET, HEAD'],
    ['POST', '/healthz', 'GET, HEAD'],
  ] as const) {
    const answer = await fetch(`${url}${route}`, { method });
    expect(answer.headers.get('allow')).toBe(allow);
    await expectError(answer, 405, 'method_not_allowed');
  }
});

test('operators only: nodes and events need the admin token', async () => {
  for (const route of [
    '/v1/nodes',
    '/v1/events',
    '/v1/overview',
    '/v1/videos',
    '/v1/history',
    '/v1/event-log',
  ]) {
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: stack.adminToken }]) {
      const answer = await fetch(`${url}${route}`, { headers });
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
      await expectError(answer, 401, 'unauthorized');
    }
  }
  const nodesOf = () => fetch(`${url}/v1/nodes`, { headers: admin() });
  expect((await nodesOf()).headers.get('cache-control')).toBe(never);
  const node = z.object({
    id: z.string(),
    pid: z.number(),
    host: z.string(),
    url: z.url(),
    state: z.string(),
    load: z.object({}),
  });
  const seen = async (): Promise<string[]> => {
    const { nodes } = z.object({ nodes: z.array(node) }).parse(await (await nodesOf()).json());
    return nodes.map(({ id, pid, state }) => `${id} ${pid} ${state}`).toSorted();
  };
  // A node whose heart beats late on a busy machine counts as dead until it does.
  await expect
    .poll(seen, { timeout: 20_000 })
    .toEqual(['node-1', 'node-2'].map((id) => `${id} ${stack.pidOf(id)} ready`));
  const stop = new AbortController();
  const events = await fetch(`${url}/v1/events`, { headers: admin(), signal: stop.signal });
  expect(events.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
  let told = '';
  await until(
    async () => /event: nodes\ndata: .*node-1/.test((told += (await reader?.read())?.value ?? '')),
    {
      what: 'the nodes are told',
    },
  );
  stop.abort();
});

test('/openapi.json is valid, names every route, and its schema takes the examples', async () => {
  const answer = await fetch(`${url}/openapi.json`);
  const json: unknown = await answer.json();
  const document = openApiSchema.parse(json);
  for (const reference of referencesIn(json))
    expect(resolveReference(json, reference), reference).toBeDefined();
  expect(Object.keys(document.paths).toSorted()).toEqual(
    [
      '/description.schema.json',
      '/healthz',
      '/metrics',
      '/openapi.json',
      '/policy.schema.json',
      '/readyz',
      '/renders/{renderId}/{object}',
      '/v/{id}/index.m3u8',
      '/v/{id}/poster.jpg',
      '/v/{id}/steering.json',
      '/v/{id}/thumbnails.vtt',
      '/v/{id}/{rendition}/init-{k}.mp4',
      '/v/{id}/{rendition}/init.mp4',
      '/v/{id}/{rendition}/key-{k}.key',
      '/v/{id}/{rendition}/media.m3u8',
      '/v/{id}/{rendition}/{n}.jpg',
      '/v/{id}/{rendition}/{n}.m4s',
      '/v/{id}/{rendition}/{n}.vtt',
      '/v/{id}/{rendition}/{n}.{extension}',
      '/v1/audit',
      '/v1/event-log',
      '/v1/events',
      '/v1/history',
      '/v1/keys',
      '/v1/keys/{id}',
      '/v1/nodes',
      '/v1/nodes/targets',
      '/v1/nodes/{id}/drain',
      '/v1/nodes/{id}/evict',
      '/v1/overview',
      '/v1/policy',
      '/v1/policy/check',
      '/v1/policy/history',
      '/v1/policy/simulate',
      '/v1/policy/{version}',
      '/v1/policy/{version}/restore',
      '/v1/reconcile',
      '/v1/streams',
      '/v1/streams/{id}',
      '/v1/trace',
      '/v1/videos',
      '/v1/videos/{id}',
      '/v1/videos/{id}/copy',
      '/v1/videos/{id}/evict',
      '/v1/videos/{id}/explanation',
    ].toSorted(),
  );
  for (const [route, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const named = (operation.parameters ?? []).filter((one) => one.in === 'path').map((one) => one.name);
      expect(named.toSorted(), route).toEqual(
        [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => String(name)).toSorted(),
      );
      const target = route.replace('{id}', video.id).replace('{rendition}', '180p').replace('{n}', '0');
      if (method !== 'get' || ['/v1/events', '/v1/overview'].includes(route)) continue;
      const status = (await fetch(`${url}${target}`, { headers: admin(), redirect: 'manual' })).status;
      expect(Object.keys(operation.responses), route).toContain(String(status));
    }
  }
  expect(document.paths['/v1/nodes']?.get?.security).toEqual([{ adminToken: [] }]);
  const published = await fetch(`${url}/description.schema.json`);
  expect(published.headers.get('access-control-allow-origin')).toBe('*');
  const schema: unknown = await published.json();
  expect(resolveReference(json, '#/components/schemas/Description')).toEqual(schema);
  const description = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  const folder = new URL('../../../examples/', import.meta.url);
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.json'))) {
    const example: unknown = JSON.parse(await readFile(new URL(name, folder), 'utf8'));
    expect(description.safeParse(example).error, name).toBeUndefined();
  }
  expect(description.safeParse({ ...smallDescription(5), background: '#FFaa00' }).success).toBe(true);
  expect(description.safeParse({ ...smallDescription(5), fps: 26 }).success).toBe(false);
});

test('/metrics of the service and of nodes is Prometheus text; health is told', async () => {
  const sample =
    /^[a-zA-Z_:][\w:]*(\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*"(,[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*")*\})? (-?[\d.]+(e[+-]?\d+)?|[+-]Inf|[Nn]a[Nn])$/;
  for (const [base, expected] of [
    [url, ['segue_http_request_duration_seconds_count', 'segue_segment_answers_total']],
    [stack.urlOf('node-1'), ['segue_copy_queue', 'segue_disk_bytes', 'segue_segments_made_total']],
  ] as const) {
    const answer = await fetch(`${base}/metrics`);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const lines = (await answer.text()).split('\n').filter((line) => line !== '');
    const odd = lines.filter((line) => !/^# (HELP|TYPE) [a-zA-Z_:][\w:]* /.test(line) && !sample.test(line));
    expect(odd).toEqual([]);
    for (const name of expected)
      expect(
        lines.some((line) => line.startsWith(name)),
        name,
      ).toBe(true);
  }
  for (const route of ['/healthz', '/readyz']) {
    const answer = await fetch(`${url}${route}`);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, never]);
  }
});
