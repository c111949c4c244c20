import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';
import { startStack, type TestStack } from '../../support/stack.ts';
import { until } from '../../support/wait.ts';
import { edit, goodStream, serveFiles, setSegment } from '../../unit/verify/stream-fixture.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(args: readonly string[], input = ''): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['src/cli/main.ts', ...args], { cwd: root, stdio: 'pipe' });
  child.stdin.end(input);
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { child, ended: ended.then(([out, err]) => ({ code: child.exitCode, out, err })) };
}

const segue = (args: readonly string[], input?: string): Promise<Ended> => start(args, input).ended;

const example = async (seed: number): Promise<string> => {
  const parsed: unknown = JSON.parse(await readFile(join(root, 'examples/minimal.json'), 'utf8'));
  return JSON.stringify({ ...z.record(z.string(), z.unknown()).parse(parsed), seed });
};

const line = z.object({
  event: z.string(),
  url: z.string().optional(),
  total: z.number().optional(),
  copied: z.number().optional(),
});
const lines = (out: string) =>
  out
    .trim()
    .split('\n')
    .map((one) => line.parse(JSON.parse(one)));
/** What may be off while a video is made: BANDWIDTH is announced before there is anything to measure, and a segment that was waited for is not to be cached. */
const announced = ['variant.peak', 'variant.mean', 'cache.segment'];
const reported = z.object({
  version: z.literal(1),
  result: z.string(),
  renditions: z.array(
    z.object({ name: z.string(), listed: z.number(), sources: z.record(z.string(), z.number()) }),
  ),
  findings: z.array(z.object({ check: z.string(), where: z.string(), message: z.string() })),
});
/** A picture is waited for a few seconds only; then whoever wants it is told to ask again. */
const isLatePicture = ({ check, message }: z.infer<typeof reported>['findings'][number]): boolean =>
  check === 'http.status' && /^503 at \S+\.jpg, retry-after/.test(message);

describe('segue verify', () => {
  it('ends with 0, 1 or 2, and reports as JSON', async () => {
    const files = goodStream();
    await using server = await serveFiles(files);
    const good = await segue(['verify', `${server.url}/index.m3u8`]);
    expect([good.code, good.err]).toEqual([0, '']);
    expect(good.out).toMatch(/PASSED {2}\d+ checks ok, 2 notes, 0 warnings, 0 errors/);
    setSegment(files, '720p', 3, undefined, { shift: 500 });
    const bad = await segue(['verify', `${server.url}/index.m3u8`, '--json']);
    expect(bad.code).toBe(1);
    const { findings } = reported.parse(JSON.parse(bad.out));
    expect(findings).toMatchObject([
      { check: 'time.tfdt', where: '720p #3' },
      { check: 'time.tfdt', where: '720p #4' },
    ]);
    const none = await segue(['verify', `${server.url}/nothing`]);
    expect([none.code, none.out]).toEqual([2, '']);
    expect(none.err).toContain('answers 404');
    const words = await segue(['verify', 'no-url']);
    expect([words.code, words.err.split('\n')[0]]).toEqual([2, 'segue: no-url is not an http(s) URL']);
    expect((await segue(['verify', `${server.url}/index.m3u8`, '--concurrency', 'x'])).code).toBe(2);
    expect((await segue(['verify', `${server.url}/index.m3u8`, '--for', 'long'])).code).toBe(2);
    expect((await segue(['verify', `${server.url}/index.m3u8`, '--within', 'long'])).code).toBe(2);
    const rules = await segue(['verify', '--rules']);
    expect([rules.code, rules.out]).toEqual([
      0,
      expect.stringContaining('| `variant.average` | warning | Apple 9.14 |'),
    ]);
  });
});

describe('segue verify --watch', () => {
  it('reads a growing playlist again for as long as it is told, and reports it', async () => {
    const files = goodStream();
    edit(files, '/720p/media.m3u8', '#EXT-X-ENDLIST\n', '');
    edit(files, '/720p/media.m3u8', 'TYPE:VOD', 'TYPE:EVENT');
    await using server = await serveFiles(files);
    const url = `${server.url}/720p/media.m3u8`;
    const watches = z.object({
      renditions: z.array(z.object({ watch: z.object({ reloads: z.number() }).nullable() })),
    });
    const watched = await segue(['verify', url, '--for', '3s', '--json']);
    expect(watches.parse(JSON.parse(watched.out)).renditions[0]?.watch?.reloads).toBeGreaterThan(0);
    const once = await segue(['verify', url, '--no-watch', '--json']);
    expect(watches.parse(JSON.parse(once.out)).renditions[0]?.watch).toBeNull();
  });
});

describe('segue make', () => {
  let stack: TestStack;
  let folder: TemporaryFolder;

  beforeAll(async () => {
    // One second ahead of whoever plays: the rest is made because somebody waits for it.
    stack = await startStack({ env: { SEGUE_RENDER_AHEAD_SECONDS: '1' } });
    folder = await temporaryFolder();
  });

  afterAll(async () => {
    await folder?.[Symbol.asyncDispose]();
    await stack?.stop();
  });

  it('prints the URL, waits until everything is in the bucket, and what it made passes verification', async () => {
    const file = join(folder.path, 'description.json');
    await writeFile(file, await example(1));
    const made = await segue(['make', file, '--server', stack.url, '--json']);
    expect([made.code, made.err]).toEqual([0, '']);
    const events = lines(made.out);
    expect(events[0]).toMatchObject({ event: 'posted' });
    expect(events.at(-1)).toMatchObject({ event: 'done', total: 8, copied: 8 });
    const verified = await until(
      async () => {
        const ended = await segue(['verify', events[0]?.url ?? '', '--decode', '--json']);
        const found = reported.parse(JSON.parse(ended.out));
        return found.findings.some(isLatePicture) ? undefined : { ...ended, report: found };
      },
      { what: 'all pictures are made', timeout: 90_000 },
    );
    const { report } = verified;
    expect(report.findings.filter(({ check }) => !announced.includes(check))).toEqual([]);
    expect(verified.code).toBe(0);
    const bucket = new URL(stack.urlOf('bucket')).host;
    // Stills are made when they are asked for, and so may come from a node.
    const whole = report.renditions.filter(({ name }) => /^(audio|\d+p)/.test(name));
    expect(whole.map(({ listed, sources }) => [listed, sources[bucket] ?? sources['bucket']])).toEqual([
      [4, 4],
      [4, 4],
    ]);
  }, 240_000);

  it('reads standard input, and what it prints plays while it is made', async () => {
    const made = await segue(['make', '-', '--server', stack.url, '--no-wait'], await example(2));
    expect(made.code).toBe(0);
    const verified = await segue(['verify', made.out.trim(), '--json']);
    const { findings } = reported.parse(JSON.parse(verified.out));
    expect(findings.filter((each) => !announced.includes(each.check) && !isLatePicture(each))).toEqual([]);
  });

  it('prints every problem of a description as path: message', async () => {
    const bad = JSON.stringify({
      segue: 1,
      kind: 'timeline',
      size: { width: 3, height: 360 },
      fps: 23,
      duration: 1,
      tracks: [],
    });
    const made = await segue(['make', '-', '--server', stack.url], bad);
    expect(made.code).toBe(1);
    expect(made.out).toBe('');
    expect(made.err).toMatch(/^ {2}fps: .+$/m);
    expect(made.err).toMatch(/^ {2}size\.width: .+$/m);
  });

  it('says what is wrong with the file and with the server', async () => {
    const notJson = await segue(['make', '-', '--server', stack.url], '{"segue": 1,');
    expect([notJson.code, notJson.err.split('\n')[0]]).toEqual([2, 'segue: Standard input is not JSON']);
    const missing = await segue(['make', join(folder.path, 'missing.json'), '--server', stack.url]);
    expect([missing.code, missing.err]).toMatchObject([
      2,
      expect.stringContaining('missing.json cannot be read'),
    ]);
    const alone = await segue(['make', '-', '--server', 'http://127.0.0.1:9'], await example(3));
    expect([alone.code, alone.err]).toMatchObject([
      1,
      expect.stringContaining('http://127.0.0.1:9 does not answer'),
    ]);
  });

  it('stops watching on Ctrl-C, and says that the video is made all the same', async () => {
    const long = JSON.stringify({
      ...z.record(z.string(), z.unknown()).parse(JSON.parse(await example(4))),
      duration: 600,
      tracks: [],
    });
    const { child, ended } = start(['make', '-', '--server', stack.url], long);
    if (child.stdout === null) throw new Error('no standard output');
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 0, err: expect.stringContaining('No longer watching') });
  });
});
