import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Catalog } from '../catalog/connect.ts';
import { foreign } from '../catalog/foreign.ts';
import { renderById } from '../catalog/videos.ts';
import { SegueError } from '../ops/errors.ts';
import { backoff } from '../ops/loop.ts';
import type { Bucket } from '../store/bucket.ts';
import { type Sealing, sealRender } from './seal.ts';
import { sealStream } from './seal-stream.ts';
import type { CopyTask } from './task.ts';
import { orAborted, startUploader, type Uploader, type UploaderOptions } from './uploader.ts';

/** Copying as a node runs it: uploads, and the finished playlists once a render is complete. */
export interface Copying extends Uploader {
  /**
   * Hands on what an earlier process left uncopied (default: to the queue), and seals what it left unsealed. Tries again while the
   * bucket is away.
   */
  resume(
    find: () => AsyncIterable<CopyTask>,
    signal: AbortSignal,
    handOn?: (task: CopyTask) => void,
  ): Promise<void>;
  /** Seals a render of which this disk has something, where it is complete: it may have ended after its last copy. */
  settle(renderId: string): void;
}

/** Starts copying. A render is sealed after the last of its queued segments is copied. */
export function startCopying(
  options: UploaderOptions & {
    readonly bucket: Bucket;
    readonly catalog: Catalog;
    /** Called for each try to seal that failed and is followed by another. Must not throw. */
    readonly onSealFailed?: (error: unknown) => void;
  },
): Copying {
  const { catalog, bucket, log } = options;
  const waiting = new Map<string, number>();
  const sealing = new Map<string, Promise<void>>();
  const ended = new AbortController();
  const seenListed = new LRUCache<string, ReadonlySet<string>>({ max: 1000 });

  const seal = async (renderId: string, signal: AbortSignal): Promise<void> => {
    for (let tries = 1; !signal.aborted; tries += 1) {
      try {
        const render = await renderById(catalog.db, renderId);
        if (render === undefined) return;
        const outcome = await (render.profile === foreign
          ? sealForeign(catalog, bucket, render, signal)
          : sealRender(catalog, bucket, render, signal, seenListed));
        if (outcome === 'sealed') log.info({ renderId }, 'render sealed: the bucket alone plays');
        if (outcome === 'extended') log.info({ renderId }, 'the sealed list has what was made on demand');
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof SegueError && !error.retryable) {
          log.error({ renderId, err: error, hint: error.hint }, 'render cannot be sealed');
          return;
        }
        options.onSealFailed?.(error);
        if (tries === 1) log.warn({ renderId, err: error }, 'not sealed yet');
        await delay(backoff(tries), undefined, { signal }).catch(() => undefined);
      }
    }
  };
  /** One at a time for each render; one that came to look too early is followed by one that sees the last copy. */
  const sealSoon = (renderId: string): void => {
    const before = sealing.get(renderId) ?? Promise.resolve();
    const work = before
      .then(() => seal(renderId, ended.signal))
      .finally(() => {
        if (sealing.get(renderId) === work) sealing.delete(renderId);
      });
    sealing.set(renderId, work);
  };

  const uploader = startUploader({
    ...options,
    onQueued: ({ renderId }) => waiting.set(renderId, (waiting.get(renderId) ?? 0) + 1),
    onSettled: (task) => {
      const left = (waiting.get(task.renderId) ?? 1) - 1;
      if (left > 0) return void waiting.set(task.renderId, left);
      waiting.delete(task.renderId);
      sealSoon(task.renderId);
    },
  });
  return {
    enqueue: (task, how) => uploader.enqueue(task, how),
    plan: (renderId, planned) => uploader.plan(renderId, planned),
    settle: (renderId) => {
      if (options.disk.held(renderId).size > 0 && !waiting.has(renderId)) sealSoon(renderId);
    },
    get pending() {
      return uploader.pending + sealing.size;
    },
    get states() {
      return uploader.states;
    },
    async idle(signal) {
      await uploader.idle(signal);
      await orAborted(Promise.all(sealing.values()), signal);
    },
    async resume(find, signal, handOn = (task) => void uploader.enqueue(task)) {
      const until = AbortSignal.any([signal, ended.signal]);
      for (let tries = 1; !until.aborted; tries += 1) {
        try {
          for await (const task of find()) handOn(task);
          for (const renderId of options.disk.renders()) {
            if (!waiting.has(renderId)) await seal(renderId, until);
          }
          return;
        } catch (error) {
          if (until.aborted) return;
          const wait = backoff(tries);
          log.warn({ err: error, retryMs: Math.round(wait) }, 'what is uncopied could not be found yet');
          await delay(wait, undefined, { signal: until }).catch(() => undefined);
        }
      }
    },
    async stop() {
      ended.abort();
      await uploader.stop();
      await Promise.all(sealing.values());
    },
  };
}

/** A stream is sealed once, and never grows afterwards. */
async function sealForeign(...args: Parameters<typeof sealStream>): Promise<Sealing> {
  const [, , render] = args;
  if (render.sealedAt !== null) return 'unchanged';
  return (await sealStream(...args)) ? 'sealed' : 'incomplete';
}
