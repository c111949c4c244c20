import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { until } from './wait.ts';

const listening = z.object({ event: z.literal('listening'), url: z.string() });
const root = fileURLToPath(new URL('../..', import.meta.url));

/** `segue node` as a process of its own, beside those of a stack. It ends with the process that started it. */
export interface NodeProcess extends AsyncDisposable {
  readonly url: string;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** How it is started. */
export interface NodeProcessOptions {
  /** All of its configuration, SEGUE_NODE_ID among it. */
  readonly env: Readonly<Record<string, string>>;
  /** Further arguments. */
  readonly args?: readonly string[];
  /** In a process group of its own, so that Ctrl-C at a terminal reaches only who started it. */
  readonly detached?: boolean;
  /** Called for each piece of what it writes to standard error. Default: it is passed on. */
  readonly onLog?: (piece: string) => void;
}

function start({ env, args = [], detached = false, onLog }: NodeProcessOptions): ChildProcess {
  const child = spawn(process.execPath, ['src/cli/main.ts', 'node', '--json', ...args], {
    cwd: root,
    detached,
    stdio: ['ignore', 'pipe', onLog === undefined ? 'inherit' : 'pipe', 'ipc'],
    env: { ...process.env, ...env },
  });
  child.stderr?.on('data', (chunk: Buffer) => onLog?.(chunk.toString()));
  return child;
}

/** Starts it and waits until it listens. @throws where it ends before */
export async function startNodeProcess(options: NodeProcessOptions): Promise<NodeProcess> {
  const child = start(options);
  const exited = once(child, 'exit');
  const seen: { url: string | undefined } = { url: undefined };
  if (child.stdout === null) throw new Error('no standard output');
  createInterface({ input: child.stdout }).on('line', (line) => {
    seen.url ??= listening.safeParse(JSON.parse(line)).data?.url;
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  try {
    const look = () => seen.url ?? (child.exitCode === null ? undefined : '');
    const url = await until(look, { what: 'the node listens', timeout: 120_000 });
    if (url === '') throw new Error(`the node did not start: exit code ${child.exitCode}`);
    return { url, kill: () => end('SIGKILL'), [Symbol.asyncDispose]: () => end('SIGTERM') };
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
}
