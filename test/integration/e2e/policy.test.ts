import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copy, evict, explain, exportTrace } from '../../../src/cli/copies.ts';
import { policy } from '../../../src/cli/policy.ts';
import { linesIn } from '../../../src/simulate/lines.ts';
import { traceOf } from '../../../src/simulate/trace-file.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { startStack, type TestStack } from '../../support/stack.ts';
import { until } from '../../support/wait.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ env: { SEGUE_RENDER_AHEAD_SECONDS: '600' } });
});
afterAll(() => stack.stop());

/** Runs a command, and gives back what it said. */
async function run(
  command: (
    options: { server: string; token: string },
    output: { out(text: string): void; err(text: string): void },
  ) => Promise<number>,
) {
  const [out, err]: [string[], string[]] = [[], []];
  const output = { out: (text: string) => void out.push(text), err: (text: string) => void err.push(text) };
  const code = await command({ server: stack.url, token: stack.adminToken }, output);
  return { code, out: out.join('\n'), err: err.join('\n') };
}

const set = (...words: string[]) => run((options, output) => policy(words, options, output));

/** Waits until both nodes go by what was set last: they hear of it a moment later. */
async function untilInForce(): Promise<void> {
  const headers = { authorization: `Bearer ${stack.adminToken}` };
  const etag = (await fetch(`${stack.url}/v1/policy`, { headers })).headers.get('etag') ?? '';
  const isTold = (line: string): boolean =>
    line.includes('policy in force') && line.includes(`"version":${etag.slice(1, -1)},`);
  await until(() => stack.log().split('\n').filter(isTold).length >= 2, { what: 'the policy is in force' });
}

interface Status {
  readonly state: string;
  readonly exposureSeconds: number;
  readonly renditions: readonly {
    name: string;
    onDemand: boolean;
    segments: number;
    bucket: [number, number][];
    absent: [number, number][];
  }[];
}
const statusOf = async (id: string): Promise<Status> =>
  (await (await fetch(`${stack.url}/v1/videos/${id}`)).json()) as Status;
const inBucket = ({ renditions }: Status): number =>
  renditions.flatMap(({ bucket }) => bucket).reduce((sum, [from, to]) => sum + to - from, 0);

async function post(seed: number, query = ''): Promise<string> {
  const body = JSON.stringify({
    segue: 1,
    kind: 'timeline',
    size: { width: 320, height: 180 },
    fps: 25,
    duration: 12,
    seed,
    tracks: [],
  });
  const answer = await fetch(`${stack.url}/v1/videos${query}`, { method: 'POST', body });
  expect(answer.ok, await answer.clone().text()).toBe(true);
  return ((await answer.json()) as { id: string }).id;
}

/** Plays a video from beginning to end, as fast as it comes. */
async function play(id: string): Promise<void> {
  const master = await (await fetch(`${stack.url}/v/${id}/index.m3u8`)).text();
  expect(master).toContain('#EXTM3U');
  const media = await (await fetch(`${stack.url}/v/${id}/180p/media.m3u8`)).text();
  for (const line of media.split('\n').filter((one) => one.endsWith('.m4s'))) {
    const answer = await fetch(new URL(line, `${stack.url}/v/${id}/180p/`));
    expect(answer.status).toBe(200);
    expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(500);
  }
}

test('operators say what is copied, see why, and do it by hand; what was watched is a trace', async () => {
  expect((await set('default.copy.what=nothing')).code).toBe(0);
  await untilInForce();
  const id = await post(1, '?label=clip&label=team-a');
  await until(async () => (await statusOf(id)).state === 'rendered', {
    what: 'it is rendered',
    timeout: 60_000,
  });
  await play(id);
  expect(inBucket(await statusOf(id))).toBe(0);
  expect(await post(1, '?label=later&label=clip'), 'the same video').toBe(id);
  const refused = await fetch(`${stack.url}/v1/videos?label=No%20Label`, { method: 'POST', body: '{}' });
  expect(await refused.json()).toMatchObject({ error: { code: 'invalid_request' } });

  const why = await run((options, output) => explain(id, options, output));
  expect(why.code).toBe(0);
  expect(why.out).toMatch(
    /nothing is copied now\nby rule: default\nbecause:\n {2}the rule has nothing copied/,
  );
  const unknown = await run((options, output) => explain('nothing-like-it', options, output));
  expect([unknown.code, unknown.err]).toEqual([1, expect.stringContaining('no such video')]);

  // A growing list of it comes to its end all the same.
  const growing = await fetch(`${stack.url}/v/${id}/180p/media.m3u8?mode=event`);
  expect(await growing.text()).toContain('#EXT-X-ENDLIST');

  const gone = await run((options, output) => evict(id, { ...options, json: true }, output));
  const evicted = JSON.parse(gone.out) as { segments: number };
  // Somebody has watched it a moment ago: the last copy stays.
  expect(evicted.segments).toBe(0);

  const queued = await run((options, output) =>
    copy(`${stack.url}/v/${id}/index.m3u8`, { ...options, json: true }, output),
  );
  expect((JSON.parse(queued.out) as { segments: number }).segments).toBeGreaterThan(4);
  await until(async () => (await statusOf(id)).state === 'stored', {
    what: 'it is copied',
    timeout: 60_000,
  });

  await using folder = await temporaryFolder();
  const file = join(folder.path, 'trace.ndjson');
  // Whoever watches may go on for a while; what has ended is written.
  await until(
    async () => {
      const made = await run((options, output) => exportTrace({ ...options, output: file }, output));
      expect(made.code, made.err).toBe(0);
      return (await readFile(file, 'utf8')).includes('"type":"view"');
    },
    { what: 'the view has ended', timeout: 120_000, every: 2000 },
  );
  const trace = await traceOf(linesIn(createReadStream(file, 'utf8'), file), file);
  expect(trace.videos).toMatchObject([{ id, labels: ['clip', 'team-a', 'later'], seconds: 12, size: 180 }]);
  expect(trace.events).toMatchObject([{ kind: 'view', video: 0, from: 0, to: 12 }]);
}, 240_000);

test('a video is copied once so many have watched it, and in part only where the rule says so', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'policy.yaml');

  await writeFile(
    file,
    `rules:
  - name: popular
    match: { labels: [clip] }
    copy: { what: everything, when: [{ viewers: 2 }] }
  - name: beginnings
    match: { labels: [film] }
    copy: { what: part, firstSeconds: 4, renditions: [video] }
default:
  copy: { what: nothing }
`,
  );
  const differs = await set('diff', file);
  expect(differs.code).toBe(1);
  expect(differs.out).toContain('rules[popular].copy.what: (nothing) -> everything');
  expect((await set('set', file)).code).toBe(0);
  expect((await set('diff', file)).code).toBe(0);
  await untilInForce();

  const clip = await post(2, '?label=clip');
  const film = await post(3, '?label=film');
  await until(async () => inBucket(await statusOf(film)) > 0, {
    what: 'the beginning is copied',
    timeout: 60_000,
  });
  await until(
    async () =>
      (await statusOf(clip)).renditions.every(({ onDemand, absent }) => onDemand || absent.length === 0),
    {
      what: 'the clip is rendered',
      timeout: 60_000,
    },
  );
  const watch = (viewer: string) =>
    fetch(`${stack.url}/v/${clip}/index.m3u8`, { headers: { 'x-forwarded-for': viewer } });
  await watch('192.0.2.1');
  await watch('192.0.2.1');
  await until(
    async () =>
      (await run((options, output) => explain(clip, options, output))).out.includes('1 viewer of 2'),
    { what: 'one was seen', timeout: 60_000 },
  );
  expect(inBucket(await statusOf(clip))).toBe(0);
  await watch('192.0.2.2');
  await until(async () => (await statusOf(clip)).state === 'stored', {
    what: 'it is copied',
    timeout: 60_000,
  });
  await until(async () => inBucket(await statusOf(film)) >= 4, { what: 'all of the beginning is copied' });
  const { renditions } = await statusOf(film);
  for (const { name, bucket } of renditions) expect(bucket).toEqual(name === '180p' ? [[0, 4]] : []);
  await play(film);
}, 240_000);

test('every version of the policy is kept, can be restored, and is not lost to somebody else', async () => {
  const url = `${stack.url}/v1/policy`;
  const headers = { authorization: `Bearer ${stack.adminToken}` };
  const before = await fetch(url, { headers });
  const etag = before.headers.get('etag') ?? '';
  expect(etag).toMatch(/^"\d+"$/);
  const version = Number(etag.slice(1, -1));
  const put = (body: string, more: Record<string, string> = {}, query = '') =>
    fetch(`${url}${query}`, { method: 'PUT', headers: { ...headers, ...more }, body });
  const mine = await put(
    '{"default": {"copy": {"what": "everything"}}}',
    { 'if-match': etag },
    '?note=for%20the%20test',
  );
  expect([mine.status, mine.headers.get('etag')]).toEqual([200, `"${version + 1}"`]);
  const late = await put('{}', { 'if-match': etag });
  expect(late.status).toBe(412);
  expect(await late.json()).toMatchObject({ error: { code: 'precondition_failed' } });
  expect((await put('{}', { 'if-match': 'nonsense' })).status).toBe(400);
  expect((await put('{}', {}, `?note=${'x'.repeat(600)}`)).status).toBe(400);
  const history = (await (await fetch(`${url}/history?limit=2`, { headers })).json()) as {
    versions: object[];
  };
  expect(history.versions).toMatchObject([
    { version: version + 1, author: 'admin-token', note: 'for the test' },
    { version },
  ]);
  expect((await fetch(`${url}/history`)).status).toBe(401);
  expect((await fetch(`${url}/9999`, { headers })).status).toBe(404);
  expect(await (await fetch(`${url}/0`, { headers })).json()).toMatchObject({ version: 0, author: null });
  const restored = await set('restore', String(version));
  expect(restored.out).toContain('default.copy.what: everything -> nothing');
  const shown = await set('history');
  expect(shown.out.split('\n')[0]).toContain(`version ${version} again`);
  expect((await set('diff', String(version))).code).toBe(0);
  expect((await set('get')).out).toContain('name: popular');
  expect((await set('restore', 'x')).code).toBe(2);
  const schema = (await (await fetch(`${stack.url}/policy.schema.json`)).json()) as { title: string };
  expect(schema.title).toContain('policy');
}, 60_000);
