import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { signalTo } from '../ops/process-identity.ts';

/** One running part of the stack: a process (and what it started). */
export interface Part extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** Where it listens. */
  readonly url: string;
  /** Resolves with the reason once the process has ended. */
  readonly exited: Promise<string>;
  /** Ends it cleanly, by force after a deadline. Safe to call twice and after it ended. */
  stop(): Promise<void>;
  /** Ends it at once, with everything that it started. */
  kill(): void;
}

const waitForEnd =
  'i=0; while kill -0 -- "$2$1" 2>/dev/null && [ $i -lt 60 ]; do sleep 0.1; i=$((i+1)); done';

/** Shell text of a guard: ends the process `$1` when standard input closes, that is, when we die, however that happens. */
const guards = {
  /** Asks nothing of the process itself (it has its IPC channel for that), kills what is left of its group. */
  group: `trap "" INT TERM HUP; read -r _; set -- "$1" -; ${waitForEnd}; kill -9 -- "-$1" 2>/dev/null`,
  /** PostgreSQL: fast shutdown, then immediate shutdown. */
  postgres: `trap "" INT TERM HUP; read -r _; kill -INT "$1" 2>/dev/null; ${waitForEnd}; kill -QUIT "$1" 2>/dev/null`,
} as const;

/**
 * Starts a guard beside a process, so that not even `kill -9` of this one leaves an orphan. The guard is a shell that waits
 * on a pipe which only this process holds. It ends with the process that it guards.
 */
export function guard(child: ChildProcess, kind: keyof typeof guards): void {
  const watcher = spawn('/bin/sh', ['-c', guards[kind], 'segue-guard', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
  });
  watcher.on('error', () => undefined);
  watcher.stdin?.on('error', () => undefined);
  watcher.unref();
  child.once('exit', () => {
    if (watcher.pid !== undefined) signalTo(-watcher.pid, 'SIGKILL');
  });
}

/** Promise of why a process ended, as text for people. */
export function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
}

/** Asks a process to end by a signal, waits, and kills its group when the deadline passes. */
export async function endProcess(
  child: ChildProcess,
  signal: NodeJS.Signals,
  deadlineMs: number,
): Promise<void> {
  if (child.pid === undefined) return;
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    const timer = setTimeout(() => killGroup(child), deadlineMs);
    child.kill(signal);
    await gone;
    clearTimeout(timer);
  }
  killGroup(child);
}

/** Kills a process and everything in its group. Only for processes that were started `detached`, as leaders of their own group. */
export function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined) signalTo(-child.pid, 'SIGKILL');
}
