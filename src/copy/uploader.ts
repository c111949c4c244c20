import { setTimeout as delay } from 'node:timers/promises';
import PQueue from 'p-queue';
import type { Catalog } from '../catalog/connect.ts';
import { recordCopies } from '../catalog/copies.ts';
import { bucketPlace } from '../catalog/schema.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import { backoff, FailureLog } from '../ops/loop.ts';
import type { Bucket } from '../store/bucket.ts';
import type { DiskStore } from '../store/disk.ts';
import { immutable, mediaType, segmentName } from '../store/names.ts';

/** One segment to copy from this node's disk to the bucket. */
export interface CopyTask {
  readonly renderId: string;
  readonly rendition: string;
  readonly kind: 'video' | 'audio';
  readonly n: number;
}

/** What became of a task. `gone`: the segment is no longer on this disk, so there is nothing to copy. */
export type CopyOutcome = 'stored' | 'was-there' | 'gone' | 'refused';

/** What copying needs. */
export interface UploaderOptions {
  readonly disk: DiskStore;
  readonly bucket: Bucket;
  readonly catalog: Catalog;
  readonly log: Log;
  /** Uploads at once. */
  readonly concurrency: number;
  /** Called after a copy is recorded. Must not throw. */
  readonly onCopied: (task: CopyTask, outcome: CopyOutcome, bytes: number, seconds: number) => void;
  /** Called when a task leaves the queue, however it ended. Must not throw. */
  readonly onSettled?: (task: CopyTask) => void;
}

/** The background copier of a node. */
export interface Uploader {
  /** Queues a segment. Returns false for one that is queued already. */
  enqueue(task: CopyTask): boolean;
  /** One try of one task, without retry: read, PUT, verify, record. */
  copyOnce(task: CopyTask, signal?: AbortSignal): Promise<CopyOutcome>;
  /** Tasks waiting or running. Bounded by the segments on the disk. */
  readonly pending: number;
  /** Resolves when nothing is pending, or when `signal` aborts. */
  idle(signal: AbortSignal): Promise<void>;
  /** Ends the running tries; what was not copied is found again at the next start. */
  stop(): Promise<void>;
}

const waits = { first: 250, longest: 15_000 };

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

  const copyOnce = async (task: CopyTask, signal: AbortSignal = ended.signal): Promise<CopyOutcome> => {
    const { renderId, rendition, n } = task;
    const started = performance.now();
    const segment = await disk.read(renderId, rendition, n);
    if (segment === undefined) return 'gone';
    const key = segmentName(renderId, rendition, n);
    const outcome = await bucket.put(
      { key, data: segment.data, contentType: mediaType(task.kind), cacheControl: immutable },
      signal,
    );
    await recordCopies(catalog.db, renderId, rendition, bucketPlace, [[n, n + 1]]);
    const seconds = (performance.now() - started) / 1000;
    log.info(
      { renderId, rendition, n, outcome, bytes: segment.data.byteLength, ms: Math.round(seconds * 1000) },
      'segment copied',
    );
    options.onCopied(task, outcome, segment.data.byteLength, seconds);
    return outcome;
  };

  const copyAtLast = async (task: CopyTask): Promise<void> => {
    for (let tries = 1; !ended.signal.aborted; tries += 1) {
      try {
        await copyOnce(task);
        failures.succeeded();
        return;
      } catch (error) {
        if (ended.signal.aborted) return;
        if (error instanceof SegueError && !error.retryable) {
          log.error({ err: error, hint: error.hint, ...task }, 'segment cannot be copied');
          return;
        }
        const wait = backoff(tries, waits);
        failures.failed(error, wait);
        await delay(wait, undefined, { signal: ended.signal }).catch(() => undefined);
      }
    }
  };

  return {
    enqueue(task) {
      const key = segmentName(task.renderId, task.rendition, task.n);
      if (queued.has(key) || ended.signal.aborted) return false;
      queued.add(key);
      queue
        .add(() => copyAtLast(task))
        .finally(() => {
          queued.delete(key);
          options.onSettled?.(task);
        })
        .catch((error: unknown) => log.error({ err: error }, 'copying failed'));
      return true;
    },
    copyOnce,
    get pending() {
      return queued.size;
    },
    async idle(signal) {
      const aborted = new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      await Promise.race([queue.onIdle(), aborted]);
    },
    async stop() {
      ended.abort();
      queue.clear();
      await queue.onIdle();
    },
  };
}
