import { eq, inArray, sql } from 'drizzle-orm';
import { gridOf, segmentCount } from '../grid/grid.ts';
import { segmentsOf } from '../rendition/kind.ts';
import { bucketPlace } from './bucket-place.ts';
import type { Db } from './connect.ts';
import { storedOf } from './copies.ts';
import { foreign } from './foreign.ts';
import type { Ranges } from './ranges.ts';
import { renders, renditions, videos } from './schema.ts';
import { foreignSizesOf, type SegmentSizes, sizesOf } from './sizes.ts';
import type { RenditionRow } from './videos.ts';

/** What the rows say of one rendition's objects. */
export interface SweptRendition extends RenditionRow {
  /** Segments that the bucket is said to have. */
  readonly stored: Ranges;
  /** Bytes of the segments, by number. */
  readonly sizes: SegmentSizes;
  /** How many segments it has; of a foreign stream, so far. */
  readonly count: number;
}

/** What the rows say of a render's objects. */
export interface SweptRender {
  readonly renderId: string;
  readonly isForeign: boolean;
  /** It is said to play from the bucket alone. */
  readonly isSealed: boolean;
  readonly renditions: readonly SweptRendition[];
}

/** What the rows say of a render's objects; undefined where the catalog does not know it. */
export async function sweptRender(db: Db, renderId: string): Promise<SweptRender | undefined> {
  const [head] = await db
    .select({
      profile: renders.profile,
      sealedAt: renders.sealedAt,
      frameCount: videos.frameCount,
      num: videos.rateNum,
      den: videos.rateDen,
    })
    .from(renders)
    .innerJoin(videos, eq(videos.id, renders.videoId))
    .where(eq(renders.id, renderId));
  if (head === undefined) return undefined;
  const isForeign = head.profile === foreign;
  const [tracks, stored, sizes] = await Promise.all([
    db
      .select({
        name: renditions.name,
        kind: renditions.kind,
        container: renditions.container,
        onDemand: renditions.onDemand,
      })
      .from(renditions)
      .where(eq(renditions.renderId, renderId)),
    storedOf(db, renderId),
    isForeign ? foreignSizesOf(db, renderId) : sizesOf(db, renderId),
  ]);
  const { num, den, frameCount } = head;
  const gridCount = isForeign ? 0 : segmentCount(gridOf({ num, den }, frameCount));
  return {
    renderId,
    isForeign,
    isSealed: head.sealedAt !== null,
    renditions: tracks.map((track): SweptRendition => {
      const known = sizes.get(track.name) ?? [];
      return {
        ...track,
        stored: stored.get(track.name) ?? [],
        sizes: known,
        count: isForeign ? known.length : segmentsOf(track, gridCount),
      };
    }),
  };
}

/** Ids read at once. */
const pageSize = 1000;

/** Ids of all renders of which the bucket is said to have something, in the order in which a bucket lists their objects. */
export async function* storedRenders(db: Db): AsyncGenerator<string> {
  for (let last = ''; ; ) {
    const page = await db.execute<{ id: string }>(sql`
      SELECT render_id AS id FROM copies
      WHERE place = ${bucketPlace} AND NOT isempty(segments) AND (render_id || '/') COLLATE "C" > ${last}::text
      GROUP BY render_id ORDER BY (render_id || '/') COLLATE "C" LIMIT ${pageSize}::int`);
    for (const { id } of page) yield id;
    const end = page.at(-1);
    if (end === undefined || page.length < pageSize) return;
    last = `${end.id}/`;
  }
}

/** Which of these renders the catalog knows. */
export async function knownRenders(db: Db, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await db
    .select({ id: renders.id })
    .from(renders)
    .where(inArray(renders.id, [...ids]));
  return new Set(rows.map(({ id }) => id));
}
