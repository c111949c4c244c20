import type { Catalog } from '../catalog/connect.ts';
import { foreign } from '../catalog/foreign.ts';
import { numbersIn, type Ranges } from '../catalog/ranges.ts';
import { admittedFacts } from '../catalog/stream-lists.ts';
import { renderById } from '../catalog/videos.ts';
import type { Log } from '../ops/log.ts';
import type { DiskFile, DiskStore } from '../store/disk.ts';

/** What removing files needs that cannot be right. */
export interface UnlistedOptions {
  readonly catalog: Catalog;
  readonly disk: DiskStore;
  readonly log: Log;
  /** Whether this node writes the render now, so that a file may be there before its row. Default: it writes none. */
  readonly isHeld?: (renderId: string) => boolean;
  /** Called for each file that is to be removed. */
  readonly onDropped?: (file: DiskFile) => void;
}

/**
 * Removes files of segments of a foreign stream that were never listed, or not with these bytes: a crash between rename and row
 * leaves them, and their number may be given to other bytes, here or by another node. By whom they were recorded does not matter.
 */
export async function dropUnlisted(
  { catalog, disk, log, isHeld = () => false, onDropped }: UnlistedOptions,
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
        // The stream is taken in here since a moment.
        if (isHeld(renderId)) return;
        onDropped?.(file);
        await disk.discard(file);
        log.warn({ renderId, rendition, n }, 'segment on disk that was never listed: removed');
      }
    }
  }
}

/**
 * Settles which bytes of a segment are right, where an adopted disk has others than this node's own: what was listed of a foreign
 * stream, and else this node's, which it may have served. Renders that the catalog does not know are left alone.
 */
export async function settleConflicts(options: UnlistedOptions): Promise<void> {
  const { catalog, disk, log } = options;
  for (const file of disk.conflicts()) {
    const { renderId, rendition, n, folder } = file;
    const render = await renderById(catalog.db, renderId);
    if (render === undefined) continue;
    if (render.profile === foreign) {
      await dropUnlisted(options, renderId, rendition, [[n, n + 1]]);
    } else {
      await disk.discard(file);
      log.warn({ renderId, rendition, n, folder }, 'adopted segment has other bytes than our own: removed');
    }
  }
}
