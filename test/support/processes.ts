import { readdirSync, readFileSync } from 'node:fs';
import { commandOf, identify, isAlive, type ProcessIdentity } from '../../src/ops/process-identity.ts';
import { until } from './wait.ts';

/** A process as tests look at it (Linux). */
export interface SeenProcess extends ProcessIdentity {
  readonly command: string;
}

function quiet(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function seen(pid: number): SeenProcess[] {
  const identity = identify(pid);
  return identity === undefined ? [] : [{ ...identity, command: commandOf(pid) ?? '' }];
}

function numbers(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid);
}

/** Living processes that mention a data folder in their command line or environment. */
export function processesOf(dataFolder: string): SeenProcess[] {
  const mentions = (pid: number) =>
    ['cmdline', 'environ'].some((file) => quiet(`/proc/${pid}/${file}`).includes(dataFolder));
  return numbers().filter(mentions).flatMap(seen);
}

/** A process and everything that it started, directly or not. */
export function descendants(pid: number): SeenProcess[] {
  const parents = new Map(numbers().map((child) => [child, parentOf(child)]));
  const found = new Set([pid]);
  for (let before = 0; before < found.size; ) {
    before = found.size;
    for (const [child, parent] of parents) if (found.has(parent)) found.add(child);
  }
  return [...found].flatMap(seen);
}

function parentOf(pid: number): number {
  const stat = quiet(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** Waits until none of these processes lives. @throws with the command lines of those that do. */
export async function assertGone(look: () => readonly SeenProcess[], timeout = 60_000): Promise<void> {
  await until(() => look().length === 0, { what: 'no process is left', timeout }).catch(() => {
    const left = look().map(({ pid, command }) => `${pid} ${command.slice(0, 150)}`);
    if (left.length > 0) throw new Error(`processes are left:\n${left.join('\n')}`);
  });
}

/** Those of some processes that still live. */
export function living(processes: readonly SeenProcess[]): SeenProcess[] {
  return processes.filter(isAlive);
}
