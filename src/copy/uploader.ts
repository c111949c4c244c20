import { setTimeout as delay } from 'node:timers/promises';
import type { Catalog } from '../catalog/connect.ts';
import { recordCopies } from '../catalog/copies.ts';
import { bucketPlace } from '../catalog/schema.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import { backoff, FailureLog } from '../ops/loop.ts';
import type { TraceHeaders, Tracing } from '../ops/trace.ts';
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
  /** The span that made it. */
  readonly trace?: TraceHeaders | undefined;
}

/** Tasks by what they do: wait for their turn, run, or rest after a failure. */
export interface CopyStates {
  readonly waiting: number;
  readonly running: number;
  readonly resting: number;
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
  readonly tracing?: Tracing | undefined;
}

/** A segment that is to be copied, and how. */
export interface PlannedCopy {
  readonly task: CopyTask;
  readonly how: CopyHow;
}

/** The background copier of a node. */
export interface Uploader {
  /**
   * Queues a segment, whatever plans say. Returns false for one that is queued already: no plan withdraws it from then on, and
   * it is urgent where `how` is.
   */
  enqueue(task: CopyTask, how?: CopyHow): boolean;
  /**
   * Queues what is to be copied of a render, has what is queued go as planned now, and withdraws what an earlier plan wanted
   * and this one does not.
   */
  plan(renderId: string, planned: readonly PlannedCopy[]): void;
  /** Tasks waiting or running. Bounded by the segments on the disk. */
  readonly pending: number;
  /** The same tasks by state. */
  readonly states: CopyStates;
  /** Resolves when nothing is pending, or when `signal` aborts. */
  idle(signal: AbortSignal): Promise<void>;
  /** Ends the running tries; what was not copied is found again at the next start. */
  stop(): Promise<void>;
}

const waits = { first: 250, longest: 15_000 };

/** What waits is looked at again so often where something else than a slot keeps it, in milliseconds. */
const lookMs = 200;

/** A task that failed so often in a row leaves its slot to others while it rests. */
const triesInSlot = 3;
/** So many may rest beside the slots; more keep theirs. */
const mostAside = 1000;

/** A task on its way. */
interface Work {
  readonly task: CopyTask;
  how: CopyHow;
  /** So far. */
  tries: number;
  startedAt?: number;
  /** What succeeded once is not tried again. */
  stored?: { readonly outcome: PutOutcome; readonly bytes: number };
  isWithdrawn?: true;
}

/**
 * Starts copying. There is one layer of retry: each task is tried again with backoff and jitter until it succeeds or the
 * uploader stops. While nothing succeeds, each slot waits longer and longer, whichever task has it: a bucket that is away delays
 * copying, nothing else. A task that fails alone gives its slot to others while it rests.
 */
export function startUploader(options: UploaderOptions): Uploader {
  const { disk, bucket, catalog, log } = options;
  const queue = copyQueue<Work>({
    slots: options.concurrency,
    cpu: options.cpu ?? (() => 0),
    now: () => performance.now(),
  });
  const running = new Map<string, Work>();
  /** Keys of what plans want, by render: only that may be withdrawn. */
  const planned = new Map<string, Set<string>>();
  /** Keys of what was queued urgently, whatever plans say: those do not slow it down. */
  const urged = new Set<string>();
  const ended = new AbortController();
  const failures = new FailureLog(log, 'copying to the bucket');
  let resting = 0;
  /** Since the last copy, over all tasks. */
  let failedInRow = 0;
  let empty: PromiseWithResolvers<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  /** One try: read, PUT, verify; then the row. */
  const copyOnce = async (work: Work): Promise<{ outcome: CopyOutcome; bytes: number }> => {
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

  /** Returns how many bytes were sent, and where the task is to be tried again later: in how many milliseconds. */
  const copyAtLast = async (work: Work): Promise<{ bytes: number; restMs?: number }> => {
    const { task } = work;
    work.startedAt ??= performance.now();
    const started = work.startedAt;
    const { trace, ...facts } = task;
    const span = options.tracing?.begin('copy segment', {
      parent: trace ?? {},
      attributes: {
        'segue.render_id': task.renderId,
        'segue.rendition': task.rendition,
        'segue.segment': task.n,
      },
    });
    while (!ended.signal.aborted) {
      work.tries += 1;
      const { tries } = work;
      try {
        // What is in the bucket gets its row, whatever the policy wants by now.
        const isDropped = work.isWithdrawn === true && work.stored === undefined;
        const { outcome, bytes } = isDropped
          ? ({ outcome: 'withdrawn', bytes: 0 } as const)
          : await copyOnce(work);
        failures.succeeded();
        if (outcome === 'stored' || outcome === 'was-there') failedInRow = 0;
        const ms = Math.round(performance.now() - started);
        const said = outcome === 'gone' || outcome === 'withdrawn' ? 'nothing to copy' : 'segment copied';
        log.info({ ...facts, outcome, bytes, ms, tries }, said);
        span?.end({ attributes: { 'segue.outcome': outcome, 'segue.bytes': bytes, 'segue.tries': tries } });
        options.onCopied(task, outcome, bytes, ms / 1000);
        return { bytes };
      } catch (error) {
        if (ended.signal.aborted) break;
        if (error instanceof SegueError && !error.retryable) {
          log.error({ err: error, hint: error.hint, ...facts }, 'segment cannot be copied');
          span?.end({ attributes: { 'segue.outcome': 'refused', 'segue.tries': tries }, error });
          options.onCopied(task, 'refused', 0, (performance.now() - started) / 1000);
          return { bytes: 0 };
        }
        failedInRow += 1;
        const [own, all] = [
          backoff(tries, waits),
          backoff(Math.ceil(failedInRow / options.concurrency), waits),
        ];
        const wait = Math.max(own, all);
        failures.failed(error, wait);
        options.onFailed?.(error);
        // What lacks its row only is the catalog's matter, and keeps its slot.
        const leaves = tries >= triesInSlot && work.stored === undefined && queue.aside < mostAside;
        resting += 1;
        await delay(leaves ? all : wait, undefined, { signal: ended.signal }).catch(() => undefined);
        resting -= 1;
        if (!leaves || work.isWithdrawn === true || ended.signal.aborted) continue;
        span?.end({ attributes: { 'segue.outcome': 'resting', 'segue.tries': tries }, error });
        return { bytes: 0, restMs: wait - all };
      }
    }
    span?.end({ error: 'stopped' });
    return { bytes: 0 };
  };

  const settled = (key: string, task: CopyTask): void => {
    planned.get(task.renderId)?.delete(key);
    if (planned.get(task.renderId)?.size === 0) planned.delete(task.renderId);
    urged.delete(key);
    options.onSettled?.(task);
    if (running.size + queue.size === 0) {
      empty?.resolve();
      empty = undefined;
    }
  };
  const start = (key: string, work: Work, how: CopyHow): void => {
    running.set(key, work);
    let result: { bytes: number; restMs?: number } = { bytes: 0 };
    copyAtLast(work)
      .then((one) => (result = one))
      .catch((error: unknown) => log.error({ err: error }, 'copying failed'))
      .finally(() => {
        running.delete(key);
        queue.ended(how, result.bytes);
        if (result.restMs === undefined || work.isWithdrawn || ended.signal.aborted) settled(key, work.task);
        else queue.set(key, work, work.how, result.restMs);
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
  const put = (task: CopyTask, how: CopyHow): void => {
    const key = keyOf(task);
    const work = running.get(key);
    if (work !== undefined) {
      work.how = how;
      delete work.isWithdrawn;
      return;
    }
    const waiting = queue.get(key);
    const next = waiting ?? { task, how, tries: 0 };
    next.how = how;
    queue.set(key, next, how);
    if (waiting === undefined) options.onQueued?.(task);
  };

  return {
    enqueue(task, how = plainHow) {
      const key = keyOf(task);
      if (ended.signal.aborted) return false;
      const isNew = !isKnown(key);
      planned.get(task.renderId)?.delete(key);
      delete running.get(key)?.isWithdrawn;
      if (how.isUrgent) urged.add(key);
      if (isNew || how.isUrgent) put(task, how);
      pump();
      return isNew;
    },
    plan(renderId, wanted) {
      if (ended.signal.aborted) return;
      const before = planned.get(renderId) ?? new Set<string>();
      const now = new Map(wanted.map((one) => [keyOf(one.task), one]));
      // What was queued whatever plans say stays so.
      const isMine = (key: string): boolean =>
        before.has(key) || !isKnown(key) || running.get(key)?.isWithdrawn === true;
      const mine = new Set([...now.keys()].filter(isMine));
      if (mine.size > 0) planned.set(renderId, mine);
      else planned.delete(renderId);
      for (const [key, { task, how }] of now) put(task, urged.has(key) ? { ...how, isUrgent: true } : how);
      for (const key of before) {
        if (now.has(key)) continue;
        const work = running.get(key);
        if (work !== undefined) work.isWithdrawn = true;
        const waiting = queue.get(key);
        if (waiting !== undefined && queue.delete(key)) settled(key, waiting.task);
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
    get states() {
      const { aside, size } = queue;
      return { waiting: size - aside, running: running.size - resting, resting: resting + aside };
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
