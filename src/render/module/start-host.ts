import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { childFileBytes, limited } from '../../ops/child-limits.ts';
import { SegueError } from '../../ops/errors.ts';
import type { ModuleJob } from './job.ts';
import { mediaIn } from './records.ts';

const hostScript = fileURLToPath(new URL('./host.ts', import.meta.url));

/** Small heaps: the frames are not in them. */
const nodeOptions = ['--max-semi-space-size=1', '--optimize-for-size'];

/** Longest that a host runs, in milliseconds: ffmpeg, which reads from it, is ended before. */
const hostMs = 600_000;

/** Memory that Node.js itself has set aside, used or not, in bytes. */
const nodeBytes = 2 ** 30;

/** What a module makes of one window. */
export interface HostedModule {
  /** Process id; undefined when it could not be started. */
  readonly pid: number | undefined;
  /** First the sound of the window, 32-bit float stereo; then its frames, 4 bytes a pixel; in pieces of any size. */
  readonly media: AsyncGenerator<Uint8Array>;
  /** Ends the process. Safe to call twice. */
  stop(): Promise<void>;
}

async function stopped(child: ChildProcess, closed: Promise<unknown>): Promise<void> {
  child.kill('SIGKILL');
  await closed.catch(() => undefined);
}

/**
 * Starts a process that runs a module over one window. It is killed when `signal` is aborted, by `stop`, and ends by itself
 * when this process does. `onSpent` is told the CPU seconds that it took, once it has made everything.
 */
export async function startHost(
  job: ModuleJob,
  signal: AbortSignal,
  onSpent?: (seconds: number) => void,
): Promise<HostedModule> {
  signal.throwIfAborted();
  // The host itself watches its memory, and can say so; this is for what is quicker than it looks. It writes to its pipe only.
  const limits = {
    memoryBytes: job.limits.memory * 2 ** 20 + nodeBytes,
    ms: hostMs,
    fileBytes: childFileBytes,
  };
  const { command, args } = await limited(process.execPath, [...nodeOptions, hostScript], limits);
  signal.throwIfAborted();
  const child = spawn(command, args, {
    stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
    env: {},
    windowsHide: true,
  });
  const closed = once(child, 'close');
  closed.catch(() => undefined);
  const stop = () => stopped(child, closed);
  const onAbort = () => void stop();
  signal.addEventListener('abort', onAbort, { once: true });
  void closed.finally(() => signal.removeEventListener('abort', onAbort)).catch(() => undefined);
  // A host that ended early closes its stdin; that it ended is noticed below.
  const stdin = child.stdin as Writable;
  stdin.on('error', () => undefined);
  stdin.write(`${JSON.stringify(job)}\n`);

  async function* media(): AsyncGenerator<Uint8Array> {
    try {
      if (child.pid === undefined) await closed;
      yield* mediaIn(child.stdio[3] as Readable, onSpent);
      signal.throwIfAborted();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SegueError) throw error;
      throw new SegueError('render_failed', `Module "${job.name}" cannot be run`, { cause: error });
    } finally {
      await stop();
    }
  }
  return { pid: child.pid, media: media(), stop };
}
