import { setTimeout as delay } from 'node:timers/promises';
import PQueue from 'p-queue';
import type { Catalog } from '../catalog/connect.ts';
import { recordCopies } from '../catalog/copies.ts';
import { bucketPlace } from '../catalog/schema.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import { backoff, FailureLog } from '../ops/loop.ts';
import type { Packing } from '../rendition/kind.ts';
import { mediaType } from '../rendition/kind.ts';
import type { Bucket, PutOutcome } from '../store/bucket.ts';
import type { DiskStore } from '../store/disk.ts';
import { immutable, segmentName } from '../store/names.ts';

/** One segment to copy from this node's disk to the bucket. */
export interface CopyTask extends Packing {
  readonly renderId: string;
  readonly rendition: string;
  readonly n: number;
}

/**
 * What became of a task. `gone`: the segment is no longer on this disk, so there is nothing to copy. `refused`: it can never be
 * copied (the bucket has other bytes under its name), which the log tells.
 */
export type CopyOutcome = PutOutcome | 'gone' | 'refused';

/** What copying needs. */
export interface UploaderOptions {
  readonly disk: DiskStore;
  readonly bucket: Bucket;
  readonly catalog: Catalog;
  readonly log: Log;
  /** Uploads at once. */
  readonly concurrency: number;
  /** Called when a task has come to its end; `stored` and `was-there` only after the copy is recorded. Must not throw. */
  readonly onCopied: (task: CopyTask, outcome: CopyOutcome, bytes: number, seconds: number) => void;
  /** Called for each try that failed and is followed by another. Must not throw. */
  readonly onFailed?: (error: unknown) => void;
  /** Called where the segment was found damaged on the disk. Must not throw. */
  readonly onDamaged?: (task: CopyTask) => void;
  /** Called when a task leaves the queue, however it ended. Must not throw. */
  readonly onSettled?: (task: CopyTask) => void;
}

/** The background copier of a node. */
export interface Uploader {
  /** Queues a segment. Returns false for one that is queued already. */
  enqueue(task: CopyTask): boolean;
  /** Tasks waiting or running. Bounded by the segments on the disk. */
  readonly pending: number;
  /** Resolves when nothing is pending, or when `signal` aborts. */
  idle(signal: AbortSignal): Promise<void>;
  /** Ends the running tries; what was not copied is found again at the next start. */
  stop(): Promise<void>;
}

const waits = { first: 250, longest: 15_000 };

/** How far a task has come: what succeeded once is not tried again. */
interface Progress {
  stored?: { readonly outcome: PutOutcome; readonly bytes: number };
}

/**
 * Starts copying. There is one layer of retry: each task is tried again with backoff and jitter until it succeeds or the
 * uploader stops. A bucket that is away thereby holds as many tasks as there are slots, and delays copying, nothing else.
 */
export function startUploader(options: UploaderOptions): Uploader {
  const { disk, bucket, catalog, log } = options;
  const queue = new PQueue({ concurrency: options.concurrency });
  const queued = new Set<string>();
  const ended = new AbortController();
  const failures = new FailureLog(log, 'copying to the bucket');

  /** One try: read, PUT, verify; then the row. */
  const copyOnce = async (
    task: CopyTask,
    progress: Progress,
  ): Promise<{ outcome: CopyOutcome; bytes: number }> => {
    const { renderId, rendition, n } = task;
    if (progress.stored === undefined) {
      const known = disk.facts(renderId, rendition, n) !== undefined;
      const segment = await disk.read(renderId, rendition, n);
      if (segment === undefined) {
        if (known) options.onDamaged?.(task);
        return { outcome: 'gone', bytes: 0 };
      }
      const key = segmentName(renderId, rendition, n, task.container);
      const outcome = await bucket.put(
        { key, data: segment.data, contentType: mediaType(task), cacheControl: immutable },
        ended.signal,
      );
      progress.stored = { outcome, bytes: segment.data.byteLength };
    }
    await recordCopies(catalog.db, renderId, rendition, bucketPlace, [[n, n + 1]]);
    return progress.stored;
  };

  const copyAtLast = async (task: CopyTask): Promise<void> => {
    const started = performance.now();
    const progress: Progress = {};
    for (let tries = 1; !ended.signal.aborted; tries += 1) {
      try {
        const { outcome, bytes } = await copyOnce(task, progress);
        failures.succeeded();
        const ms = Math.round(performance.now() - started);
        log.info({ ...task, outcome, bytes, ms }, outcome === 'gone' ? 'nothing to copy' : 'segment copied');
        options.onCopied(task, outcome, bytes, ms / 1000);
        return;
      } catch (error) {
        if (ended.signal.aborted) return;
        if (error instanceof SegueError && !error.retryable) {
          log.error({ err: error, hint: error.hint, ...task }, 'segment cannot be copied');
          options.onCopied(task, 'refused', 0, (performance.now() - started) / 1000);
          return;
        }
        const wait = backoff(tries, waits);
        failures.failed(error, wait);
        options.onFailed?.(error);
        await delay(wait, undefined, { signal: ended.signal }).catch(() => undefined);
      }
    }
  };

  return {
    enqueue(task) {
      const key = segmentName(task.renderId, task.rendition, task.n, task.container);
      if (queued.has(key) || ended.signal.aborted) return false;
      queued.add(key);
      queue
        .add(() => copyAtLast(task))
        .finally(() => {
          queued.delete(key);
          options.onSettled?.(task);
        })
        .catch((error: unknown) => {
          // Stopping clears the queue.
          if (!ended.signal.aborted) log.error({ err: error }, 'copying failed');
        });
      return true;
    },
    get pending() {
      return queued.size;
    },
    idle: (signal) => orAborted(queue.onIdle(), signal),
    async stop() {
      ended.abort();
      queue.clear();
      await queue.onIdle();
    },
  };
}

/** Waits for `work`, or until the signal aborts; leaves no listener behind. */
export async function orAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const aborted = Promise.withResolvers<void>();
  const resolve = (): void => aborted.resolve();
  signal.addEventListener('abort', resolve, { once: true });
  await Promise.race([work, aborted.promise]);
  signal.removeEventListener('abort', resolve);
}
