import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { until } from '../support/wait.ts';
import { expectWhole, onNodes, segmentsIn, smallDescription, startField, stored } from './kit.ts';

const seconds = 36;
/** A busy machine is not to look like a dead node, which cannot be drained. */
const env = { SEGUE_LEASE_SECONDS: '10' };

/** `segue drain`, as an operator runs it. @returns its exit code and what it printed. */
async function drain(
  server: string,
  token: string,
  ...args: string[]
): Promise<{ code: number; out: string }> {
  const child = spawn(process.execPath, ['src/cli/main.ts', 'drain', ...args, '--json'], {
    cwd: join(import.meta.dirname, '../..'),
    env: { ...process.env, SEGUE_URL: server, SEGUE_ADMIN_TOKEN: token },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  const [code] = (await once(child, 'exit')) as [number];
  return { code, out };
}

test('all nodes are drained and started again, one after the other: viewers get every frame, nothing is made twice', async () => {
  await using field = await startField({ env });
  const { stack } = field;
  const videos = await Promise.all([1, 2, 3].map((seed) => field.post(smallDescription(seconds, seed))));
  const playing = await Promise.all(videos.map(({ url }) => playWithFfmpeg(url, { realTime: true })));
  await until(() => playing.every(({ frames }) => frames > 25), {
    what: 'everybody watches',
    timeout: 60_000,
  });
  for (const part of ['node-1', 'node-2']) {
    const pid = stack.pidOf(part);
    const { code, out } = await drain(stack.url, stack.adminToken, part);
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('"drained"') as string });
    await stack.restarted(part, pid);
  }
  for (const played of playing) expectWhole(await played.done, seconds);
  for (const { id } of videos) {
    const status = await field.reach(id, 'everything is copied', ({ state }) => state === 'stored');
    expect(stored(status)).toBe(segmentsIn(seconds));
  }
});

test('a node that drains while the bucket is away keeps to its deadline, and loses no frame', async () => {
  await using field = await startField({ env });
  const { stack } = field;
  await field.proxy.fail({ kind: 'refuse' });
  const { id, url } = await field.post(smallDescription(seconds));
  const playing = await playWithFfmpeg(url, { realTime: true });
  await field.reach(id, 'some of it is made', (status) => onNodes(status) >= 3);
  const part = await field.holder(id);
  const pid = stack.pidOf(part);
  expect((await drain(stack.url, stack.adminToken, part, '--deadline', '3s')).code).toBe(0);
  await stack.restarted(part, pid);
  expectWhole(await playing.done, seconds);
});

test('a node that is not there, or dead, cannot be drained, and the command says so', async () => {
  await using field = await startField({ env });
  const { stack } = field;
  expect((await drain(stack.url, stack.adminToken, 'nobody')).code).toBe(1);
  expect((await drain(stack.url, 'a wrong token of some length', 'node-1')).code).toBe(1);
  expect((await drain(stack.url, stack.adminToken, 'node-1', '--deadline', 'soon')).code).toBe(2);
});
