import type { Catalog } from '../catalog/connect.ts';
import { renderById } from '../catalog/videos.ts';
import type { Change } from '../catalog/wake.ts';
import type { Copying } from '../copy/copying.ts';
import { listedOnDisk } from '../copy/listed.ts';
import { type LostCopies, lostCopies, type SuspectCopy } from '../copy/lost.ts';
import type { Log } from '../ops/log.ts';
import type { Bucket } from '../store/bucket.ts';
import type { DiskStore } from '../store/disk.ts';
import { segmentName } from '../store/names.ts';

/** What looking after copies needs. */
export interface CopyCareOptions {
  readonly catalog: Catalog;
  readonly bucket: Bucket;
  readonly disk: DiskStore;
  readonly copying: Pick<Copying, 'enqueue' | 'settle'>;
  readonly log: Log;
  /** Called for each row that was corrected. */
  readonly onLost: () => void;
  readonly signal: AbortSignal;
}

/** How a node looks after what the bucket has, or should have. */
export interface CopyCare {
  readonly lost: LostCopies;
  /** A segment from the bucket; undefined where it has none. */
  read(copy: SuspectCopy): Promise<Uint8Array | undefined>;
  /** Does what an announcement asks of those who hold a segment. */
  hear(change: Change): void;
}

/** Looks after copies. */
export function copyCare(options: CopyCareOptions): CopyCare {
  const { catalog, bucket, disk, copying, log, signal } = options;
  const lost = lostCopies(options);
  const known = async ({ renderId, rendition }: SuspectCopy) => {
    const render = await renderById(catalog.db, renderId);
    const packing = render?.renditions.find(({ name }) => name === rendition);
    return render === undefined || packing === undefined ? undefined : { render, packing };
  };
  /** Copies a segment again that the bucket has lost, where it is here and stands for its number. */
  const copyAgain = async (copy: SuspectCopy): Promise<void> => {
    const { renderId, rendition, n } = copy;
    const here = disk.facts(renderId, rendition, n);
    const found = here === undefined ? undefined : await known(copy);
    if (found === undefined) return;
    const listed = await listedOnDisk(catalog.db, found.render, rendition, [[n, n + 1]], () => here);
    if (listed.length === 0) return;
    const { kind, container } = found.packing;
    copying.enqueue({ renderId, rendition, n, kind, container });
  };
  return {
    lost,
    async read(copy) {
      const { renderId, rendition, n } = copy;
      const found = await known(copy);
      if (found === undefined) return undefined;
      return bucket.get(segmentName(renderId, rendition, n, found.packing.container), signal);
    },
    hear(change) {
      if (change.type === 'render' && change.state === 'ended') copying.settle(change.renderId);
      if (change.type !== 'lost' && change.type !== 'suspect') return;
      const { renderId, rendition, n } = change;
      if (disk.facts(renderId, rendition, n) === undefined) return;
      const work: Promise<unknown> = change.type === 'lost' ? copyAgain(change) : lost.check(change);
      work.catch((error: unknown) => log.warn({ err: error, renderId, n }, 'not copied again yet'));
    },
  };
}
