import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { signalTo } from '../../../src/ops/process-identity.ts';

const execute = promisify(execFile);

/** Milliseconds that a session may take unless the caller says otherwise. */
const defaultTimeout = 120_000;

/** A player's executable, if this machine has it. */
export interface Program {
  readonly path: string;
  /** Why it cannot be started here; undefined where it can. */
  readonly unavailable: string | undefined;
}

/** Looks for an executable: the variable (`MPV_PATH`) goes first, then PATH. */
export function findProgram(name: string, variable: string): Program {
  const given = process.env[variable];
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const path = (given === undefined ? folders.map((folder) => join(folder, name)) : [given]).find(executable);
  if (path !== undefined) return { path, unavailable: undefined };
  return {
    path: name,
    unavailable: `${given ?? `${name} on PATH`} cannot be executed (${variable} names one)`,
  };
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What the first match of `pattern` captures in what a program prints about itself. */
export async function askVersion(
  { path }: Program,
  flag: string,
  pattern: RegExp,
  options: { readonly uid?: number; readonly gid?: number } = {},
): Promise<string> {
  const { stdout } = await execute(path, [flag], { timeout: 15_000, ...options });
  const version = pattern.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`${path} ${flag} names no version: ${stdout.slice(0, 200)}`);
  return version;
}

/** How a program ended. */
export interface Exit {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly timedOut: boolean;
}

/** A program under way, in a process group of its own. */
export interface Running {
  readonly child: ChildProcess;
  /** Resolves when it is gone and everything it said has been read. */
  readonly exited: Promise<Exit>;
  /** Kills the whole group. */
  readonly kill: () => void;
}

/** Starts a program that is killed, with everything it started, when its time is over or this process ends. */
export function run(
  { path }: Program,
  args: readonly string[],
  {
    time = AbortSignal.timeout(defaultTimeout),
    ...options
  }: SpawnOptions & { readonly time?: AbortSignal | undefined },
): Running {
  const child = spawn(path, args, { ...options, detached: true });
  const kill = () => {
    if (child.pid !== undefined) signalTo(-child.pid, 'SIGKILL');
  };
  process.once('exit', kill);
  const state = { timedOut: false };
  const expire = () => {
    state.timedOut = true;
    kill();
  };
  time.addEventListener('abort', expire, { once: true });
  // It may have taken longer than that to come to here.
  if (time.aborted) expire();
  const exited = new Promise<Exit>((resolve) => {
    const over = (code: number | null) => {
      time.removeEventListener('abort', expire);
      process.off('exit', kill);
      // Nobody of the group outlives its leader.
      kill();
      resolve({ code: code ?? undefined, timedOut: state.timedOut });
    };
    child.once('close', over);
    child.once('error', () => over(null));
  });
  return { child, exited, kill };
}

/** Hands over a stream line by line. */
export function eachLine(stream: Readable | null | undefined, take: (line: string) => void): void {
  if (stream === null || stream === undefined) throw new Error('the program has no such stream');
  createInterface({ input: stream })
    .on('line', take)
    // Reset by a player that was killed.
    .on('error', () => undefined);
}

/** Collects at most `most` distinct things that a player said. */
export function complaints(most = 50): {
  readonly all: readonly string[];
  readonly add: (text: string) => void;
} {
  const all: string[] = [];
  return {
    all,
    add(text) {
      const line = text.trim();
      if (line !== '' && all.length < most && !all.includes(line)) all.push(line);
    },
  };
}
