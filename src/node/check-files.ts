import { bucketPlace } from '../catalog/bucket-place.ts';
import type { Catalog } from '../catalog/connect.ts';
import { copiesOf, recordCopies, removeCopies } from '../catalog/copies.ts';
import type { Outcome, Tally } from '../catalog/findings.ts';
import { foreign } from '../catalog/foreign.ts';
import { liveNodes } from '../catalog/nodes.ts';
import { contains } from '../catalog/ranges.ts';
import { renderById } from '../catalog/videos.ts';
import { forEachOf } from '../ops/each.ts';
import { SegueError } from '../ops/errors.ts';
import type { DiskStore } from '../store/disk.ts';

/** What checking the files of a node needs. */
export interface CheckFilesOptions {
  readonly catalog: Catalog;
  readonly disk: DiskStore;
  readonly nodeId: string;
  /** Age of a heartbeat after which a node counts as dead, in seconds. */
  readonly liveSeconds: number;
  /** Has a segment made again. @throws SegueError where this node cannot */
  readonly remake: (renderId: string, rendition: string, n: number) => Promise<void>;
  readonly tally: Tally;
}

/** Files read at once: one is computed on while the other is fetched, and what viewers ask for comes between. */
const readWidth = 2;
/** Files looked at at once. */
const lookWidth = 8;

/**
 * Looks at each file on the disk: that it is there in its length, or, with `verify`, that its bytes are those that its name
 * has the checksum of. What is not right is removed, its row is taken back, and it is made again where no other place has it.
 */
export async function checkFiles(
  options: CheckFilesOptions,
  verify: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { disk, tally } = options;
  for (const renderId of disk.renders()) {
    // Both change meanwhile.
    const all = [...disk.held(renderId)].map(([name, segments]) => [name, [...segments.keys()]] as const);
    for (const [rendition, numbers] of all) {
      await forEachOf(numbers, verify ? readWidth : lookWidth, async (n) => {
        signal.throwIfAborted();
        for (const file of disk.files(renderId, rendition, n)) {
          tally.examined.files += 1;
          if (await (verify ? disk.isWhole(file) : disk.isThere(file))) continue;
          // Whoever has removed it meanwhile sees to it.
          if (!(await disk.discard(file))) continue;
          // A spare takes its place, or it was made again.
          const isStill = disk.facts(renderId, rendition, n) !== undefined;
          const done = isStill ? 'removed' : await replace(options, renderId, rendition, n);
          const name = `${renderId}/${rendition}/${n}`;
          tally.note({ kind: 'torn-file', place: options.nodeId, name, bytes: file.bytes, done });
        }
      });
    }
  }
}

/** Takes back the row of a segment that was removed from the disk, and has it made again where that is needed. */
async function replace(
  { catalog, disk, nodeId, liveSeconds, remake }: CheckFilesOptions,
  renderId: string,
  rendition: string,
  n: number,
): Promise<Outcome> {
  const { db } = catalog;
  await removeCopies(db, renderId, rendition, nodeId, [[n, n + 1]]);
  // Made again in the meantime, and perhaps recorded before the row was taken back.
  if (disk.facts(renderId, rendition, n) !== undefined)
    await recordCopies(db, renderId, rendition, nodeId, [[n, n + 1]]);
  const [copies, nodes] = await Promise.all([copiesOf(db, renderId), liveNodes(db, liveSeconds)]);
  const places = new Set([bucketPlace, ...nodes.map(({ id }) => id)]);
  const isElsewhere = copies.some(
    (copy) => copy.rendition === rendition && places.has(copy.place) && contains(copy.segments, n),
  );
  if (isElsewhere) return 'removed';
  const render = await renderById(db, renderId);
  if (render?.profile === foreign) return 'lost';
  if (render === undefined || render.state !== 'active') return 'removed';
  try {
    await remake(renderId, rendition, n);
    return 'made-again';
  } catch (error) {
    if (error instanceof SegueError) return 'made-on-demand';
    throw error;
  }
}
