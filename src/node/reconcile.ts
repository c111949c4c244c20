import { bucketPlace } from '../catalog/bucket-place.ts';
import type { Catalog } from '../catalog/connect.ts';
import { copiesAt, copiesOf, recordCopies, removeCopies, storedOf } from '../catalog/copies.ts';
import type { FindingKind, Outcome, Tally } from '../catalog/findings.ts';
import { foreign } from '../catalog/foreign.ts';
import { contains, difference, numbersIn, type Ranges, rangesOf } from '../catalog/ranges.ts';
import { addSizes } from '../catalog/sizes.ts';
import { renderById } from '../catalog/videos.ts';
import { listedOnDisk } from '../copy/listed.ts';
import type { CopyTask } from '../copy/task.ts';
import type { Log } from '../ops/log.ts';
import type { Bucket } from '../store/bucket.ts';
import type { DiskFile, DiskStore } from '../store/disk.ts';
import { parseSegmentName, renderPrefix } from '../store/names.ts';
import { dropUnlisted, settleConflicts } from './unlisted.ts';

/** What reconciliation looks at. */
export interface ReconcileOptions {
  readonly catalog: Catalog;
  readonly disk: DiskStore;
  readonly bucket: Bucket;
  readonly nodeId: string;
  readonly log: Log;
  /** Whether this node writes the render now, so that a file may be there before its row. Default: it writes none. */
  readonly isHeld?: (renderId: string) => boolean;
  /** What is found goes there. */
  readonly tally?: Tally;
}

/**
 * Corrects this node's rows to what its disk holds: bytes have the last word. A row without bytes (the disk was emptied) is
 * emptied, bytes without a row (a crash between rename and row) get one. Before the node announces itself, and at any time:
 * what changes meanwhile stays as whoever changed it left it.
 */
export async function reconcileDisk(options: Omit<ReconcileOptions, 'bucket'>): Promise<void> {
  const { catalog, disk, nodeId, log, isHeld = () => false } = options;
  const note = noteOf(options);
  await settleConflicts({ catalog, disk, log, isHeld });
  for (const renderId of disk.renders()) {
    const render = await renderById(catalog.db, renderId);
    if (render === undefined) {
      log.warn({ renderId }, 'segments on disk of a render that the catalog does not know: left alone');
      for (const [rendition, segments] of disk.held(renderId))
        note('unknown-file', renderId, rendition, [...segments.keys()], 'left');
      continue;
    }
    if (isHeld(renderId)) continue;
    // The disk first: whatever is written since has a row of its own, or will have.
    const before = [...disk.held(renderId)].map(
      ([rendition, segments]) => [rendition, rangesOf(segments.keys())] as const,
    );
    const rows = await copiesOf(catalog.db, renderId);
    for (const [rendition, here] of before) {
      const row = rows.find((one) => one.place === nodeId && one.rendition === rendition);
      const unrecorded = difference(here, row?.segments ?? []);
      if (render.profile === foreign) {
        const onDropped = ({ n }: DiskFile) => note('unlisted-file', renderId, rendition, [n], 'removed');
        await dropUnlisted({ catalog, disk, log, isHeld, onDropped }, renderId, rendition, unrecorded);
        // The stream is taken in here since a moment: what was not removed for that may not be listed.
        if (isHeld(renderId)) break;
      }
      await addRows(options, renderId, rendition, unrecorded);
    }
  }
  for (const { renderId, rendition, segments } of await copiesAt(catalog.db, nodeId))
    await removeRows(options, renderId, rendition, segments);
}

type RowOptions = Omit<ReconcileOptions, 'bucket'>;

/** Those of the segments that are on the disk, or are not. */
const onDisk = (
  { disk }: RowOptions,
  renderId: string,
  rendition: string,
  segments: Ranges,
  isThere: boolean,
): Ranges =>
  rangesOf(
    [...numbersIn(segments)].filter((n) => (disk.facts(renderId, rendition, n) !== undefined) === isThere),
  );

/** Writes rows of segments that are on the disk. */
async function addRows(
  options: RowOptions,
  renderId: string,
  rendition: string,
  segments: Ranges,
): Promise<void> {
  const { catalog, disk, nodeId, log } = options;
  const added = onDisk(options, renderId, rendition, segments, true);
  if (added.length === 0) return;
  const numbers = [...numbersIn(added)];
  const sizes = numbers.map((n) => [n, disk.facts(renderId, rendition, n)?.bytes ?? 0] as const);
  await addSizes(catalog.db, renderId, rendition, sizes);
  await recordCopies(catalog.db, renderId, rendition, nodeId, added);
  const gone = onDisk(options, renderId, rendition, added, false);
  if (gone.length > 0) await removeCopies(catalog.db, renderId, rendition, nodeId, gone);
  noteOf(options)('file-without-row', renderId, rendition, numbers, 'row-written');
  log.info({ renderId, rendition, segments: added }, 'row corrected to the disk');
}

/** Takes rows of segments back that are not on the disk. */
async function removeRows(
  options: RowOptions,
  renderId: string,
  rendition: string,
  segments: Ranges,
): Promise<void> {
  const { catalog, nodeId, log } = options;
  const removed = onDisk(options, renderId, rendition, segments, false);
  if (removed.length === 0) return;
  await removeCopies(catalog.db, renderId, rendition, nodeId, removed);
  // Made again in the meantime, and perhaps recorded before the row was taken back.
  const again = onDisk(options, renderId, rendition, removed, true);
  if (again.length > 0) await recordCopies(catalog.db, renderId, rendition, nodeId, again);
  noteOf(options)('row-without-file', renderId, rendition, [...numbersIn(removed)], 'row-corrected');
  log.warn({ renderId, rendition, segments: removed }, 'row without bytes on disk: corrected');
}

/** Counts segments of this disk among the findings. */
const noteOf =
  ({ disk, nodeId, tally }: RowOptions) =>
  (
    kind: FindingKind,
    renderId: string,
    rendition: string,
    numbers: readonly number[],
    done: Outcome,
  ): void => {
    for (const n of numbers) {
      const bytes = disk.facts(renderId, rendition, n)?.bytes ?? 0;
      tally?.note({ kind, place: nodeId, name: `${renderId}/${rendition}/${n}`, bytes, done });
    }
  };

/**
 * Finds what this disk holds and the bucket does not. Objects that are in the bucket without a row (a crash between PUT and
 * row) are recorded when their size is right, so that nothing is copied twice. Yields the rest, render after render.
 */
export async function* uncopied(
  {
    catalog,
    disk,
    bucket,
    log,
    isWanted,
  }: ReconcileOptions & {
    /** Whether anything of a render is to be copied: the bucket is asked of nothing else. Default: everything. */
    readonly isWanted?: (renderId: string) => Promise<boolean>;
  },
  signal: AbortSignal,
): AsyncGenerator<CopyTask> {
  for (const renderId of disk.renders()) {
    if ((await isWanted?.(renderId)) === false) continue;
    const render = await renderById(catalog.db, renderId);
    if (render === undefined) continue;
    const packings = new Map(render.renditions.map((rendition) => [rendition.name, rendition]));
    const stored = await storedOf(catalog.db, renderId);
    const candidates = await Promise.all(
      [...disk.held(renderId)].map(async ([rendition, segments]) => {
        const onDisk = difference(rangesOf(segments.keys()), stored.get(rendition) ?? []);
        const here = (n: number) => segments.get(n);
        const ranges = await listedOnDisk(catalog.db, render, rendition, onDisk, here);
        return { rendition, packing: packings.get(rendition), ranges };
      }),
    );
    const missing = candidates.filter((each) => each.ranges.length > 0);
    if (missing.length === 0) continue;
    const there = await listed(bucket, renderId, signal);
    for (const { rendition, packing, ranges } of missing) {
      if (packing === undefined) continue;
      const { kind, container } = packing;
      const equal = rangesOf(
        [...numbersIn(ranges)].filter((n) => {
          const bytes = there.get(`${rendition}/${n}`);
          return bytes !== undefined && bytes === disk.facts(renderId, rendition, n)?.bytes;
        }),
      );
      if (equal.length > 0) {
        await recordCopies(catalog.db, renderId, rendition, bucketPlace, equal);
        log.info({ renderId, rendition, segments: equal }, 'found in the bucket: recorded, not copied again');
      }
      for (const n of numbersIn(ranges))
        if (!contains(equal, n)) yield { renderId, rendition, kind, container, n };
    }
  }
}

async function listed(bucket: Bucket, renderId: string, signal: AbortSignal): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for await (const { key, bytes } of bucket.list(renderPrefix(renderId), signal)) {
    const name = parseSegmentName(key);
    if (name !== undefined) sizes.set(`${name.rendition}/${name.n}`, bytes);
  }
  return sizes;
}
