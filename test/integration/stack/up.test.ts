import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import { assertGone, living, processesOf } from '../../support/processes.ts';
import { startStack, type TestStack } from '../../support/stack.ts';
import { until } from '../../support/wait.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const parts = ['database', 'bucket', 'playlists', 'node-1', 'node-2'];

async function segue(args: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, ['src/cli/main.ts', ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

const healthy = (url: string) => fetch(url).then((response) => response.ok);

/** A second one on the same folder, or port, is told so. */
async function isTold(stack: TestStack): Promise<void> {
  const same = await segue(['up', '--json'], { SEGUE_DATA: stack.dataFolder, PORT: '0' });
  expect(same.code).toBe(2);
  expect(JSON.parse(same.out)).toMatchObject({
    error: {
      code: 'configuration',
      message: `Another segue (process ${stack.pid}) runs on ${stack.dataFolder}`,
    },
  });
  await using other = await temporaryFolder();
  const { port } = new URL(stack.url);
  const taken = await segue(['up'], { SEGUE_DATA: other.path, PORT: port });
  expect(taken.code).toBe(2);
  expect(taken.err).toContain(
    `segue: Port ${port} is in use\n  Choose another one: PORT=${Number(port) + 1} npm start`,
  );
  await assertGone(() => processesOf(other.path));
}

// Each starts several stacks.
describe('segue up', { timeout: 300_000 }, () => {
  test('starts every part, tells a second one so, stops cleanly, and is the same again on the same folder', async () => {
    await using folder = await temporaryFolder();
    const first = await startStack({ dataFolder: folder.path });
    expect(await healthy(`${first.url}/readyz`)).toBe(true);
    for (const name of ['node-1', 'node-2']) expect(await healthy(`${first.urlOf(name)}/healthz`)).toBe(true);
    expect((await stat(join(folder.path, 'admin-token'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder.path, 'secrets.json'))).mode & 0o777).toBe(0o600);
    await isTold(first);
    expect(await first.stop()).toBe(0);

    const second = await startStack({ dataFolder: folder.path });
    expect(second.adminToken).toBe(first.adminToken);
    expect(second.urlOf('bucket')).toBe(first.urlOf('bucket'));
    expect(second.urlOf('database')).toBe(first.urlOf('database'));
    // A second SIGINT ends it at once, and nothing is left.
    const all = second.processes();
    process.kill(second.pid, 'SIGINT');
    process.kill(second.pid, 'SIGINT');
    await assertGone(() => [...living(all), ...processesOf(folder.path)]);
  });

  test('kill -9 of everything, or of itself with the rest still there: the next start works at once', async () => {
    await using folder = await temporaryFolder();
    const first = await startStack({ dataFolder: folder.path });
    await first.killEverything();
    const second = await startStack({ dataFolder: folder.path });
    second.kill('up');
    const third = await startStack({ dataFolder: folder.path });
    expect(third.adminToken).toBe(first.adminToken);
    expect(await healthy(`${third.url}/readyz`)).toBe(true);
    // With nobody who starts in its place: every process below it ends.
    const all = third.processes();
    expect(all.length).toBeGreaterThan(parts.length);
    third.kill('up');
    await assertGone(() => [...living(all), ...processesOf(folder.path)]);
  });

  test('a part that dies is started again: node, playlist service, bucket, database', async () => {
    await using stack = await startStack({ ownDatabase: true });
    for (const name of ['node-1', 'playlists', 'bucket', 'database']) {
      const url = stack.urlOf(name);
      const pid = stack.kill(name);
      await stack.restarted(name, pid);
      expect(stack.urlOf(name)).toBe(url);
    }
    await until(() => healthy(`${stack.url}/readyz`), {
      what: 'the playlist service is ready again',
      timeout: 60_000,
    });
    await until(() => healthy(`${stack.urlOf('node-2')}/healthz`), {
      what: 'the other node is healthy',
      timeout: 60_000,
    });
  });

  test('SIGTERM while it starts ends everything, cleanly', async () => {
    await using folder = await temporaryFolder();
    const child = spawn(process.execPath, ['src/cli/main.ts', 'up', '--json'], {
      cwd: root,
      env: { ...process.env, SEGUE_DATA: folder.path, PORT: '0', SEGUE_LOG_LEVEL: 'error' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect((await exited)[0]).toBe(0);
    await assertGone(() => processesOf(folder.path));
    await expect(readFile(join(folder.path, 'lock'))).rejects.toThrow('ENOENT');
  });
});

describe('segue', () => {
  test('--help names every command and the exit codes', async () => {
    const { code, out } = await segue(['--help'], {});
    expect(code).toBe(0);
    for (const name of ['up', 'node', 'playlists', 'doctor', 'make', 'verify'])
      expect(out).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    expect(out).toContain('Exit codes: 0 done, 1 failed, 2 called or configured wrongly.');
  });

  test.each(['up', 'node', 'playlists', 'doctor', 'make', 'verify'])('%s --help', async (name) => {
    const { code, out } = await segue([name, '--help'], {});
    expect(code).toBe(0);
    expect(out).toContain('--json');
  });

  test.each([[['nonsense']], [['up', '--nonsense']], [['verify']]])(
    '%s: 2, without a stack trace',
    async (args) => {
      const { code, err } = await segue(args, {});
      expect(code).toBe(2);
      expect(err).toMatch(/^(error|segue): /);
      expect(err).not.toContain('    at ');
    },
  );

  test('bad configuration: 2, every problem, no stack trace', async () => {
    const { code, err } = await segue(['node'], {
      SEGUE_NODE_PORT: 'x',
      DATABASE_URL: 'mysql://root:hunter2@db',
    });
    expect(code).toBe(2);
    expect(err).toContain('  SEGUE_NODE_PORT: must be a whole number (got x)\n');
    expect(err).toContain('  SEGUE_SECRET: is required\n');
    expect(err).not.toMatch(/hunter2|    at /);
  });
});
