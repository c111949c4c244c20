import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { childFileBytes, limited } from '../../ops/child-limits.ts';
import { SegueError } from '../../ops/errors.ts';
import { ffmpegEnvironment } from './environment.ts';
import { createProgress } from './progress.ts';

/** Bounds of one ffmpeg process. */
export interface RunLimits {
  /** Milliseconds without a frame, a byte out or a byte taken in. */
  readonly stall: number;
  /** Milliseconds in all. */
  readonly total: number;
  /** Bytes of memory of its own. Default: 4 GiB. */
  readonly memory?: number;
  /** Bytes of each file that it may write. Default: hardly any, as it writes to pipes. */
  readonly fileBytes?: number;
}

/** Bounds for a segment of a few seconds on a machine that is also doing other things. */
export const defaultRunLimits = { stall: 30_000, total: 300_000, memory: 4 * 2 ** 30 } as const;

/** One ffmpeg process. */
export interface Run {
  /** Executable. */
  readonly path: string;
  /** Arguments, given where its pipes are: `pipe:3` ... */
  readonly args: (pipes: {
    readonly outputs: readonly string[];
    readonly inputs: readonly string[];
  }) => string[];
  /** Takes what each output pipe brings. What it throws ends the run. */
  readonly outputs: readonly ((chunk: Uint8Array) => void)[];
  /** What is written into each input pipe. */
  readonly inputs: readonly ((signal: AbortSignal) => AsyncIterable<Uint8Array>)[];
  readonly limits?: RunLimits;
  /** Added to the process's niceness: 0 to 19. */
  readonly niceness?: number;
  /** Is told the CPU seconds that the process took, if it logs as {@link spentArguments} ask it to. */
  readonly onSpent?: (seconds: number) => void;
}

/** Has ffmpeg say what it took, at a level of log that {@link runFfmpeg} takes out of what it returns. */
export const spentArguments = ['-benchmark', '-loglevel', 'level+info'] as const;

const spentLine = /bench: utime=([\d.]+)s(?: stime=([\d.]+)s)?/;

/** Characters of stderr that are kept: the last ones, where the reason stands. */
const keptStderr = 8_192;

/** Milliseconds between SIGTERM and SIGKILL. */
const killGrace = 1_000;

/** Largest block of memory that ffmpeg asks for at once, in bytes: four frames of 8K with 16 bits for each of four planes. */
const largestBlock = 2 ** 30;

const firstPipe = 3;

/** Collects the last characters of what went wrong; lines that only inform are taken out, and the levels of the others. */
function tailOf(
  stream: Readable,
  onText: (text: string) => void,
): { text(): string; spent(): number | undefined } {
  let tail = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-keptStderr);
    onText(tail);
  });
  return {
    text: () =>
      tail
        .split('\n')
        .filter((line) => !line.includes('[info]'))
        .map((line) => line.replace(/\[(?:panic|fatal|error|warning)\] /, ''))
        .join('\n')
        .trim(),
    spent() {
      const [, user, system = 0] = spentLine.exec(tail) ?? [];
      return user === undefined ? undefined : Number(user) + Number(system);
    },
  };
}

/**
 * Writes what a feed gives, at the speed of the reader: a chunk is in the pipe before the next is asked for. A reader that
 * stops early is not an error here: its exit tells.
 */
async function feed(chunks: AsyncIterable<Uint8Array>, pipe: Writable, alive: () => void): Promise<void> {
  for await (const chunk of chunks) {
    const written = await new Promise<boolean>((resolve) => {
      // A destroyed pipe calls back with an error.
      pipe.write(chunk, (error) => resolve(error === null || error === undefined));
    });
    if (!written) return;
    alive();
  }
  pipe.end();
}

async function terminate(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), killGrace);
  await exited;
  clearTimeout(force);
}

function lower(child: ChildProcess, niceness: number): void {
  if (niceness === 0 || child.pid === undefined) return;
  try {
    setPriority(child.pid, niceness);
  } catch {
    // It has ended already, or the system knows no priorities: nothing depends on it.
  }
}

/** What a limit of memory looks like in ffmpeg's words. It may go on trying for ever, so it is ended at once. */
const outOfMemory = /Cannot allocate memory|malloc.*failed/i;

function unstartable(path: string, cause: unknown): SegueError {
  return new SegueError('render_failed', `ffmpeg does not start: ${path}`, {
    hint: 'Run `segue doctor` to see which ffmpeg is found.',
    cause,
  });
}

function tooMuchMemory(bytes: number): SegueError {
  const mebibytes = Math.round(bytes / 2 ** 20);
  return new SegueError(
    'render_failed',
    `ffmpeg needs more than ${mebibytes} MiB of memory for a segment of this`,
    {
      hint: 'Make it smaller, or with fewer layers and files at once; the operator may raise SEGUE_RENDER_MEMORY_BYTES.',
      retryable: false,
    },
  );
}

function failure(code: number | null, killedBy: NodeJS.Signals | null, stderr: string): SegueError {
  const how = killedBy === null ? `exit code ${code}` : `signal ${killedBy}`;
  const last = stderr.split('\n').at(-1) ?? '';
  if (last.startsWith('prlimit: failed to execute'))
    return unstartable(last.slice('prlimit: '.length), new Error(stderr));
  return new SegueError('render_failed', `ffmpeg failed (${how})${last === '' ? '' : `: ${last}`}`, {
    cause: new Error(stderr),
    // Out of memory or killed by hand: another try may well succeed. A bad argument stays bad.
    retryable: killedBy !== null,
  });
}

/**
 * Runs ffmpeg to its end and returns the last of its stderr. No process outlives the call: on abort, a stall, a failing
 * pipe or a time-out it gets SIGTERM, then SIGKILL.
 * @throws SegueError `render_failed` with ffmpeg's own words; the signal's reason when aborted; what an output or input throws
 */
export async function runFfmpeg(run: Run, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted();
  const {
    stall,
    total,
    memory = defaultRunLimits.memory,
    fileBytes = childFileBytes,
  }: RunLimits = run.limits ?? defaultRunLimits;
  const stop = new AbortController();
  const pipeNames = [...run.outputs, ...run.inputs].map((_, index) => `pipe:${firstPipe + index}`);
  const outputs = pipeNames.slice(0, run.outputs.length);
  const args = run.args({ outputs, inputs: pipeNames.slice(run.outputs.length) });
  const own = [
    '-hide_banner',
    '-nostdin',
    '-nostats',
    '-progress',
    'pipe:1',
    '-max_alloc',
    String(largestBlock),
  ];
  // It writes to pipes only.
  const limits = { memoryBytes: memory, ms: total, fileBytes };
  const { command, args: limitedArgs } = await limited(run.path, [...own, ...args], limits);
  signal?.throwIfAborted();
  const child = spawn(command, limitedArgs, {
    stdio: ['ignore', 'pipe', 'pipe', ...pipeNames.map(() => 'pipe' as const)],
    env: ffmpegEnvironment,
    windowsHide: true,
  });
  const fail = (reason: unknown) => {
    if (!stop.signal.aborted) stop.abort(reason);
  };
  const late = (what: string) => new SegueError('render_failed', `ffmpeg ${what}`, { retryable: true });
  const stallTimer = setTimeout(() => fail(late(`made no progress for ${stall / 1000} s`)), stall);
  const totalTimer = setTimeout(() => fail(late(`took longer than ${total / 1000} s`)), total);
  const onAbort = () => fail(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const alive = () => void stallTimer.refresh();
  const exited = once(child, 'close');
  try {
    // Without a pid the process never started: `error` follows, and there are no pipes to attach to.
    if (child.pid === undefined)
      await exited.catch((cause: unknown) => Promise.reject(unstartable(run.path, cause)));
    lower(child, run.niceness ?? 0);
    const stderr = tailOf(child.stderr as Readable, (text) => {
      if (outOfMemory.test(text)) fail(tooMuchMemory(memory));
    });
    (child.stdout as Readable).on('data', createProgress(alive));
    const pipes = child.stdio.slice(firstPipe) as (Readable & Writable)[];
    for (const pipe of pipes) pipe.on('error', () => pipe.destroy());
    run.outputs.forEach((take, index) => {
      pipes[index]?.on('data', (chunk: Buffer) => {
        alive();
        try {
          take(chunk);
        } catch (error) {
          fail(error);
        }
      });
    });
    const inputPipes = pipes.slice(run.outputs.length);
    child.once('exit', () => inputPipes.forEach((pipe) => pipe.destroy()));
    const feeding = run.inputs.map((bytes, index) =>
      feed(bytes(stop.signal), inputPipes[index] as Writable, alive).catch(fail),
    );
    const end = () => {
      // One that waits for input hears of SIGTERM only afterwards.
      for (const pipe of inputPipes) pipe.destroy();
      void terminate(child, exited);
    };
    stop.signal.addEventListener('abort', end, { once: true });
    const [code, killedBy] = (await exited) as [number | null, NodeJS.Signals | null];
    if (!stop.signal.aborted && code !== 0) fail(failure(code, killedBy, stderr.text()));
    await Promise.all(feeding);
    stop.signal.throwIfAborted();
    const spent = stderr.spent();
    if (spent !== undefined) run.onSpent?.(spent);
    return stderr.text();
  } finally {
    clearTimeout(stallTimer);
    clearTimeout(totalTimer);
    signal?.removeEventListener('abort', onAbort);
  }
}
