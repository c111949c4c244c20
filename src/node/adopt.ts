import type { Catalog } from '../catalog/connect.ts';
import { removeFormerCopies, settleDisks } from '../catalog/disks.ts';
import { foreign } from '../catalog/foreign.ts';
import { type Ranges, rangesOf } from '../catalog/ranges.ts';
import { type SegmentSizes, sizesOf } from '../catalog/sizes.ts';
import { renderById } from '../catalog/videos.ts';
import type { Log } from '../ops/log.ts';
import type { DiskFile, DiskStore } from '../store/disk.ts';
import type { NodeDisks, OpenDisk } from './disks.ts';
import { reconcileDisk } from './reconcile.ts';

/** What came of going through adopted disks. */
export interface Adopted {
  /** Segments that were read and are right. */
  readonly segments: number;
  /** Files that were damaged, and are removed. */
  readonly damaged: number;
}

/** What going through disks needs. */
export interface AdoptOptions {
  readonly catalog: Catalog;
  readonly disks: NodeDisks;
  readonly nodeId: string;
  readonly log: Log;
}

/** Files read at once: a disk gives little more to more readers, and each holds a segment in memory. */
const readers = 2;
/** How often the progress of reading is logged, in milliseconds. */
const progressMs = 5_000;

/**
 * Goes through a node's disks at its start. What is on an adopted disk is read and compared once; then this node's rows say what
 * its disks hold, and those of the disk's former nodes no longer do. In this order, so that a crash in between loses nothing and
 * the next start goes on. Throws the reason where a disk was lost meanwhile.
 */
export async function goThroughDisks({ catalog, disks, nodeId, log }: AdoptOptions): Promise<Adopted> {
  const { store } = disks;
  // Before anything is removed: the former node does not have that any more either.
  const taken = disks.disks
    .filter(({ formerNodes }) => formerNodes.length > 0)
    .map((disk) => ({ disk, held: holdings(store.filesIn(disk.folder)) }));
  let segments = 0;
  let damaged = 0;
  for (const disk of disks.disks.filter(({ isAdopted, isSettled }) => isAdopted && !isSettled)) {
    const verified = await verify(catalog, store, disk, log, disks.lost);
    segments += verified.segments;
    damaged += verified.damaged;
  }
  await reconcileDisk({ catalog, disk: store, nodeId, log });
  for (const { disk, held } of taken) {
    for (const formerNode of disk.formerNodes) {
      for (const { renderId, rendition, ranges } of held)
        await removeFormerCopies(catalog.db, disk.id, formerNode, renderId, rendition, ranges);
    }
  }
  disks.lost.throwIfAborted();
  const ids = disks.disks.map(({ id }) => id);
  await settleDisks(catalog.db, nodeId, ids);
  return { segments, damaged };
}

interface Holding {
  readonly renderId: string;
  readonly rendition: string;
  readonly ranges: Ranges;
}

function holdings(files: Iterable<DiskFile>): Holding[] {
  const numbers = new Map<string, { renderId: string; rendition: string; all: number[] }>();
  for (const { renderId, rendition, n } of files) {
    const key = `${renderId}/${rendition}`;
    const known = numbers.get(key);
    if (known === undefined) numbers.set(key, { renderId, rendition, all: [n] });
    else known.all.push(n);
  }
  return [...numbers.values()].map(({ all, ...each }) => ({ ...each, ranges: rangesOf(all) }));
}

/** Reads everything on an adopted disk that the catalog knows, and removes what is not what was written or recorded. */
async function verify(
  catalog: Catalog,
  store: DiskStore,
  { id, folder, formerNodes }: OpenDisk,
  log: Log,
  signal: AbortSignal,
): Promise<Adopted> {
  const total = { files: 0, bytes: 0 };
  for (const { bytes } of store.filesIn(folder)) {
    total.files += 1;
    total.bytes += bytes;
  }
  const done = { files: 0, bytes: 0, damaged: 0 };
  const started = performance.now();
  log.info({ disk: id, folder, from: formerNodes, ...total }, 'adopting a disk: reading its segments');
  const progress = setInterval(() => log.info({ disk: id, ...done, of: total }, 'adopting'), progressMs);
  const recorded = withRecordedSize(catalog, store.filesIn(folder));
  const read = async (): Promise<void> => {
    for await (const { file, size } of recorded) {
      signal.throwIfAborted();
      const isRight = (size ?? file.bytes) === file.bytes && (await store.isWhole(file));
      done.files += 1;
      done.bytes += file.bytes;
      if (isRight) continue;
      const { renderId, rendition, n, bytes } = file;
      done.damaged += 1;
      await store.discard(file);
      log.warn({ renderId, rendition, n, bytes, size }, 'segment on the adopted disk is damaged: removed');
    }
  };
  try {
    await Promise.all(Array.from({ length: readers }, read));
  } finally {
    clearInterval(progress);
  }
  const ms = Math.round(performance.now() - started);
  log.info({ disk: id, folder, ...done, unknown: total.files - done.files, ms }, 'disk adopted');
  return { segments: done.files - done.damaged, damaged: done.damaged };
}

/**
 * Files with the size that was recorded of their segments, where one was. Those of renders that the catalog does not know are left
 * out. Foreign segments have their checksums in the catalog, which is looked at later, and more strictly.
 */
async function* withRecordedSize(
  catalog: Catalog,
  files: Iterable<DiskFile>,
): AsyncGenerator<{ file: DiskFile; size: number | undefined }> {
  let current: { id: string; isKnown: boolean; sizes: Map<string, SegmentSizes> } | undefined;
  for (const file of files) {
    const { renderId, rendition, n } = file;
    if (current?.id !== renderId) {
      const render = await renderById(catalog.db, renderId);
      const hasSizes = render !== undefined && render.profile !== foreign;
      const sizes = hasSizes ? await sizesOf(catalog.db, renderId) : new Map<string, SegmentSizes>();
      current = { id: renderId, isKnown: render !== undefined, sizes };
    }
    if (current.isKnown) yield { file, size: current.sizes.get(rendition)?.[n] ?? undefined };
  }
}
