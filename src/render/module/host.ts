/**
 * The process in which a module runs, in a worker thread. The thread has limits on heap and time; the process is there for
 * what a thread cannot promise: some loops cannot be interrupted in V8, native memory has no limit, a crash in native code
 * takes the whole process. This one can always be killed, and takes nothing of the node with it.
 */
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { sampleRate } from '../../grid/grid.ts';
import { hostPipe, type ModuleJob, recordHeader } from './job.ts';
import { framesOf, soundOf } from './media.ts';
import { runModule } from './run.ts';

/** Milliseconds between looks at the memory. */
const watchInterval = 100;

/** `process.exit` would wait for a thread that may never end. */
const end = () => process.kill(process.pid, 'SIGKILL');

const pipe = new Socket({ fd: hostPipe, readable: false, writable: true });
// The node has gone or has lost interest.
pipe.on('error', end);

function write(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    pipe.write(bytes, () => resolve());
  });
}

async function record(kind: 'media' | 'failed', bytes: Uint8Array): Promise<void> {
  await write(recordHeader(kind, bytes.byteLength));
  await write(bytes);
}

async function make({ name, data, window, limits }: ModuleJob, signal: AbortSignal): Promise<void> {
  const module = await runModule(name, data, signal, limits);
  const last = Math.round((data.frameCount * sampleRate) / data.fps);
  await record('media', await soundOf(module, window, last));
  for await (const pixels of framesOf(module, window)) await record('media', pixels);
  const { user, system } = process.cpuUsage();
  await write(recordHeader('spent', Math.round((user + system) / 1000)));
}

/** Aborts when the process holds more than `megabytes`. */
function watchMemory(megabytes: number): AbortSignal {
  const exceeded = new AbortController();
  setInterval(() => {
    if (process.memoryUsage.rss() <= megabytes * 2 ** 20) return;
    exceeded.abort(new Error(`more than ${megabytes} MB of memory`));
  }, watchInterval);
  return exceeded.signal;
}

const input = createInterface({ input: process.stdin });
// The node keeps stdin open as long as it lives and wants frames.
input.once('close', end);
input.once('line', (line) => {
  const job = JSON.parse(line) as ModuleJob;
  make(job, watchMemory(job.limits.memory))
    .catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      return record('failed', new TextEncoder().encode(message));
    })
    .then(() => pipe.end(end), end);
});
