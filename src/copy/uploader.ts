import { type CopyHow, plainHow } from './how.ts';
import { copyQueue } from './queue.ts';
import type { CopyTask } from './task.ts';
import { copyTries, keyOf, type Tried, type TriesOptions, type Work } from './tries.ts';

/** Tasks by what they do: wait for their turn, are held by the CPU ceiling of their rule, run, or rest after a failure. */
export interface CopyStates {
  readonly waiting: number;
  readonly held: number;
  readonly running: number;
  readonly resting: number;
}

/** What copying needs. */
export interface UploaderOptions extends TriesOptions {
  /** Used part of the CPUs, 0 to 1. Default: none. */
  readonly cpu?: () => number;
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

/** What waits is looked at again so often where something else than a slot keeps it, in milliseconds. */
const lookMs = 200;

/**
 * Starts copying. There is one layer of retry: each task is tried again with backoff and jitter until it succeeds or the
 * uploader stops. While nothing succeeds, each slot waits longer and longer, whichever task has it: a bucket that is away delays
 * copying, nothing else. A task that fails alone gives its slot to others while it rests.
 */
export function startUploader(options: UploaderOptions): Uploader {
  const { log } = options;
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
  const tries = copyTries(options, ended.signal, () => queue.aside);
  let empty: PromiseWithResolvers<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

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
    let result: Tried = { bytes: 0 };
    tries
      .copy(work)
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
      const { aside, held, size } = queue;
      const { resting } = tries;
      return {
        waiting: size - aside - held,
        held,
        running: running.size - resting,
        resting: resting + aside,
      };
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

/** Waits for `work`, or until the signal aborts; leaves no listener behind. */
export async function orAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const aborted = Promise.withResolvers<void>();
  const resolve = (): void => aborted.resolve();
  signal.addEventListener('abort', resolve, { once: true });
  await Promise.race([work, aborted.promise]);
  signal.removeEventListener('abort', resolve);
}
