import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** A process as it can be recognised later, when its number may belong to another one. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the words of the operating system; compared only for equality. */
  readonly started: string;
}

const linux = existsSync('/proc/self/stat');

function quiet(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function startOf(pid: number): string | undefined {
  if (!linux)
    return quiet(() =>
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)])
        .toString()
        .trim(),
    );
  const stat = quiet(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (stat === undefined) return undefined;
  // proc(5): the command in parentheses may hold anything; state is field 3, starttime field 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${boot}/${fields[19] ?? ''}`;
}

/** Identity of a living process; undefined when there is none (a zombie is none). */
export function identify(pid: number): ProcessIdentity | undefined {
  const started = startOf(pid);
  return started === undefined || started === '' ? undefined : { pid, started };
}

/** Whether exactly this process still lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  return startOf(identity.pid) === identity.started;
}

/** Command line of a process, words joined by blanks; undefined when there is none. */
export function commandOf(pid: number): string | undefined {
  if (linux) return quiet(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim());
  return quiet(() =>
    execFileSync('ps', ['-o', 'command=', '-p', String(pid)])
      .toString()
      .trim(),
  );
}

/** Sends a signal to a process, or to a whole group as `-pid`; false when there is nobody left to receive it. */
export function signalTo(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}
