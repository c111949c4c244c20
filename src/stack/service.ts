import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { childEnvironment, type Environment } from '../ops/config.ts';
import { SegueError } from '../ops/errors.ts';
import { endProcess, exitOf, guard, killGroup, type Part } from './part.ts';

/** A process of Segue's own that the stack runs. */
export interface ServiceOptions {
  /** Name of the part, as `node-1`. */
  readonly name: string;
  /** Arguments of the `segue` command. */
  readonly args: readonly string[];
  /** Variables that differ from this process's own. */
  readonly env: Environment;
  /** Base URL where it will listen. */
  readonly url: string;
  /** Path that answers 200 once it is ready. */
  readonly readyPath: string;
}

/** Flags that keep V8's young generation, and so resident memory, small. */
export const nodeFlags = ['--max-semi-space-size=1', '--optimize-for-size'] as const;

/**
 * Settings of the C library's allocator: buffers of segments come and go on several threads, and by default each thread keeps
 * an arena of its own and large blocks stay in it. Measured: 150 MB at the peak without, 120 MB with.
 */
const allocator = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072' } as const;

const command = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
const startMs = 60_000;
const drainMs = 12_000;

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/**
 * Starts a Segue process as a child and waits until it is ready. It ends when this process does: by its IPC channel, and by
 * a guard if it does not listen to that.
 * @throws SegueError `internal` when it ends or does not become ready within a minute.
 */
export async function startService(options: ServiceOptions, signal: AbortSignal): Promise<Part> {
  const child = spawn(process.execPath, [...nodeFlags, command, ...options.args], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    detached: true,
    env: childEnvironment({ ...allocator, ...options.env }),
  });
  const exited = exitOf(child);
  // What it started (ffmpeg) must not outlive it.
  void exited.then(() => killGroup(child));
  if (child.pid !== undefined) guard(child, 'group');

  let reason: string | undefined;
  void exited.then((why) => {
    reason = why;
  });
  const end = performance.now() + startMs;
  while (!(await answers(`${options.url}${options.readyPath}`))) {
    if (reason === undefined && performance.now() < end && !signal.aborted) {
      await Promise.race([delay(50), exited]);
      continue;
    }
    const why = reason ?? (signal.aborted ? 'stopped' : `not ready after ${startMs / 1000} s`);
    await endProcess(child, 'SIGTERM', 2000);
    throw new SegueError('internal', `${options.name} did not start (${why})`, {
      hint: 'Its own log lines above say why.',
    });
  }

  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= endProcess(child, 'SIGTERM', drainMs));
  return {
    name: options.name,
    pid: child.pid ?? 0,
    url: options.url,
    exited,
    stop,
    kill: () => killGroup(child),
    [Symbol.asyncDispose]: stop,
  };
}
