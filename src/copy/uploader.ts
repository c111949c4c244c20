import { setTimeout as delay } from 'node:timers/promises';
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
import { type CopyHow, plainHow } from './how.ts';
import { copyQueue } from './queue.ts';

/** One segment to copy from this node's disk to the bucket. */
export interface CopyTask extends Packing {
  readonly renderId: string;
  readonly rendition: string;
  readonly n: number;
}

/**
 * What became of a task. `gone`: the segment is no longer on this disk, so there is nothing to copy. `refused`: it can never be
 * copied (the bucket has other bytes under its name), which the log tells. `withdrawn`: the policy does not want it any more.
 */
export type CopyOutcome = PutOutcome | 'gone' | 'refused' | 'withdrawn';

/** What copying needs. */
export interface UploaderOptions {
  readonly disk: DiskStore;
  readonly bucket: Bucket;
  readonly catalog: Catalog;
  readonly log: Log;
  /** Uploads at once, where a rule says nothing else. */
  readonly concurrency: number;
  /** Used part of the CPUs, 0 to 1. Default: none. */
  readonly cpu?: () => number;
  /** Called when a task has come to its end; `stored` and `was-there` only after the copy is recorded. Must not throw. */
  readonly onCopied: (task: CopyTask, outcome: CopyOutcome, bytes: number, seconds: number) => void;
  /** Called for each try that failed and is followed by another. Must not throw. */
  readonly onFailed?: (error: unknown) => void;
  /** Called where the segment was found damaged on the disk. Must not throw. */
  readonly onDamaged?: (task: CopyTask) => void;
  /** Called when a task joins the queue. Must not throw. */
  readonly onQueued?: (task: CopyTask) => void;
  /** Called when a task leaves the queue, however it ended. Must not throw. */
  readonly onSettled?: (task: CopyTask) => void;
}

/** A segment that is to be copied, and how. */
export interface PlannedCopy {
  readonly task: CopyTask;
  readonly how: CopyHow;
}

/** The background copier of a node. */
export interface Uploader {
  /** Queues a segment, whatever plans say. Returns false for one that is queued already. */
  enqueue(task: CopyTask, how?: CopyHow): boolean;
  /** Queues what is to be copied of a render, and withdraws what an earlier plan wanted and this one does not. */
  plan(renderId: string, planned: readonly PlannedCopy[]): void;
  /** Tasks waiting or running. Bounded by the segments on the disk. */
  readonly pending: number;
  /** Resolves when nothing is pending, or when `signal` aborts. */
  idle(signal: AbortSignal): Promise<void>;
  /** Ends the running tries; what was not copied is found again at the next start. */
  stop(): Promise<void>;
}

const waits = { first: 250, longest: 15_000 };

/** What waits is looked at again so often where something else than a slot keeps it, in milliseconds. */
const lookMs = 200;

/** A task on its way. */
interface Running {
  readonly task: CopyTask;
  how: CopyHow;
  /** What succeeded once is not tried again. */
  stored?: { readonly outcome: PutOutcome; readonly bytes: number };
  isWithdrawn?: true;
}

/**
 * Starts copying. There is one layer of retry: each task is tried again with backoff and jitter until it succeeds or the
 * uploader stops. A bucket that is away thereby holds as many tasks as there are slots, and delays copying, nothing else.
 */
export function startUploader(options: UploaderOptions): Uploader {
  const { disk, bucket, catalog, log } = options;
  const queue = copyQueue<CopyTask>({
    slots: options.concurrency,
    cpu: options.cpu ?? (() => 0),
    now: () => performance.now(),
  });
  const running = new Map<string, Running>();
  /** Keys of what plans want, by render: only that may be withdrawn. */
  const planned = new Map<string, Set<string>>();
  const ended = new AbortController();
  const failures = new FailureLog(log, 'copying to the bucket');
  let empty: PromiseWithResolvers<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  /** One try: read, PUT, verify; then the row. */
  const copyOnce = async (work: Running): Promise<{ outcome: CopyOutcome; bytes: number }> => {
    const { task, how } = work;
    const { renderId, rendition, n } = task;
    if (work.stored === undefined) {
      const known = disk.facts(renderId, rendition, n) !== undefined;
      const segment = await disk.read(renderId, rendition, n);
      if (segment === undefined) {
        if (known) options.onDamaged?.(task);
        return { outcome: 'gone', bytes: 0 };
      }
      const { data } = segment;
      const { storageClass, tags, partBytes } = how;
      const outcome = await bucket.put(
        {
          key: keyOf(task),
          data,
          contentType: mediaType(task),
          cacheControl: immutable,
          storageClass,
          tags,
          partBytes,
        },
        ended.signal,
      );
      work.stored = { outcome, bytes: data.byteLength };
    }
    await recordCopies(catalog.db, renderId, rendition, bucketPlace, [[n, n + 1]]);
    return work.stored;
  };

  /** Returns how many bytes were sent. */
  const copyAtLast = async (work: Running): Promise<number> => {
    const { task } = work;
    const started = performance.now();
    for (let tries = 1; !ended.signal.aborted; tries += 1) {
      try {
        // What is in the bucket gets its row, whatever the policy wants by now.
        const isDropped = work.isWithdrawn === true && work.stored === undefined;
        const { outcome, bytes } = isDropped
          ? ({ outcome: 'withdrawn', bytes: 0 } as const)
          : await copyOnce(work);
        failures.succeeded();
        const ms = Math.round(performance.now() - started);
        const said = outcome === 'gone' || outcome === 'withdrawn' ? 'nothing to copy' : 'segment copied';
        log.info({ ...task, outcome, bytes, ms }, said);
        options.onCopied(task, outcome, bytes, ms / 1000);
        return bytes;
      } catch (error) {
        if (ended.signal.aborted) return 0;
        if (error instanceof SegueError && !error.retryable) {
          log.error({ err: error, hint: error.hint, ...task }, 'segment cannot be copied');
          options.onCopied(task, 'refused', 0, (performance.now() - started) / 1000);
          return 0;
        }
        const wait = backoff(tries, waits);
        failures.failed(error, wait);
        options.onFailed?.(error);
        await delay(wait, undefined, { signal: ended.signal }).catch(() => undefined);
      }
    }
    return 0;
  };

  const settled = (key: string, task: CopyTask): void => {
    planned.get(task.renderId)?.delete(key);
    if (planned.get(task.renderId)?.size === 0) planned.delete(task.renderId);
    options.onSettled?.(task);
    if (running.size + queue.size === 0) {
      empty?.resolve();
      empty = undefined;
    }
  };
  const start = (key: string, task: CopyTask, how: CopyHow): void => {
    const work: Running = { task, how };
    running.set(key, work);
    let sent = 0;
    copyAtLast(work)
      .then((bytes) => (sent = bytes))
      .catch((error: unknown) => log.error({ err: error }, 'copying failed'))
      .finally(() => {
        running.delete(key);
        queue.ended(how, sent);
        settled(key, task);
        pump();
      });
  };
  /** Starts what may go; what something else than a slot keeps is looked at again. */
  const pump = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (ended.signal.aborted) return;
    for (let next = queue.next(); next !== undefined; next = queue.next())
      start(next.key, next.item, next.how);
    if (queue.size > 0) timer = setTimeout(pump, lookMs);
  };
  const isKnown = (key: string): boolean => queue.has(key) || running.has(key);
  const put = (task: CopyTask, how: CopyHow): boolean => {
    const key = keyOf(task);
    const work = running.get(key);
    if (work !== undefined) {
      work.how = how;
      delete work.isWithdrawn;
      return false;
    }
    const isNew = !queue.has(key);
    queue.set(key, task, how);
    if (isNew) options.onQueued?.(task);
    return isNew;
  };

  return {
    enqueue(task, how = plainHow) {
      const key = keyOf(task);
      if (ended.signal.aborted || isKnown(key)) return false;
      put(task, how);
      pump();
      return true;
    },
    plan(renderId, wanted) {
      if (ended.signal.aborted) return;
      const before = planned.get(renderId) ?? new Set<string>();
      const now = new Map(wanted.map((one) => [keyOf(one.task), one]));
      // What was queued whatever plans say stays so.
      const mine = new Set([...now.keys()].filter((key) => before.has(key) || !isKnown(key)));
      if (mine.size > 0) planned.set(renderId, mine);
      else planned.delete(renderId);
      for (const [key, { task, how }] of now) if (mine.has(key)) put(task, how);
      for (const key of before) {
        if (now.has(key)) continue;
        const work = running.get(key);
        if (work !== undefined) work.isWithdrawn = true;
        const task = queue.get(key);
        if (task !== undefined && queue.delete(key)) settled(key, task);
      }
      pump();
    },
    get pending() {
      return queue.size + running.size;
    },
    async idle(signal) {
      while (queue.size + running.size > 0 && !signal.aborted) {
        empty ??= Promise.withResolvers<void>();
        await orAborted(empty.promise, signal);
      }
    },
    async stop() {
      ended.abort();
      clearTimeout(timer);
      queue.clear();
      while (running.size > 0) {
        empty ??= Promise.withResolvers<void>();
        await empty.promise;
      }
    },
  };
}

const keyOf = ({ renderId, rendition, n, container }: CopyTask): string =>
  segmentName(renderId, rendition, n, container);

/** Waits for `work`, or until the signal aborts; leaves no listener behind. */
export async function orAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const aborted = Promise.withResolvers<void>();
  const resolve = (): void => aborted.resolve();
  signal.addEventListener('abort', resolve, { once: true });
  await Promise.race([work, aborted.promise]);
  signal.removeEventListener('abort', resolve);
}
