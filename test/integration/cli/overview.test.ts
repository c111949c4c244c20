import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { events } from '../../../src/cli/overview/events.ts';
import { top } from '../../../src/cli/overview/top.ts';
import { videos } from '../../../src/cli/overview/videos.ts';
import { startStack, type TestStack } from '../../support/stack.ts';
import { until } from '../../support/wait.ts';
import { type Ended, environmentOf, root, start } from './kit.ts';

let stack: TestStack;
let env: NodeJS.ProcessEnv;
let id: string;

const segue = (...args: string[]): Promise<Ended> => start(env, ...args).ended;
const objects = (out: string): Record<string, unknown>[] =>
  out
    .trim()
    .split('\n')
    .map((line) => z.record(z.string(), z.unknown()).parse(JSON.parse(line)));
/** Asks an operators' route. */
const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${stack.url}${path}`, { ...init, headers: { authorization: `Bearer ${stack.adminToken}` } });

beforeAll(async () => {
  // One second ahead of whoever plays: the rest is made because somebody waits for it. A busy machine is not to look like a dead node.
  stack = await startStack({ env: { SEGUE_RENDER_AHEAD_SECONDS: '1', SEGUE_LEASE_SECONDS: '10' } });
  env = environmentOf(stack);
  const body = await readFile(join(root, 'examples/minimal.json'), 'utf8');
  const posted = await fetch(`${stack.url}/v1/videos`, { method: 'POST', body });
  ({ id } = z.object({ id: z.string() }).parse(await posted.json()));
});
afterAll(() => stack?.stop());

describe('segue status VIDEO', () => {
  it('waits until everything is in the bucket, and says where it is', async () => {
    const waited = await segue('status', id, '--wait', '--json');
    expect([waited.code, waited.err]).toEqual([0, '']);
    const told = objects(waited.out);
    expect(told.at(0)).toMatchObject({ event: 'progress' });
    expect(told.at(-1)).toMatchObject({ event: 'video', id, state: 'stored', exposureSeconds: 0 });
    const shown = await segue('status', id.slice(0, 8));
    expect(shown.code).toBe(0);
    expect(shown.out).toMatch(
      new RegExp(`^id +${id}\nstate +stored, a video of 0:05, profile default\nplay +http`),
    );
    expect(shown.out).toMatch(/\n360p +4 +4 +4 +node-\d 4 +█+\n/);
  });

  it('says what is not known, and what is no id', async () => {
    const unknown = await segue('status', 'aaaa');
    expect(unknown).toMatchObject({ code: 1, out: '' });
    expect(unknown.err).toContain('No video has an id that begins with aaaa');
    expect((await segue('status', '../x')).code).toBe(2);
    expect((await segue('status', 'a'.repeat(32))).code).toBe(1);
  });

  it('shows streams', async () => {
    const made = await ask('/v1/streams', {
      method: 'POST',
      body: JSON.stringify({ name: 'A \u001B[31mnight' }),
    });
    const stream = z.object({ id: z.string() }).parse(await made.json());
    const shown = await segue('status', stream.id);
    expect(shown.code).toBe(0);
    expect(shown.out).toContain('waiting, a stream: A [31mnight');
    const listed = await segue('videos', '--state', 'waiting');
    expect(listed.out).toContain('A [31mnight');
  });
});

describe('segue videos, nodes and events', () => {
  it('print tables without colours where there is no terminal', async () => {
    const stored = await segue('videos', '--state', 'stored');
    expect(stored.out.split('\n')[0]).toMatch(
      /^ID +STATE +AGE +LENGTH +SEGS +EXPOSED +HOLDER +AT NODES +WHERE$/,
    );
    expect(stored.out.split('\n')[1]).toMatch(
      new RegExp(`^${id}  stored +\\d+[sm] +0:05 +4 +0  (-|node-\\d) +node-\\d +█+$`),
    );
    const nodes = await segue('nodes');
    expect(nodes.out).toMatch(/\nnode-1 +ready +\S+ +\d+% +\d+% .*\nnode-2 +ready /);
    const happened = await segue('events');
    expect(happened.out).toMatch(/^\d\d-\d\d \d\d:\d\d:\d\d {2}info {5}node-ready {5}node-\d is ready\n/);
    expect(happened.out).toContain(`${id}  Everything is in the bucket`);
    expect(stored.out + nodes.out + happened.out).not.toContain('\u001B');
  });

  it('print an object a line', async () => {
    const stored = objects((await segue('videos', '--json', '--state', 'stored')).out);
    expect(stored).toMatchObject([{ event: 'video', id, state: 'stored', strip: [[4, 'bucket']] }]);
    const nodes = objects((await segue('nodes', '--json')).out);
    expect(nodes).toMatchObject([
      { event: 'node', id: 'node-1', state: 'ready' },
      { event: 'node', id: 'node-2' },
    ]);
    const happened = objects((await segue('events', '--json', '--limit', '1')).out);
    expect(happened).toMatchObject([{ event: 'log', kind: 'stored', videoId: id }]);
    expect((await segue('events', '--json', '--level', 'error')).out).toBe('');
  });

  it('refuse wrong calls with 2, and say with 1 that nobody answers', async () => {
    for (const args of [
      ['videos', '--state', 'no'],
      ['status', '--token', 'wrong'],
      ['top', '--interval', 'no'],
    ])
      expect((await segue(...args)).code, args.join(' ')).toBe(2);
    const nobody = await segue('nodes', '--server', 'http://127.0.0.1:1');
    expect([nobody.code, nobody.out]).toEqual([1, '']);
    expect(nobody.err).toContain('does not answer');
    const output = { out: () => undefined, err: () => undefined };
    const access = { server: stack.url, token: stack.adminToken };
    expect(await videos({ ...access, limit: '0' }, output)).toBe(2);
    expect(await events({ ...access, limit: 'x', level: 'info' }, output)).toBe(2);
    expect(await top({ ...access, interval: '2s', count: '0' }, output)).toBe(2);
    expect(await top({ ...access, server: 'http://127.0.0.1:1', interval: '2s' }, output)).toBe(1);
  });

  it('follow what happens, over a restart of the service, each event once', async () => {
    const { child, ended } = start(env, 'events', '--follow', '--json', '--limit', '1');
    const seen: unknown[] = [];
    createInterface({ input: child.stdout }).on('line', (line) =>
      seen.push(z.object({ id: z.number(), kind: z.string() }).parse(JSON.parse(line))),
    );
    await until(() => seen.length === 1, { what: 'the last event is told' });
    const policy = await (await ask('/v1/policy')).text();
    const change = async (): Promise<boolean> => {
      const answer = await fetch(`${stack.url}/v1/policy`, {
        method: 'PUT',
        body: policy,
        headers: { authorization: `Bearer ${stack.adminToken}`, 'content-type': 'application/json' },
      });
      return answer.ok;
    };
    await change();
    await until(() => seen.length === 2, { what: 'a change of the policy is told' });
    await stack.restarted('playlists', stack.kill('playlists'));
    await until(change, { what: 'the service is there again', timeout: 60_000 });
    await until(() => seen.length === 3, { what: 'what happened meanwhile is told', timeout: 40_000 });
    child.kill('SIGINT');
    const { code, err } = await ended;
    expect([code, err.split('\n')]).toEqual([0, [expect.stringContaining('trying again'), '']]);
    expect(seen).toMatchObject([{ kind: 'stored' }, { kind: 'policy' }, { kind: 'policy' }]);
  });
});

describe('segue top', () => {
  it('prints an object each interval, and ends when its reader goes', async () => {
    const ended = await segue('top', '--interval', '0.2s', '--count', '2');
    expect([ended.code, ended.err]).toEqual([0, '']);
    const told = objects(ended.out);
    expect(told).toHaveLength(2);
    expect(told[1]).toMatchObject({
      event: 'top',
      nodes: [{ id: 'node-1' }, { id: 'node-2' }],
      problem: null,
    });
    expect(
      z
        .array(z.object({ id: z.string() }))
        .parse(told[1]?.['videos'])
        .map((video) => video.id),
    ).toContain(id);
    const { child, ended: broken } = start(env, 'top', '--json', '--interval', '0.1s');
    const exit = once(child, 'exit');
    await once(child.stdout, 'data');
    broken.catch(() => undefined);
    child.stdout.destroy();
    await exit;
  });
});

describe('any command', () => {
  it('ends without a stack trace when its reader goes', async () => {
    const { child, ended } = start(env, '--help');
    ended.catch(() => undefined);
    let err = '';
    child.stderr.on('data', (piece: Buffer) => {
      err += piece.toString();
    });
    child.stdout.destroy();
    await once(child, 'exit');
    expect([child.exitCode, err]).toEqual([0, '']);
  });
});

// The last: it takes a node away.
describe('segue status', () => {
  it('ends with 0 where all is well, and with 1 and what to do where a node is lost', async () => {
    const well = await segue('status');
    expect(well.out).toMatch(/^service +ready at http.*\nnodes +2 ready\nvideos +1 waiting, 1 stored\n/);
    expect([well.code, well.out.trim().split('\n').at(-1)]).toEqual([0, 'all is well']);
    process.kill(stack.pidOf('node-2'), 'SIGSTOP');
    try {
      const lost = await until(
        async () => {
          const ended = await segue('status', '--json');
          const [told] = objects(ended.out);
          return ended.code === 1 && told?.['ready'] === true ? told : undefined;
        },
        { what: 'the node is missed', timeout: 60_000 },
      );
      expect(lost).toMatchObject({
        event: 'status',
        ready: true,
        nodes: { ready: 1, dead: 1 },
        conditions: [{ kind: 'node-lost', subject: 'node-2' }],
      });
      expect((await segue('status')).out).toContain('! node-2 is gone, and was not drained');
    } finally {
      process.kill(stack.pidOf('node-2'), 'SIGCONT');
    }
    const away = await segue('status', '--server', 'http://127.0.0.1:1', '--json');
    expect(objects(away.out)).toMatchObject([{ ready: false, conditions: [{ kind: 'service' }] }]);
  });
});
