import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { childFileBytes, limited } from '../ops/child-limits.ts';
import { SegueError } from '../ops/errors.ts';

/** What ffmpeg said and how it ended. */
export interface FfmpegRun {
  /** 0 where it succeeded. */
  readonly exitCode: number | null;
  /** The first 64 KiB of what it logged: what it says about its inputs. */
  readonly log: string;
  /** The last lines of what it logged: what went wrong. */
  readonly lastLines: string;
}

const logBytes = 65_536;

/** Memory of a process that looks at somebody's file, in bytes: a decoder of 8K with all its reference frames has room. */
const memoryBytes = 3 * 2 ** 30;
/** Largest block that it asks for at once, in bytes. */
const largestBlock = 2 ** 30;
/** No caller lets it run for longer, in milliseconds. */
const longestMs = 600_000;
/** Exit codes of `prlimit` where the program cannot be run (126) or found (127). */
const notStarted = new Set<number | null>([126, 127]);

/**
 * Runs ffmpeg to its end and hands over its standard output as it comes. It gets arguments, never a shell, and may write no file
 * above `fileBytes`. Throws SegueError `configuration` where it cannot be started and the signal's reason when it is
 * aborted; the process is gone by then.
 */
export async function runFfmpeg(
  ffmpegPath: string,
  args: readonly string[],
  onOutput: (chunk: Buffer) => void,
  signal: AbortSignal,
  fileBytes = childFileBytes,
): Promise<FfmpegRun> {
  signal.throwIfAborted();
  const own = ['-hide_banner', '-nostdin', '-max_alloc', String(largestBlock)];
  const limits = { memoryBytes, ms: longestMs, fileBytes };
  const { command, args: limitedArgs } = await limited(ffmpegPath, [...own, ...args], limits);
  signal.throwIfAborted();
  const child = spawn(command, limitedArgs, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Nothing of Segue's own; a locale in which numbers have a decimal point.
    env: { LC_ALL: 'C', AV_LOG_FORCE_NOCOLOR: '1' },
  });
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  let head = '';
  let tail = '';
  child.stdout.on('data', onOutput);
  child.stderr.on('data', (chunk: Buffer) => {
    const text = chunk.toString('latin1');
    if (head.length < logBytes) head += text;
    tail = (tail + text).slice(-2048);
  });
  try {
    const [exitCode] = (await once(child, 'close')) as [number | null];
    signal.throwIfAborted();
    if (command !== ffmpegPath && notStarted.has(exitCode) && tail.startsWith('prlimit: '))
      throw new Error(tail.trim());
    return { exitCode, log: head, lastLines: tail.trim().split('\n').slice(-2).join('; ') };
  } catch (error) {
    signal.throwIfAborted();
    throw new SegueError('configuration', `ffmpeg cannot be started: ${ffmpegPath}`, {
      cause: error,
      hint: 'Set FFMPEG_PATH, or run "segue doctor".',
    });
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
