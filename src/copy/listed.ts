import type { Db } from '../catalog/connect.ts';
import { foreign } from '../catalog/foreign.ts';
import { numbersIn, type Ranges, rangesOf } from '../catalog/ranges.ts';
import { admittedFacts } from '../catalog/stream-lists.ts';
import type { RenderRow } from '../catalog/videos.ts';
import type { DiskSegment } from '../store/disk-folder.ts';

/**
 * Those of some segments on a disk that stand for their numbers. Of a render of ours all do. Of a foreign stream only what was
 * listed with these very bytes: a node that was stopped, or fenced, between rename and row leaves others there, and their numbers
 * may be given to other bytes by another node.
 */
export async function listedOnDisk(
  db: Db,
  { renderId, profile }: Pick<RenderRow, 'renderId' | 'profile'>,
  rendition: string,
  ranges: Ranges,
  here: (n: number) => DiskSegment | undefined,
): Promise<Ranges> {
  if (profile !== foreign) return ranges;
  const listed: number[] = [];
  for (const range of ranges) {
    const rows = await admittedFacts(db, renderId, rendition, range);
    for (const n of numbersIn([range])) {
      const [row, held] = [rows.get(n), here(n)];
      if (row !== undefined && row.bytes === held?.bytes && row.crc32 === held.crc32) listed.push(n);
    }
  }
  return rangesOf(listed);
}
