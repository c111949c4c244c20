import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { SegueError } from '../../../src/ops/errors.ts';
import { createLog } from '../../../src/ops/log.ts';
import { identify, isAlive, signalTo } from '../../../src/ops/process-identity.ts';
import { chooseAccount } from '../../../src/stack/account.ts';
import { startPostgres } from '../../../src/stack/postgres.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { assertGone, processesOf } from '../../support/processes.ts';
import { until } from '../../support/wait.ts';

const log = createLog('test', 'silent');
const root = process.getuid?.() === 0;

async function query<T>(url: string, run: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    return await run(sql);
  } finally {
    await sql.end();
  }
}

/** A supervisor in a process of its own. */
async function supervisor(folder: string) {
  const script = fileURLToPath(new URL('../../support/postgres-process.ts', import.meta.url));
  const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { pid, url } = z.object({ pid: z.number(), url: z.string() }).parse(JSON.parse(line.toString()));
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  return { pid, url, supervisor: child.pid, kill };
}

test('twice in a row in a folder that only this user may enter: same port, same password, data kept', async () => {
  await using folder = await temporaryFolder();
  expect((await stat(folder.path)).mode & 0o777).toBe(0o700);
  const first = await startPostgres(folder.path, log);
  await query(first.databaseUrl, (sql) => sql`create table kept as select 42 as answer`);
  await first.stop();
  expect(await first.exited).toBe('exit code 0');

  await using second = await startPostgres(folder.path, log);
  expect(second.databaseUrl).toBe(first.databaseUrl);
  expect(await query(second.databaseUrl, (sql) => sql`select answer from kept`)).toEqual([{ answer: 42 }]);
  expect((await stat(join(folder.path, 'postgres', 'password'))).mode & 0o777).toBe(0o600);
  const settings = await query(second.databaseUrl, (sql) => sql`select current_setting('fsync') as fsync`);
  expect(settings).toEqual([{ fsync: 'on' }]);
});

test('a wrong password is refused', async () => {
  await using folder = await temporaryFolder();
  await using server = await startPostgres(folder.path, log);
  const url = new URL(server.databaseUrl);
  url.password = 'guessed';
  await expect(query(url.href, (sql) => sql`select 1`)).rejects.toThrow('password authentication failed');
});

test('kill -9 of the supervisor: PostgreSQL ends by itself, cleanly', async () => {
  await using folder = await temporaryFolder();
  const killed = await supervisor(folder.path);
  expect(processesOf(folder.path).map(({ pid }) => pid)).toContain(killed.pid);
  await killed.kill();
  await assertGone(() => processesOf(folder.path));
  await expect(readFile(join(folder.path, 'postgres', 'data', 'postmaster.pid'))).rejects.toThrow('ENOENT');
});

test('kill -9 of the supervisor and a new start at once: what is left is ended first', async () => {
  await using folder = await temporaryFolder();
  const killed = await supervisor(folder.path);
  const left = identify(killed.pid);
  await killed.kill();
  await using server = await startPostgres(folder.path, log);
  expect(left !== undefined && isAlive(left)).toBe(false);
  expect(server.pid).not.toBe(killed.pid);
  expect(server.databaseUrl).toBe(killed.url);
});

test('kill -9 of everything with a transaction just committed: nothing is lost', async () => {
  await using folder = await temporaryFolder();
  const killed = await supervisor(folder.path);
  await query(killed.url, async (sql) => {
    await sql`create table kept (n int)`;
    await sql`insert into kept select generate_series(1, 1000)`;
    // The server first: the end of the supervisor, or that of one of its own, would have it do something. Those may end by themselves.
    const rank = ({ pid }: { pid: number }) => (pid === killed.pid ? 0 : pid === killed.supervisor ? 2 : 1);
    for (const { pid } of processesOf(folder.path).toSorted((a, b) => rank(a) - rank(b)))
      signalTo(pid, 'SIGKILL');
  });
  await killed.kill();
  expect(await readFile(join(folder.path, 'postgres', 'data', 'postmaster.pid'), 'utf8')).toContain(
    String(killed.pid),
  );

  await using server = await startPostgres(folder.path, log);
  expect(await query(server.databaseUrl, (sql) => sql`select count(*)::int as n from kept`)).toEqual([
    { n: 1000 },
  ]);
});

test('a stale postmaster.pid whose number now belongs to another program', async () => {
  await using folder = await temporaryFolder();
  await (await startPostgres(folder.path, log)).stop();
  const pidFile = join(folder.path, 'postgres', 'data', 'postmaster.pid');
  await writeFile(pidFile, `${process.pid}\n${folder.path}\n1\n5432\n\n127.0.0.1\n0 0\nready   \n`);
  await using server = await startPostgres(folder.path, log);
  expect(await query(server.databaseUrl, (sql) => sql`select 1 as one`)).toEqual([{ one: 1 }]);
});

test('a server that dies only now, and that nobody buries, is not taken for alive', async () => {
  await using folder = await temporaryFolder();
  await (await startPostgres(folder.path, log)).stop();
  const data = join(folder.path, 'postgres', 'data');
  // What has its command line; its parent stands still.
  const script = `
    const { pid } = require('node:child_process').spawn('sleep', ['600'], { argv0: process.argv[1] });
    process.stdout.write(pid + '\\n', () => process.kill(process.pid, 'SIGSTOP'));`;
  const parent = spawn(process.execPath, ['-e', script, data], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    await writeFile(join(data, 'postmaster.pid'), `${pid}\n${data}\n1\n5432\n\n127.0.0.1\n0 0\nready   \n`);
    await using server = await startPostgres(folder.path, log);
    expect(await query(server.databaseUrl, (sql) => sql`select 1 as one`)).toEqual([{ one: 1 }]);
    expect(signalTo(pid, 0), 'it is still there, dead').toBe(true);
  } finally {
    parent.kill('SIGKILL');
  }
});

test('a first start that was interrupted is begun anew', async () => {
  await using folder = await temporaryFolder();
  const half = join(folder.path, 'postgres', 'data.new');
  await mkdir(half, { recursive: true });
  await writeFile(join(half, 'PG_VERSION'), '18\n');
  await using server = await startPostgres(folder.path, log);
  expect(await query(server.databaseUrl, (sql) => sql`select 1 as one`)).toEqual([{ one: 1 }]);
});

test('its port is taken by somebody else: another one, and the url says so', async () => {
  await using folder = await temporaryFolder();
  await using other = await temporaryFolder();
  await using holder = await startPostgres(other.path, log);
  const taken = new URL(holder.databaseUrl).port;
  await mkdir(join(folder.path, 'postgres'));
  await writeFile(join(folder.path, 'postgres', 'port'), `${taken}\n`);
  await using server = await startPostgres(folder.path, log);
  expect(new URL(server.databaseUrl).port).not.toBe(taken);
  expect(await query(server.databaseUrl, (sql) => sql`select 1 as one`)).toEqual([{ one: 1 }]);
});

test('data of another version: a clear error', async () => {
  await using folder = await temporaryFolder();
  await (await startPostgres(folder.path, log)).stop();
  await writeFile(join(folder.path, 'postgres', 'data', 'PG_VERSION'), '12\n');
  const failed = await startPostgres(folder.path, log).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(SegueError);
  expect(failed).toMatchObject({ code: 'catalog_unavailable' });
  expect(String(failed)).toContain('initialized by PostgreSQL version 12');
});

describe.runIf(root)('as root', () => {
  const nobody = { kind: 'user', name: 'nobody', uid: 65_534, gid: 65_534 } as const;

  test('another user is used where there is no user namespace, and root takes the data back later', async () => {
    await using folder = await temporaryFolder();
    const home = join(folder.path, 'postgres');
    await mkdir(home, { mode: 0o700 });
    expect(
      await chooseAccount('/bin/sh', home, folder.path, [nobody]).catch(() => undefined),
    ).toBeUndefined();
    expect(await chooseAccount('/usr/bin/env', home, folder.path, [nobody])).toEqual(nobody);
    expect((await stat(home)).uid).toBe(nobody.uid);
    await using server = await startPostgres(folder.path, log);
    expect((await stat(home)).uid).toBe(0);
    expect(await query(server.databaseUrl, (sql) => sql`select 1 as one`)).toEqual([{ one: 1 }]);
  });

  test('below a folder that others may not enter another user is no way out, and the error says so', async () => {
    await using folder = await temporaryFolder();
    const parent = join(folder.path, 'closed', 'data');
    const home = join(parent, 'postgres');
    await mkdir(home, { recursive: true });
    await chmod(join(folder.path, 'closed'), 0o700);
    const failed = await chooseAccount('/usr/bin/env', home, parent, [nobody]).catch(
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({
      code: 'configuration',
      hint: expect.stringContaining('DATABASE_URL') as string,
    });
  });
});

test('the guard goes with the server', async () => {
  await using folder = await temporaryFolder();
  const server = await startPostgres(folder.path, log);
  const guards = () => readGuards(server.pid);
  await until(async () => (await guards()).length === 1, { what: 'a guard' });
  await server.stop();
  await until(async () => (await guards()).length === 0, { what: 'no guard' });
});

async function readGuards(pid: number): Promise<string[]> {
  const { readdir } = await import('node:fs/promises');
  const found: string[] = [];
  for (const name of await readdir('/proc')) {
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (command.includes('segue-guard') && command.endsWith(`\0${pid}\0`)) found.push(name);
  }
  return found;
}
