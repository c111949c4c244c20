import { Worker } from 'node:worker_threads';
import { SegueError } from '../../ops/errors.ts';
import type { ModuleLimits } from './job.ts';
import type { ModuleReply, ModuleRequest, ModuleWorkerData } from './protocol.ts';

/**
 * What a module may do (Node's permission model): read files, its own among them, and draw. It starts no process or further thread, which
 * would outlive it, and writes no file.
 */
const allowed = ['--permission', '--allow-fs-read=*', '--allow-addons'] as const;

/** A module running in a worker thread of its own. */
export interface RunningModule extends Disposable {
  readonly hasAudio: boolean;
  /** Pixels of frame n: RGBA over black. `into`, the array of an earlier frame that is done with, is taken over. */
  frame(n: number, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** Samples from..to: 32-bit floats, interleaved stereo. */
  audio(from: number, to: number): Promise<Uint8Array<ArrayBuffer>>;
}

function transferOf(request: ModuleRequest): ArrayBuffer[] {
  return request.kind === 'frame' && request.into !== undefined ? [request.into.buffer] : [];
}

/** One call at a time to a worker: its answer, or why there is none. */
function caller(worker: Worker, name: string, signal: AbortSignal) {
  let place = 'while loading';
  let pending: PromiseWithResolvers<ModuleReply> | undefined;
  let dead: Error | undefined;
  const error = (message: string, cause?: unknown) =>
    new SegueError('render_failed', `Module "${name}" ${place}: ${message}`, {
      cause,
      hint: 'The fault is in the module, not in the description.',
      retryable: false,
    });
  const die = (reason: Error) => {
    dead ??= reason;
    pending?.reject(dead);
    void worker.terminate();
  };
  worker.on('message', (reply: ModuleReply) => {
    if (reply.kind === 'failed') pending?.reject(error(reply.message, new Error(reply.stack)));
    else pending?.resolve(reply);
  });
  worker.on('error', (cause) => die(error(cause.message, cause)));
  worker.on('exit', (code) => die(error(`its thread ended (exit code ${code})`)));
  const onAbort = () => {
    const reason: unknown = signal.reason;
    die(error(reason instanceof Error ? reason.message : 'stopped', reason));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();

  const call = async (where: string, limit: number, request?: ModuleRequest): Promise<ModuleReply> => {
    if (dead !== undefined) throw dead;
    place = where;
    pending = Promise.withResolvers<ModuleReply>();
    const timer = setTimeout(() => die(error(`took longer than ${limit / 1000} s`)), limit);
    try {
      if (request !== undefined) worker.postMessage(request, transferOf(request));
      return await pending.promise;
    } finally {
      clearTimeout(timer);
      pending = undefined;
    }
  };
  // Not awaited: a thread in a loop that V8 cannot interrupt never ends.
  const dispose = () => {
    signal.removeEventListener('abort', onAbort);
    void worker.terminate();
  };
  return { call, dispose };
}

/**
 * Starts a module in a worker thread with its own heap limit, an empty environment and time limits. The thread ends with
 * the handle, with the signal, and at the first call that takes too long.
 * @throws SegueError `render_failed` that names the module and the frame, also when aborted
 */
export async function runModule(
  name: string,
  data: ModuleWorkerData,
  signal: AbortSignal,
  limits: ModuleLimits,
): Promise<RunningModule> {
  signal.throwIfAborted();
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: data,
    env: {},
    execArgv: [...allowed],
    argv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: limits.heap, maxYoungGenerationSizeMb: 16 },
  });
  worker.stdout.resume();
  worker.stderr.resume();
  const { call, dispose } = caller(worker, name, signal);
  const bytes = async (where: string, request: ModuleRequest) => {
    const reply = await call(where, limits.call, request);
    if (reply.kind !== 'bytes') throw new SegueError('internal', `A module worker answered ${reply.kind}`);
    return reply.bytes;
  };
  try {
    const ready = await call('while loading', limits.load);
    return {
      hasAudio: ready.kind === 'ready' && ready.hasAudio,
      frame: (n, into) => bytes(`frame ${n}`, { kind: 'frame', n, ...(into === undefined ? {} : { into }) }),
      audio: (from, to) => bytes(`audio ${from} to ${to}`, { kind: 'audio', from, to }),
      [Symbol.dispose]: dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}
