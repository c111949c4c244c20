import type { Catalog } from '../catalog/connect.ts';
import { copiesAt, recordCopies, replaceCopies, storedOf } from '../catalog/copies.ts';
import { foreign } from '../catalog/foreign.ts';
import { contains, difference, numbersIn, type Ranges, rangesOf } from '../catalog/ranges.ts';
import { bucketPlace } from '../catalog/schema.ts';
import { addSizes } from '../catalog/sizes.ts';
import { admittedFacts } from '../catalog/stream-lists.ts';
import { renderById } from '../catalog/videos.ts';
import { listedOnDisk } from '../copy/listed.ts';
import { type CopyTask } from '../copy/uploader.ts';
import type { Log } from '../ops/log.ts';
import type { Bucket } from '../store/bucket.ts';
import type { DiskStore } from '../store/disk.ts';
import { parseSegmentName, renderPrefix } from '../store/names.ts';

/** What reconciliation looks at. */
export interface ReconcileOptions {
  readonly catalog: Catalog;
  readonly disk: DiskStore;
  readonly bucket: Bucket;
  readonly nodeId: string;
  readonly log: Log;
}

/**
 * Corrects this node's rows to what its disk holds: bytes have the last word. A row without bytes (the disk was emptied) is
 * emptied, bytes without a row (a crash between rename and row) get one. To be called before the node announces itself.
 */
export async function reconcileDisk({
  catalog,
  disk,
  nodeId,
  log,
}: Omit<ReconcileOptions, 'bucket'>): Promise<void> {
  await settleConflicts({ catalog, disk, log });
  const rows = await copiesAt(catalog.db, nodeId);
  const known = new Map(rows.map((row) => [`${row.renderId}/${row.rendition}`, row]));
  for (const renderId of disk.renders()) {
    const render = await renderById(catalog.db, renderId);
    if (render === undefined) {
      log.warn({ renderId }, 'segments on disk of a render that the catalog does not know: left alone');
      continue;
    }
    for (const rendition of disk.held(renderId).keys()) {
      const row = known.get(`${renderId}/${rendition}`);
      if (render.profile === foreign) {
        const held = rangesOf(disk.held(renderId).get(rendition)?.keys() ?? []);
        const unrecorded = difference(held, row?.segments ?? []);
        await dropUnlisted({ catalog, disk, log }, renderId, rendition, unrecorded);
      }
      const onDisk = rangesOf(disk.held(renderId).get(rendition)?.keys() ?? []);
      known.delete(`${renderId}/${rendition}`);
      if (row !== undefined && same(row.segments, onDisk)) continue;
      const added = difference(onDisk, row?.segments ?? []);
      const held = disk.held(renderId).get(rendition);
      await addSizes(
        catalog.db,
        renderId,
        rendition,
        [...numbersIn(added)].map((n) => [n, held?.get(n)?.bytes ?? 0] as const),
      );
      await replaceCopies(catalog.db, renderId, rendition, nodeId, onDisk);
      log.info({ renderId, rendition, segments: onDisk }, 'row corrected to the disk');
    }
  }
  for (const row of known.values()) {
    if (row.segments.length === 0) continue;
    await replaceCopies(catalog.db, row.renderId, row.rendition, nodeId, []);
    log.warn({ renderId: row.renderId, rendition: row.rendition }, 'row without bytes on disk: emptied');
  }
}

/**
 * Settles which bytes of a segment are right, where an adopted disk has others than this node's own: what was listed of a foreign
 * stream, and else this node's, which it may have served. Renders that the catalog does not know are left alone.
 */
async function settleConflicts({
  catalog,
  disk,
  log,
}: Pick<ReconcileOptions, 'catalog' | 'disk' | 'log'>): Promise<void> {
  for (const file of disk.conflicts()) {
    const { renderId, rendition, n, folder } = file;
    const render = await renderById(catalog.db, renderId);
    if (render === undefined) continue;
    if (render.profile === foreign) {
      await dropUnlisted({ catalog, disk, log }, renderId, rendition, [[n, n + 1]]);
    } else {
      await disk.discard(file);
      log.warn({ renderId, rendition, n, folder }, 'adopted segment has other bytes than our own: removed');
    }
  }
}

/**
 * Removes files of segments of a foreign stream that were never listed, or not with these bytes: a crash between rename and row
 * leaves them, and their number may be given to other bytes, here or by another node. By whom they were recorded does not matter.
 */
async function dropUnlisted(
  { catalog, disk, log }: Pick<ReconcileOptions, 'catalog' | 'disk' | 'log'>,
  renderId: string,
  rendition: string,
  segments: Ranges,
): Promise<void> {
  for (const range of segments) {
    const listed = await admittedFacts(catalog.db, renderId, rendition, range);
    for (const n of numbersIn([range])) {
      const row = listed.get(n);
      for (const file of disk.files(renderId, rendition, n)) {
        if (row !== undefined && row.bytes === file.bytes && row.crc32 === file.crc32) continue;
        await disk.discard(file);
        log.warn({ renderId, rendition, n }, 'segment on disk that was never listed: removed');
      }
    }
  }
}

const same = (a: Ranges, b: Ranges): boolean =>
  difference(a, b).length === 0 && difference(b, a).length === 0;

/**
 * Finds what this disk holds and the bucket does not. Objects that are in the bucket without a row (a crash between PUT and
 * row) are recorded when their size is right, so that nothing is copied twice. Yields the rest, render after render.
 */
export async function* uncopied(
  { catalog, disk, bucket, log }: ReconcileOptions,
  signal: AbortSignal,
): AsyncGenerator<CopyTask> {
  for (const renderId of disk.renders()) {
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
