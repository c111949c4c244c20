import { crc32 } from 'node:zlib';
import type { Catalog } from '../../catalog/connect.ts';
import { recordCopies } from '../../catalog/copies.ts';
import { renderById } from '../../catalog/videos.ts';
import { listedOnDisk } from '../../copy/listed.ts';
import type { Log } from '../../ops/log.ts';
import type { DiskStore } from '../../store/disk.ts';
import type { UrlSigner } from '../sign.ts';
import type { ReplicaTask } from './plan.ts';
import { pullSegment } from './pull.ts';
import type { ReplicaRenderer } from './render.ts';

/** What taking a replica needs. */
export interface TakeOptions {
  readonly catalog: Catalog;
  readonly nodeId: string;
  readonly log: Log;
  readonly disk: DiskStore;
  readonly signer: UrlSigner;
  /** Whether an encoder may be used that no render here needs. */
  readonly isIdle: () => boolean;
  readonly render: ReplicaRenderer;
  /** Called for each replica that is on disk and recorded. */
  readonly onReplica?: (bytes: number, how: 'pulled' | 'rendered') => void;
}

/** Takes one replica: pulled, or rendered where that is wanted and possible. Bytes first, then the row. */
export type ReplicaTaker = (task: ReplicaTask, signal: AbortSignal) => Promise<void>;

/** A {@link ReplicaTaker}, which throws what pulling throws. */
export function replicaTaker(options: TakeOptions): ReplicaTaker {
  const { catalog, nodeId, disk, log } = options;

  const bytesOf = async (task: ReplicaTask, signal: AbortSignal) => {
    if (task.isRendered && options.isIdle()) {
      try {
        return { bytes: await options.render(task, signal), how: 'rendered' as const };
      } catch (error) {
        signal.throwIfAborted();
        log.info({ err: error }, 'replica not rendered: it is pulled');
      }
    }
    return { bytes: await pullSegment(options.signer, task, signal), how: 'pulled' as const };
  };

  /** What a stopped or fenced node leaves on its disk between rename and row may be other bytes than were listed. */
  const dropLeftover = async ({ renderId, rendition, n }: ReplicaTask, bytes: Uint8Array): Promise<void> => {
    const here = disk.facts(renderId, rendition, n);
    if (here === undefined || here.crc32 === crc32(bytes)) return;
    const render = await renderById(catalog.db, renderId);
    if (render === undefined) return;
    const right = await listedOnDisk(catalog.db, render, rendition, [[n, n + 1]], () => here);
    if (right.length > 0) return;
    await disk.remove(renderId, rendition, n);
    log.warn({ renderId, rendition, n }, 'segment on disk that was never listed: removed');
  };

  return async (task, signal) => {
    const { renderId, rendition, n } = task;
    const { bytes, how } = await bytesOf(task, signal);
    await dropLeftover(task, bytes);
    const stored = await disk.put(renderId, rendition, n, bytes);
    await recordCopies(catalog.db, renderId, rendition, nodeId, [[n, n + 1]]);
    options.onReplica?.(stored.bytes, how);
    log.info({ renderId, rendition, n, from: task.from.id, bytes: stored.bytes }, `replica ${how}`);
  };
}
