import type { Catalog } from '../catalog/connect.ts';
import { loseCopy, storedOf } from '../catalog/copies.ts';
import { contains } from '../catalog/ranges.ts';
import { sizesOf } from '../catalog/sizes.ts';
import { renderById } from '../catalog/videos.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import type { Bucket } from '../store/bucket.ts';
import { segmentName } from '../store/names.ts';

/** One copy in the bucket that somebody could not read. */
export interface SuspectCopy {
  readonly renderId: string;
  readonly rendition: string;
  readonly n: number;
}

/**
 * Looks whether the bucket still has a segment that its row says it has, and corrects the row where it has not (a lifecycle
 * rule, an operator, a disk of the provider's). An object of another size than was recorded is removed, so that the right
 * one can be stored under its name. Whoever has the segment on its disk hears of it and copies it again; else it is made again.
 * Returns whether it was lost. @throws SegueError `not_found`, `bucket_unavailable`
 */
export async function checkCopy(
  { catalog, bucket, log }: { readonly catalog: Catalog; readonly bucket: Bucket; readonly log: Log },
  { renderId, rendition, n }: SuspectCopy,
  signal?: AbortSignal,
): Promise<boolean> {
  const render = await renderById(catalog.db, renderId);
  const packing = render?.renditions.find(({ name }) => name === rendition);
  if (packing === undefined) throw new SegueError('not_found', `There is no ${renderId}/${rendition}`);
  const stored = await storedOf(catalog.db, renderId);
  if (!contains(stored.get(rendition) ?? [], n)) return true;
  const key = segmentName(renderId, rendition, n, packing.container);
  const bytes = await bucket.size(key, signal);
  const expected = (await sizesOf(catalog.db, renderId)).get(rendition)?.[n] ?? undefined;
  if (bytes !== undefined && (expected === undefined || bytes === expected)) return false;
  if (bytes !== undefined) await bucket.delete(key, signal);
  await loseCopy(catalog.db, renderId, rendition, n);
  log.error(
    { renderId, rendition, n, bytes, expected },
    'the bucket has lost a segment: its row is corrected',
  );
  return true;
}
