import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { promisify } from 'node:util';

/** Bounds that the operating system keeps a child process to, whatever it does. */
export interface ChildLimits {
  /** Bytes of its own memory: heap, mappings, stacks of its threads (RLIMIT_DATA). */
  readonly memoryBytes: number;
  /** Milliseconds that it may run; as CPU time on every core (RLIMIT_CPU), should nobody be left to end it. */
  readonly ms: number;
  /** Bytes of any file that it writes (RLIMIT_FSIZE). Pipes are no files. */
  readonly fileBytes: number;
}

/** A program with its arguments. */
export interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
}

/** Most bytes of a file that a child may write which is there to write to pipes. */
export const childFileBytes = 65_536;

const execute = promisify(execFile);

/** Where util-linux puts it. It sets limits and then becomes the program, so that no shell and no further process is needed. */
const places = ['/usr/bin/prlimit', '/bin/prlimit', '/usr/local/bin/prlimit'] as const;

const options = ({ memoryBytes, ms, fileBytes }: ChildLimits): string[] => [
  `--data=${Math.ceil(memoryBytes)}`,
  `--cpu=${Math.ceil(ms / 1000) * availableParallelism()}`,
  `--fsize=${Math.floor(fileBytes)}`,
  '--core=0',
];

/** Limits that nobody asks more than: may they be set, all others may. */
const highest: ChildLimits = { memoryBytes: 2 ** 40, ms: 3_600_000, fileBytes: 2 ** 40 };

async function findLimiter(): Promise<string | undefined> {
  const path = process.platform === 'linux' ? places.find((place) => existsSync(place)) : undefined;
  if (path === undefined) return undefined;
  // Where the operator's own limits are lower, raising them is refused, and theirs hold.
  const works = execute(path, [...options(highest), '--', path, '--version'], { timeout: 10_000 });
  return works.then(
    () => path,
    () => undefined,
  );
}

let found: Promise<string | undefined> | undefined;

/** Path of `prlimit`, where it works here; undefined on other systems, and where limits may not be set. */
export function limiter(): Promise<string | undefined> {
  found ??= findLimiter();
  return found;
}

/** The command line that runs a program within limits; without them where nothing can set any. */
export async function limited(
  command: string,
  args: readonly string[],
  limits: ChildLimits,
): Promise<CommandLine> {
  const prlimit = await limiter();
  if (prlimit === undefined) return { command, args };
  return { command: prlimit, args: [...options(limits), '--', command, ...args] };
}

const mebibyte = 2 ** 20;

/**
 * Memory that one of `count` children may have when nobody has said it: together three quarters of what this machine, or the
 * container, has. What a small machine has too little of fails there, and is made on another one.
 */
export function childMemory(count: number): number {
  // 0: no container, or one without a bound.
  const contained = process.constrainedMemory();
  const all = contained > 0 ? Math.min(totalmem(), contained) : totalmem();
  return Math.min(8192 * mebibyte, Math.max(512 * mebibyte, (0.75 * all) / count));
}
