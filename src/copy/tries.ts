import { setTimeout as delay } from 'node:timers/promises';
import { bucketPlace } from '../catalog/bucket-place.ts';
import type { Catalog } from '../catalog/connect.ts';
import { recordCopies } from '../catalog/copies.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import { backoff, FailureLog } from '../ops/loop.ts';
import type { Tracing } from '../ops/trace.ts';
import { mediaType } from '../rendition/kind.ts';
import type { Bucket, PutOutcome } from '../store/bucket.ts';
import type { DiskStore } from '../store/disk.ts';
import { immutable, segmentName } from '../store/names.ts';
import type { CopyHow } from './how.ts';
import type { CopyOutcome, CopyTask } from './task.ts';

const waits = { first: 250, longest: 15_000 };

/** A task that failed so often in a row leaves its slot to others while it rests. */
const triesInSlot = 3;
/** So many may rest beside the slots; more keep theirs. */
const mostAside = 1000;

/** A task on its way. */
export interface Work {
  readonly task: CopyTask;
  how: CopyHow;
  /** So far. */
  tries: number;
  startedAt?: number;
  /** What succeeded once is not tried again. */
  stored?: { readonly outcome: PutOutcome; readonly bytes: number };
  isWithdrawn?: true;
}

/** What tries need. */
export interface TriesOptions {
  readonly disk: DiskStore;
  readonly bucket: Bucket;
  readonly catalog: Catalog;
  readonly log: Log;
  /** Uploads at once, where a rule says nothing else. */
  readonly concurrency: number;
  /** Called when a task has come to its end; `stored` and `was-there` only after the copy is recorded. Must not throw. */
  readonly onCopied: (task: CopyTask, outcome: CopyOutcome, bytes: number, seconds: number) => void;
  /** Called for each try that failed and is followed by another. Must not throw. */
  readonly onFailed?: (error: unknown) => void;
  /** Called where the segment was found damaged on the disk. Must not throw. */
  readonly onDamaged?: (task: CopyTask) => void;
  readonly tracing?: Tracing | undefined;
}

/** How a stay in a slot went: bytes sent, and, where the task is to be tried again later, in how many milliseconds. */
export interface Tried {
  readonly bytes: number;
  readonly restMs?: number;
}

/** Tries tasks. */
export interface CopyTries {
  /** Tries one until it has come to its end, or leaves its slot to others, or `signal` aborts. */
  copy(work: Work): Promise<Tried>;
  /** How many rest in their slots after a failure. */
  readonly resting: number;
}

/** The object of a segment. */
export const keyOf = ({ renderId, rendition, n, container }: CopyTask): string =>
  segmentName(renderId, rendition, n, container);

/** Starts with nothing tried. `aside`: how many rest beside the slots. */
export function copyTries(options: TriesOptions, signal: AbortSignal, aside: () => number): CopyTries {
  const { disk, bucket, catalog, log } = options;
  const failures = new FailureLog(log, 'copying to the bucket');
  let resting = 0;
  /** Since the last copy, over all tasks. */
  let failedInRow = 0;

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
        signal,
      );
      work.stored = { outcome, bytes: data.byteLength };
    }
    await recordCopies(catalog.db, renderId, rendition, bucketPlace, [[n, n + 1]]);
    return work.stored;
  };

  const copy = async (work: Work): Promise<Tried> => {
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
    while (!signal.aborted) {
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
        if (signal.aborted) break;
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
        const leaves = tries >= triesInSlot && work.stored === undefined && aside() < mostAside;
        resting += 1;
        await delay(leaves ? all : wait, undefined, { signal: signal }).catch(() => undefined);
        resting -= 1;
        if (!leaves || work.isWithdrawn === true || signal.aborted) continue;
        span?.end({ attributes: { 'segue.outcome': 'resting', 'segue.tries': tries }, error });
        return { bytes: 0, restMs: wait - all };
      }
    }
    span?.end({ error: 'stopped' });
    return { bytes: 0 };
  };

  return {
    copy,
    get resting() {
      return resting;
    },
  };
}
