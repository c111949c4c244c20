import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { runSimulate, type SimulateOptions } from '../../../src/cli/simulate.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'segue-simulate-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const defaults: SimulateOptions = {
  videos: '150',
  seed: '1',
  nodes: '2',
  segmentSeconds: '4',
  cpuPerSecond: '2',
  days: '3',
};

async function run(options: Partial<SimulateOptions>) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runSimulate(
    { ...defaults, ...options },
    { out: (text) => out.push(text), err: (text) => err.push(text) },
  );
  return { code, out: out.join('\n'), err: err.join('\n') };
}

const file = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
};

test('prints every figure of each policy, of the optimum, and exposure over time', async () => {
  const now = await file('now.yaml', 'default:\n  copy: { what: everything }\n');
  const wanted = await file('wanted.json', '{"default": {"copy": {"what": "nothing"}}}');
  const { code, out, err } = await run({ workload: 'flash-crowd', policy: [now, wanted] });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const [heading = '', columns = '', ...rows] = out.split('\n');
  expect(heading).toMatch(/^flash-crowd: 150 videos, \d+ views, 3 days$/);
  for (const column of [
    'money a month',
    'of optimum',
    'bucket requests',
    'GB stored',
    'GB moved',
    'CPU s copying',
    'CPU s again',
    'exposure',
    'interrupted',
  ])
    expect(columns).toContain(column);
  expect(rows.map((row) => row.split(' ')[0])).toEqual([
    'now',
    'wanted',
    'optimum',
    'exposure',
    'now',
    'wanted',
    '',
  ]);
  expect(rows[1]).toMatch(/^wanted +[\d.]+ +x [\d.]+ +0 +0 +0 +0 /);
});

test('all workloads and the built-in policies are the default; JSON has a line for each', async () => {
  const { code, out } = await run({ json: true, videos: '30' });
  expect(code).toBe(0);
  const lines = out.split('\n').map((line) => JSON.parse(line));
  expect(lines.map(({ trace }) => trace)).toEqual([
    'zipf',
    'watched-once',
    'flash-crowd',
    'diurnal',
    'node-failures',
  ]);
  expect(lines[0].results.map(({ policy }: { policy: string }) => policy)).toEqual([
    'auto',
    'everything',
    'nothing',
  ]);
});

test('a trace that was written simulates as the demand that it was written from, and everything is drawn', async () => {
  const trace = join(folder, 'trace.ndjson');
  expect(await run({ workload: 'zipf', writeTrace: trace })).toMatchObject({ code: 0, out: '' });
  const html = join(folder, 'page.html');
  const svg = join(folder, 'pictures');
  const read = await run({ trace, json: true, html, svg });
  expect(read.code).toBe(0);
  expect(read.out).toBe((await run({ workload: 'zipf', json: true })).out);
  expect(await readFile(html, 'utf8')).toContain('<svg');
  expect(await readdir(svg)).toEqual(['zipf.svg']);
});

test('an access log is demand as well', async () => {
  const lines = Array.from(
    { length: 20 },
    (_, n) =>
      `10.0.0.1 - - [05/Jan/2026:10:00:${10 + n} +0000] "GET /v/abc/720p/${n}.m4s HTTP/1.1" 200 900000 "-" "x"`,
  );
  const { code, out } = await run({ log: await file('access.log', lines.join('\r\n')) });
  expect(code).toBe(0);
  expect(out).toMatch(/^access.log: 1 video, 1 view, /);
});

describe('what is wrong is said with its option, its value and the way out:', () => {
  it.each<[string, Partial<SimulateOptions>, ...string[]]>([
    ['two sources', { trace: 'a', log: 'b' }, 'got --trace and --log', 'Give one of'],
    ['an unknown workload', { workload: 'zip' }, '--workload zip is not known', 'zipf, watched-once'],
    ['unknown prices', { prices: 'gold' }, '--prices gold is not known', 'aws-s3, r2, own-hardware'],
    ['no number', { videos: 'many' }, '--videos: expected a whole number from 1 to 1000000, got many'],
    ['half a node', { nodes: '1.5' }, '--nodes: expected a whole number from 1 to 1000, got 1.5'],
    ['a missing trace', { trace: '/nowhere/trace' }, '--trace /nowhere/trace cannot be read', 'ENOENT'],
    ['a missing log', { log: '/nowhere/log' }, '--log /nowhere/log cannot be read', 'ENOENT'],
    ['a missing policy', { policy: ['/nowhere/p'] }, '--policy /nowhere/p cannot be read', 'ENOENT'],
    [
      'a page that cannot be written',
      { workload: 'zipf', html: '/nowhere/page' },
      '--html /nowhere/page cannot be written',
    ],
    ['all workloads in one trace', { writeTrace: '/nowhere/trace' }, 'choose one --workload'],
  ])('%s', async (_name, options, ...words) => {
    const { code, err } = await run(options);
    expect(code).toBe(2);
    for (const word of words) expect(err).toContain(word);
  });

  it('a broken trace, a log of something else, a wrong policy', async () => {
    const trace = await run({ trace: await file('broken.ndjson', '{"type":"trace"}\n') });
    expect(trace).toMatchObject({ code: 1 });
    expect(trace.err).toContain('broken.ndjson, line 1: version: ');
    const log = await run({ log: await file('other.log', 'hello\n') });
    expect(log).toMatchObject({ code: 1 });
    expect(log.err).toContain('other.log has no line about a segment in 1; line 1 is "hello"');
    const policy = await run({ policy: [await file('wrong.yaml', 'default: { copy: { what: all } }\n')] });
    expect(policy.code).toBe(1);
    expect(policy.err).toContain('wrong.yaml: default.copy.what: expected one of');
  });
});
