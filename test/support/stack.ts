import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { signalTo } from '../../src/ops/process-identity.ts';
import { temporaryFolder } from './folder.ts';
import { assertGone, descendants, living, processesOf, type SeenProcess } from './processes.ts';
import { until } from './wait.ts';

const partSchema = z.object({
  event: z.literal('part'),
  name: z.string(),
  url: z.string(),
  pid: z.number().optional(),
});
const readySchema = z.object({ event: z.literal('ready'), url: z.string(), adminTokenFile: z.string() });
const lineSchema = z.discriminatedUnion('event', [partSchema, readySchema]);

/** `segue up` as a real process. */
export interface TestStack extends AsyncDisposable {
  /** Base URL of the playlist service. */
  readonly url: string;
  readonly dataFolder: string;
  readonly adminToken: string;
  /** Process number of `segue up` itself. */
  readonly pid: number;
  /** Process number of a part (`playlists`, `node-1`, `node-2`, `bucket`, `database`) as it runs now. */
  pidOf(part: string): number;
  /** Where a part listens. */
  urlOf(part: string): string;
  /** Sends SIGKILL to a part, or to `segue up` itself. @returns the process number that died. */
  kill(part: string): number;
  /** Waits until a part runs as another process than `pid`. */
  restarted(part: string, pid: number): Promise<void>;
  /** `segue up` and every process below it, as of now. */
  processes(): SeenProcess[];
  /** Everything that it wrote to standard error so far (the last million characters). */
  log(): string;
  /** Stops with SIGTERM. @returns the exit code. @throws when a process that belongs to the stack is left. */
  stop(): Promise<number>;
  /** Kills every process of the stack with SIGKILL at the same time. */
  killEverything(): Promise<void>;
}

/** Options of {@link startStack}. */
export interface TestStackOptions {
  /** Variables set anew. PORT is 0 (any) unless given. */
  readonly env?: Readonly<Record<string, string>>;
  /** A folder that is kept; default a temporary one that is removed at the end. */
  readonly dataFolder?: string;
  /** Milliseconds until it must be ready. Default 120 s. */
  readonly timeout?: number;
  /** In a process group of its own, so that Ctrl-C at a terminal reaches only who started it. */
  readonly detached?: boolean;
  /** What operators have decided; null: nothing. Default: everything is copied, so that tests do not depend on prices. */
  readonly policy?: unknown;
  /**
   * Whether it starts a PostgreSQL of its own. Default: where its folder is kept, and where the project of vitest has none that files
   * share, which saves two seconds of processor time.
   */
  readonly ownDatabase?: boolean;
  /** Called for each piece of what it writes to standard error. */
  readonly onLog?: (piece: string) => void;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Reads the lines of `segue up --json`. */
function follow(child: ChildProcess, onLog: (piece: string) => void) {
  const parts = new Map<string, z.infer<typeof partSchema>>();
  const seen: { ready?: z.infer<typeof readySchema>; errors: string; raw: string } = { errors: '', raw: '' };
  if (child.stdout === null) throw new Error('no standard output');
  createInterface({ input: child.stdout }).on('line', (line) => {
    seen.raw = (seen.raw + line).slice(-20_000);
    const parsed = lineSchema.safeParse(JSON.parse(line));
    if (parsed.data?.event === 'part') parts.set(parsed.data.name, parsed.data);
    if (parsed.data?.event === 'ready') seen.ready = parsed.data;
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    const piece = chunk.toString();
    seen.errors = (seen.errors + piece).slice(-1_000_000);
    onLog(piece);
  });
  return { parts, seen };
}

const everything = { default: { copy: { what: 'everything' } } };

/** Sets the policy of a deployment. */
export async function setPolicy(url: string, adminToken: string, policy: unknown): Promise<void> {
  const headers = { authorization: `Bearer ${adminToken}` };
  const answer = await fetch(`${url}/v1/policy`, { method: 'PUT', headers, body: JSON.stringify(policy) });
  if (!answer.ok) throw new Error(`policy not set: ${await answer.text()}`);
}

/** A database of its own on the PostgreSQL that files share, if there is one and the stack may use it. */
async function sharedDatabase({ ownDatabase, dataFolder, env }: TestStackOptions) {
  const isOwn = ownDatabase ?? (dataFolder !== undefined || env?.['DATABASE_URL'] !== undefined);
  if (isOwn) return undefined;
  // Not before it is needed: chaos runs without vitest, too, and brings its own.
  const { sharedIfAny } = await import('./shared-postgres.ts');
  const postgres = sharedIfAny();
  if (postgres === undefined) return undefined;
  // A node on a database of others is called as its host, unless it is told otherwise.
  const settings = { DATABASE_URL: await postgres.createDatabase(), SEGUE_NODE_ID: 'node' };
  return { settings, drop: () => postgres.stop() };
}

/** Starts `segue up` on a folder and waits until all of it is ready. */
export async function startStack(options: TestStackOptions = {}): Promise<TestStack> {
  const folder = options.dataFolder === undefined ? await temporaryFolder() : undefined;
  const dataFolder = options.dataFolder ?? folder?.path ?? '';
  const database = await sharedDatabase(options);
  const flags = ['--max-semi-space-size=1', '--optimize-for-size'];
  const child = spawn(process.execPath, [...flags, 'src/cli/main.ts', 'up', '--json'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: options.detached ?? false,
    // One for all: it costs three seconds to fill.
    env: {
      NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/segue'),
      ...process.env,
      PORT: '0',
      SEGUE_LOG_LEVEL: 'info',
      ...database?.settings,
      ...options.env,
      SEGUE_DATA: dataFolder,
    },
  });
  const { parts, seen } = follow(child, options.onLog ?? (() => undefined));
  const exited = once(child, 'exit');

  const over = () => child.exitCode !== null || child.signalCode !== null;
  const look = () => seen.ready ?? over();
  const outcome = await until(look, { what: 'segue up is ready', timeout: options.timeout ?? 120_000 }).catch(
    () => true,
  );
  const { ready } = seen;
  if (outcome === true || ready === undefined) {
    child.kill('SIGKILL');
    await database?.drop();
    throw new Error(`segue up did not become ready:\n${seen.raw}\n${seen.errors}`);
  }

  const adminToken = (await readFile(ready.adminTokenFile, 'utf8')).trim();
  if (options.policy !== null) await setPolicy(ready.url, adminToken, options.policy ?? everything);

  const part = (name: string) => {
    const found = parts.get(name);
    if (found === undefined) throw new Error(`no part ${name}`);
    return found;
  };
  const pidOf = (name: string) => (name === 'up' ? child.pid : part(name).pid) ?? 0;
  const stop = async () => {
    const all = descendants(child.pid ?? 0);
    child.kill('SIGTERM');
    if (!over()) await exited;
    await assertGone(() => [...living(all), ...processesOf(dataFolder)]);
    await database?.drop();
    await folder?.[Symbol.asyncDispose]();
    return child.exitCode ?? 1;
  };
  return {
    url: ready.url,
    dataFolder,
    adminToken,
    pid: child.pid ?? 0,
    pidOf,
    urlOf: (name) => part(name).url,
    kill: (name) => {
      const pid = pidOf(name);
      process.kill(pid, 'SIGKILL');
      return pid;
    },
    restarted: async (name, pid) => {
      await until(() => pidOf(name) !== pid, { what: `${name} is started again`, timeout: 120_000 });
    },
    log: () => seen.errors,
    stop,
    processes: () => descendants(child.pid ?? 0),
    killEverything: async () => {
      for (const { pid } of descendants(child.pid ?? 0)) signalTo(pid, 'SIGKILL');
      if (!over()) await exited;
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}
