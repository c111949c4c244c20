import type { Catalog } from '../catalog/connect.ts';
import { loseCopy, storedOf } from '../catalog/copies.ts';
import { foreign } from '../catalog/foreign.ts';
import { contains } from '../catalog/ranges.ts';
import { sizesOf } from '../catalog/sizes.ts';
import { admittedFacts } from '../catalog/stream-lists.ts';
import { renderById } from '../catalog/videos.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import type { Bucket } from '../store/bucket.ts';
import type { DiskStore } from '../store/disk.ts';
import { segmentName } from '../store/names.ts';
import { listedOnDisk } from './listed.ts';

/** One copy in the bucket that somebody could not read. */
export interface SuspectCopy {
  readonly renderId: string;
  readonly rendition: string;
  readonly n: number;
}

/**
 * What the bucket has of a segment that its row says it has. `lost`: nothing, or nothing that is right, and the row is
 * corrected; `damaged`: something of another size than was recorded, which is left until somebody has the right bytes.
 */
export type CopyState = 'there' | 'damaged' | 'lost';

/**
 * The same with what was done. `replaced`: a wrong object was taken away, and the right one is copied; `irreplaceable`: it is
 * lost, this node does not have it, nobody can make it, and its row stays; `unrecorded`: its row says no such thing any more.
 */
export type CopyLook = 'there' | 'damaged' | 'replaced' | 'lost' | 'irreplaceable' | 'unrecorded';

/** What looking after copies needs. */
export interface LostCopiesOptions {
  readonly catalog: Catalog;
  readonly bucket: Bucket;
  readonly disk: Pick<DiskStore, 'facts'>;
  readonly log: Log;
  /** Called for each row that was corrected. */
  readonly onLost?: () => void;
}

/** Looks after copies that are said to be in the bucket. */
export interface LostCopies {
  /**
   * Looks whether the bucket still has a segment, and corrects the row where it has not (a lifecycle rule, an operator, a disk
   * of the provider's). Whoever has the segment on its disk hears of it and copies it again; else it is made again. One look
   * at a time for each segment. @throws SegueError `not_found`, `bucket_unavailable`
   */
  check(copy: SuspectCopy): Promise<CopyState>;
  /** As {@link LostCopies.check}, and says what was done. */
  look(copy: SuspectCopy): Promise<CopyLook>;
}

/** Starts with nothing suspected. */
export function lostCopies({ catalog, bucket, disk, log, onLost }: LostCopiesOptions): LostCopies {
  const looking = new Map<string, Promise<CopyLook>>();

  /** Bytes that the segment has; undefined where that is not known. */
  const sizeOf = async (
    { renderId, rendition, n }: SuspectCopy,
    isForeign: boolean,
  ): Promise<number | undefined> => {
    if (!isForeign) return (await sizesOf(catalog.db, renderId)).get(rendition)?.[n] ?? undefined;
    return (await admittedFacts(catalog.db, renderId, rendition, [n, n + 1])).get(n)?.bytes;
  };

  const lookOnce = async (copy: SuspectCopy): Promise<CopyLook> => {
    const { renderId, rendition, n } = copy;
    const render = await renderById(catalog.db, renderId);
    const packing = render?.renditions.find(({ name }) => name === rendition);
    if (render === undefined || packing === undefined)
      throw new SegueError('not_found', `There is no ${renderId}/${rendition}`);
    const stored = await storedOf(catalog.db, renderId);
    if (!contains(stored.get(rendition) ?? [], n)) return 'unrecorded';
    const key = segmentName(renderId, rendition, n, packing.container);
    const bytes = await bucket.size(key);
    const isForeign = render.profile === foreign;
    const expected = await sizeOf(copy, isForeign);
    if (bytes !== undefined && (expected === undefined || bytes === expected)) return 'there';
    const onDisk = disk.facts(renderId, rendition, n);
    const listed = await listedOnDisk(catalog.db, render, rendition, [[n, n + 1]], () => onDisk);
    const here = contains(listed, n) ? onDisk?.bytes : undefined;
    if (bytes !== undefined) {
      log.error({ renderId, rendition, n, bytes, expected }, 'the bucket has an object of the wrong size');
      // Names are written once: only who can store the right bytes at once may take the wrong ones away.
      if (here !== expected) return 'damaged';
      await bucket.delete(key);
    } else if (isForeign && here === undefined) {
      // Nobody can make it again, and the bucket may only be the wrong one: its row is all that is left of it.
      log.error({ renderId, rendition, n }, 'the bucket does not have a segment that nobody can make again');
      return 'irreplaceable';
    }
    await loseCopy(catalog.db, renderId, rendition, n);
    onLost?.();
    log.error({ renderId, rendition, n, bytes }, 'the bucket has lost a segment: its row is corrected');
    return bytes === undefined ? 'lost' : 'replaced';
  };
  const look = (copy: SuspectCopy): Promise<CopyLook> => {
    const key = `${copy.renderId}/${copy.rendition}/${copy.n}`;
    const begun = looking.get(key) ?? lookOnce(copy).finally(() => looking.delete(key));
    looking.set(key, begun);
    return begun;
  };

  return {
    look,
    async check(copy) {
      const seen = await look(copy);
      return seen === 'there' || seen === 'damaged' ? seen : 'lost';
    },
  };
}
