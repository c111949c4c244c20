import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { type Field, segmentsIn, smallDescription, startField, stored } from '../../faults/kit.ts';
import { type Collector, type SeenSpan, startCollector, upwards } from '../../support/collector.ts';
import { registries } from '../../support/registries.ts';
import { until } from '../../support/wait.ts';

const nodes = ['node-1', 'node-2'] as const;

let collector: Collector;
let field: Field;
beforeAll(async () => {
  collector = await startCollector();
  field = await startField({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '100',
      // A busy machine is not to look like a dead node.
      SEGUE_LEASE_SECONDS: '10',
    },
  });
});
beforeEach(() => field.proxy.fail(undefined));
afterAll(async () => {
  await field?.[Symbol.asyncDispose]();
  await collector?.[Symbol.asyncDispose]();
});

const metricsOf = async (part: string): Promise<string> =>
  (await fetch(`${field.stack.urlOf(part)}/metrics`)).text();

/** Sum of the samples of one metric over some processes; `labels` as in `{outcome="stored"}`, or a part of it. */
async function sum(parts: readonly string[], name: string, labels = ''): Promise<number> {
  const texts = await Promise.all(parts.map(metricsOf));
  const samples = texts.flatMap((text) => text.split('\n').filter((line) => /^[a-z]/.test(line)));
  return samples
    .filter((line) => (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) && line.includes(labels))
    .reduce((all, line) => all + Number(line.slice(line.lastIndexOf(' '))), 0);
}
const onNodes = (name: string, labels?: string): Promise<number> => sum(nodes, name, labels);
const onService = (name: string, labels?: string): Promise<number> => sum(['playlists'], name, labels);

const reaches = (what: string, look: () => Promise<boolean>): Promise<unknown> =>
  until(look, { what, timeout: 90_000, every: 200 });

const spanOf = (what: string, look: (span: SeenSpan) => boolean): Promise<SeenSpan> =>
  until(() => collector.spans.find(look), { what, timeout: 90_000 });

/** The span of the copy of a segment, and those above it once they have all come. */
async function copySpans(renderId: string, rendition: string, n: number, root: string): Promise<SeenSpan[]> {
  const copy = await spanOf(
    `the copy of segment ${n} is traced`,
    ({ name, attributes }) =>
      name === 'copy segment' &&
      attributes['segue.render_id'] === renderId &&
      attributes['segue.rendition'] === rendition &&
      attributes['segue.segment'] === n,
  );
  return until(
    () => {
      const all = upwards(collector.spans, copy);
      return all.at(-1)?.name.startsWith(root) === true ? all : undefined;
    },
    { what: `the copy hangs below ${root}`, timeout: 30_000 },
  );
}

/** Ids of all videos that were posted. */
const posted: string[] = [];
async function post(seconds: number, seed: number): Promise<string> {
  const { id } = await field.post(smallDescription(seconds, seed));
  posted.push(id);
  return id;
}

const renderOf = async (id: string): Promise<string> =>
  z.object({ renderId: z.string() }).parse(await (await fetch(`${field.stack.url}/v1/videos/${id}`)).json())
    .renderId;

test('one trace leads from the post of a video to its render and its copies', async () => {
  const [trace, span] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
  const answer = await fetch(`${field.stack.url}/v1/videos`, {
    method: 'POST',
    body: JSON.stringify(smallDescription(6, 10)),
    headers: { traceparent: `00-${trace}-${span}-01` },
  });
  const { id } = z.object({ id: z.string() }).parse(await answer.json());
  posted.push(id);
  const renderId = await renderOf(id);
  for (const rendition of ['180p', 'audio']) {
    const chain = await copySpans(renderId, rendition, 0, 'POST /v1/videos');
    expect(chain.map(({ name, service }) => `${String(service)}: ${name}`)).toEqual([
      'segue-node: copy segment',
      'segue-node: render segment',
      'segue-node: POST /renders/:renderId',
      'segue-playlists: POST',
      'segue-playlists: POST /v1/videos',
    ]);
    expect(new Set(chain.map(({ traceId }) => traceId))).toEqual(new Set([trace]));
    expect(chain.at(-1)?.parentSpanId).toBe(span);
    expect(chain[0]?.attributes).toMatchObject({ 'segue.outcome': 'stored', 'segue.tries': 1 });
  }
  // What is rendered ahead is nobody's child, and is linked with the request that began it.
  const ahead = await spanOf(
    'segment 2 is traced',
    ({ name, attributes }) =>
      name === 'render segment' &&
      attributes['segue.render_id'] === renderId &&
      attributes['segue.segment'] === 2,
  );
  expect(ahead.parentSpanId ?? '').toBe('');
  expect(ahead.links).toMatchObject([{ traceId: trace }]);
});

test('one trace leads from a request that is held to the render and the copy', async () => {
  const id = await post(80, 11);
  const renderId = await renderOf(id);
  const n = segmentsIn(80) - 2;
  const answer = await fetch(`${field.stack.url}/v/${id}/180p/${n}.m4s`, { redirect: 'manual' });
  await answer.arrayBuffer();
  const chain = await copySpans(renderId, '180p', n, 'GET /v/:id/:rendition');
  expect(chain.map(({ name }) => name).slice(0, -1)).toEqual([
    'copy segment',
    'render segment',
    'POST /renders/:renderId',
    'POST',
  ]);
  const request = chain.at(-1);
  const hold = await spanOf('the hold is traced', ({ name, parentSpanId }) => {
    return name === 'hold' && parentSpanId === request?.spanId;
  });
  expect(hold.attributes['segue.outcome']).toBe('answered');
  expect(await onService('segue_hold_duration_seconds_count', 'answered')).toBeGreaterThan(0);
});

test('what only one node has counts as exposed while the bucket is away, as in the status of the videos', async () => {
  await reaches('nothing is rendered any more', async () => (await onNodes('segue_leases')) === 0);
  await reaches('nothing is exposed', async () => (await onNodes('segue_exposure_seconds')) === 0);
  await field.proxy.fail({ kind: 'refuse' });
  const id = await post(8, 12);
  await field.reach(id, 'all is rendered', ({ state }) => state === 'rendered');
  await reaches('as much is exposed as the videos say, and all of this one', async () => {
    const statuses = await Promise.all(posted.map((each) => field.status(each)));
    const exposed = statuses.map(({ exposureSeconds }) => exposureSeconds);
    expect(exposed.at(-1), JSON.stringify(statuses.at(-1))).toBeCloseTo(8, 3);
    const all = exposed.reduce((sum, seconds) => sum + seconds, 0);
    expect(await onNodes('segue_exposure_seconds'), JSON.stringify(statuses)).toBeCloseTo(all, 3);
    return true;
  });
  await reaches('copies rest', async () => (await onNodes('segue_copy_tasks', 'resting')) > 0);
  expect(await onNodes('segue_copy_failures_total', 'unreachable')).toBeGreaterThan(0);
  expect(await onNodes('segue_copy_queue')).toBeGreaterThan(0);

  await field.proxy.fail(undefined);
  await field.reach(id, 'all is stored', (status) => stored(status) === segmentsIn(8));
  await reaches('nothing is exposed', async () => (await onNodes('segue_exposure_seconds')) === 0);
  await reaches('no copy is at hand', async () => (await onNodes('segue_copy_tasks')) === 0);
}, 300_000);

test('what was made, copied and answered is counted', async () => {
  const id = await post(6, 13);
  await fetch(`${field.stack.url}/v/${id}/180p/0.m4s`, { redirect: 'manual' }).then((answer) =>
    answer.arrayBuffer(),
  );
  await field.reach(id, 'all is stored', (status) => stored(status) === segmentsIn(6));
  // A bucket that takes longer than a moment to answer is passed by.
  await reaches('players are sent to the bucket', async () => {
    const moved = await fetch(`${field.stack.url}/v/${id}/180p/0.m4s`, { redirect: 'manual' });
    await moved.arrayBuffer();
    return moved.status === 307;
  });
  expect(await onNodes('segue_segments_made_total')).toBeGreaterThanOrEqual(segmentsIn(6));
  // Of two looks one may fall before a segment and one after it.
  await reaches(
    'the time of each segment is told',
    async () =>
      (await onNodes('segue_segment_seconds_count')) === (await onNodes('segue_segments_made_total')),
  );
  const copies = await onNodes('segue_copies_total', 'stored');
  expect(copies).toBeGreaterThanOrEqual(2 * segmentsIn(6));
  await reaches(
    'the time of each copy is told',
    async () => (await onNodes('segue_copy_seconds_count')) === (await onNodes('segue_copies_total')),
  );
  for (const name of [
    'segue_copied_bytes_total',
    'segue_copy_cpu_seconds_total',
    'segue_children_cpu_seconds_total',
  ])
    expect(await onNodes(name), name).toBeGreaterThan(0);
  expect(await onService('segue_first_segment_seconds_count')).toBeGreaterThan(0);
  expect(await onService('segue_segment_answers_total', 'bucket')).toBeGreaterThan(0);
  expect(await onService('segue_segment_answers_total')).toBeGreaterThan(1);
  expect(await onService('segue_nodes', 'ready')).toBe(2);
});

test('what another node takes over is counted', async () => {
  const id = await post(300, 14);
  const answer = await fetch(`${field.stack.url}/v/${id}/180p/0.m4s`);
  await answer.arrayBuffer();
  const playedAt = performance.now();
  const holder = await field.holder(id);
  await reaches('the holder has told that somebody watches', async () => {
    const beatAge = await sum([holder], 'segue_heartbeat_age_seconds');
    return beatAge < (performance.now() - playedAt) / 1000 - 0.5;
  });
  const [other = ''] = nodes.filter((name) => name !== holder);
  const before = await sum([other], 'segue_takeovers_total');
  const pid = field.stack.pidOf(holder);
  process.kill(pid, 'SIGSTOP');
  try {
    await reaches('it is taken over', async () => (await sum([other], 'segue_takeovers_total')) > before);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
});

test('each process has exactly the metrics that are documented, each with a figure', async () => {
  for (const [part, described] of [
    ['node-1', registries().node],
    ['playlists', registries().playlists],
  ] as const) {
    const text = await until(async () => metricsOf(part), { what: `${part} answers` });
    const names = [...text.matchAll(/^# HELP (segue_\w+) /gm)].map(([, name]) => String(name));
    expect(names.toSorted()).toEqual(described.map(({ name }) => name).toSorted());
    for (const { name } of described)
      expect(text, name).toMatch(new RegExp(`^${name}(_count)?(\\{.*\\})? `, 'm'));
    for (const name of [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_p99_seconds',
    ])
      expect(text).toContain(`\n${name} `);
  }
});

test('Prometheus is told where the nodes are', async () => {
  const targets = async () => {
    const answer = await fetch(`${field.stack.url}/v1/nodes/targets`, {
      headers: { authorization: `Bearer ${field.stack.adminToken}` },
    });
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    return z
      .array(z.object({ targets: z.tuple([z.string()]), labels: z.record(z.string(), z.string()) }))
      .parse(await answer.json());
  };
  // One was stopped a moment ago.
  const list = await until(
    async () => {
      const told = await targets();
      expect(told.map(({ labels }) => String(labels['node'])).toSorted()).toEqual([...nodes]);
      return told;
    },
    { what: 'both are there', timeout: 60_000, every: 200 },
  );
  for (const { targets, labels } of list) {
    const url = `${labels['__scheme__']}://${targets[0]}${labels['__metrics_path__']}`;
    expect(await (await fetch(url)).text()).toContain('segue_exposure_seconds');
  }
});

test('no trace has a credential in it', async () => {
  const secrets = z
    .record(z.string(), z.unknown())
    .parse(JSON.parse(await readFile(join(field.stack.dataFolder, 'secrets.json'), 'utf8')));
  const texts = Object.values(secrets).filter((value): value is string => typeof value === 'string');
  expect(texts.length).toBeGreaterThan(2);
  const all = collector.received.join('\n');
  for (const text of [...texts, field.stack.adminToken]) expect(all).not.toContain(text);
  for (const { attributes } of collector.spans) expect(String(attributes['url.path'])).not.toContain('?');
});
