import { and, eq, inArray, sql } from 'drizzle-orm';
import { bucketPlace } from './bucket-place.ts';
import type { Db } from './connect.ts';
import { formatRanges, type Ranges } from './ranges.ts';
import { copies } from './schema.ts';
import { announce } from './wake.ts';

/** What one place holds of one rendition. */
export interface CopyRow {
  rendition: string;
  place: string;
  segments: Ranges;
}

/** The holder that a write is made as: refused where the lease has passed on. */
export interface Fence {
  nodeId: string;
  epoch: number;
}

/** Every copy of a render, at every place, live or not. */
export async function copiesOf(db: Db, renderId: string): Promise<CopyRow[]> {
  return db
    .select({ rendition: copies.rendition, place: copies.place, segments: copies.segments })
    .from(copies)
    .where(eq(copies.renderId, renderId));
}

/** Every copy of several renders, at every place, live or not. */
export async function copiesOfAll(
  db: Db,
  renderIds: readonly string[],
): Promise<(CopyRow & { renderId: string })[]> {
  return db
    .select({
      renderId: copies.renderId,
      rendition: copies.rendition,
      place: copies.place,
      segments: copies.segments,
    })
    .from(copies)
    .where(inArray(copies.renderId, [...renderIds]));
}

/** What one place holds of all renders: what reconciliation compares with the disk. */
export async function copiesAt(db: Db, place: string): Promise<(CopyRow & { renderId: string })[]> {
  return db
    .select({
      renderId: copies.renderId,
      rendition: copies.rendition,
      place: copies.place,
      segments: copies.segments,
    })
    .from(copies)
    .where(eq(copies.place, place));
}

/** One rendition of a segment that was made. */
export interface MadeRendition {
  readonly name: string;
  /** Bytes of the segment. */
  readonly bytes: number;
}

/**
 * Records that the holder of a lease has segment `n` of the given renditions on its disk, their sizes, and the CPU seconds that making them
 * took (0: nothing was made that counts). Returns false, and writes nothing, where the epoch is no longer the current one: the
 * writer has been fenced.
 */
export async function recordRendered(
  db: Db,
  renderId: string,
  fence: Fence,
  n: number,
  made: readonly MadeRendition[],
  cpuSeconds = 0,
): Promise<boolean> {
  const rows = await db.execute(sql`
    WITH held AS (
      SELECT render_id FROM leases
      WHERE render_id = ${renderId} AND node_id = ${fence.nodeId} AND epoch = ${fence.epoch}
      FOR SHARE),
    made AS (
      SELECT name, bytes FROM jsonb_to_recordset(${JSON.stringify(made)}::jsonb) AS made(name text, bytes int)),
    sized AS (
      UPDATE renditions SET sizes[${n + 1}::int] = made.bytes FROM held, made
      WHERE renditions.render_id = held.render_id AND renditions.name = made.name
        AND renditions.sizes[${n + 1}::int] IS DISTINCT FROM made.bytes),
    cost AS (
      UPDATE renders SET made = renders.made + 1, cpu_seconds = renders.cpu_seconds + ${cpuSeconds}::float8,
        again_cpu_seconds = renders.again_cpu_seconds + CASE WHEN EXISTS (
          SELECT 1 FROM renditions JOIN made ON made.name = renditions.name
          WHERE renditions.render_id = ${renderId} AND renditions.sizes[${n + 1}::int] IS NOT NULL)
          THEN ${cpuSeconds}::float8 ELSE 0 END
      FROM held WHERE renders.id = held.render_id AND ${cpuSeconds}::float8 > 0),
    written AS (
      INSERT INTO copies (render_id, rendition, place, segments)
      SELECT held.render_id, made.name, ${fence.nodeId}, int4multirange(int4range(${n}::int, ${n + 1}::int))
      FROM held, made
      ORDER BY made.name
      ON CONFLICT (render_id, rendition, place)
      DO UPDATE SET segments = copies.segments + excluded.segments, updated_at = now()
      RETURNING rendition)
    SELECT ${announce({ type: 'copies', renderId, place: fence.nodeId, n })}, count(*)::int AS count FROM written HAVING count(*) > 0`);
  return rows.length > 0;
}

/** Records that a place holds these segments: in the bucket after a verified upload, on a node after a verified pull. */
export async function recordCopies(
  db: Db,
  renderId: string,
  rendition: string,
  place: string,
  segments: Ranges,
): Promise<void> {
  await db.execute(sql`
    WITH written AS (
      INSERT INTO copies (render_id, rendition, place, segments)
      VALUES (${renderId}, ${rendition}, ${place}, ${formatRanges(segments)}::int4multirange)
      ON CONFLICT (render_id, rendition, place)
      DO UPDATE SET segments = copies.segments + excluded.segments, updated_at = now()
      RETURNING 1)
    SELECT ${announce({ type: 'copies', renderId, place, n: segments[0]?.[0] ?? 0 })} FROM written`);
}

/** Sets what a place holds, whatever its row said. */
export async function replaceCopies(
  db: Db,
  renderId: string,
  rendition: string,
  place: string,
  segments: Ranges,
): Promise<void> {
  await db
    .insert(copies)
    .values({ renderId, rendition, place, segments })
    .onConflictDoUpdate({
      target: [copies.renderId, copies.rendition, copies.place],
      set: { segments, updatedAt: sql`now()` },
    });
}

/** Takes segments out of a place's row: they are no longer there. */
export async function removeCopies(
  db: Db,
  renderId: string,
  rendition: string,
  place: string,
  segments: Ranges,
): Promise<void> {
  await db
    .update(copies)
    .set({
      segments: sql`${copies.segments} - ${formatRanges(segments)}::int4multirange`,
      updatedAt: sql`now()`,
    })
    .where(and(eq(copies.renderId, renderId), eq(copies.rendition, rendition), eq(copies.place, place)));
}

/** Takes a segment out of the bucket's row, and says so to those who may have it on a disk. */
export async function loseCopy(db: Db, renderId: string, rendition: string, n: number): Promise<void> {
  await db.execute(sql`
    WITH lost AS (
      UPDATE copies SET segments = segments - int4multirange(int4range(${n}::int, ${n + 1}::int)), updated_at = now()
      WHERE render_id = ${renderId} AND rendition = ${rendition} AND place = ${bucketPlace} AND segments @> ${n}::int
      RETURNING 1),
    noted AS (
      INSERT INTO events (level, kind, video_id, text)
      SELECT 'error', 'lost', video_id, ${`The bucket has lost segment ${n} of ${rendition}; it is copied again`}
      FROM lost, renders WHERE id = ${renderId})
    SELECT ${announce({ type: 'lost', renderId, rendition, n })} FROM lost`);
}

/** Says that the bucket's copy of a segment is not right: who has the segment on its disk looks after it. */
export async function announceSuspect(db: Db, renderId: string, rendition: string, n: number): Promise<void> {
  await db.execute(sql`SELECT ${announce({ type: 'suspect', renderId, rendition, n })}`);
}

/** What the bucket holds of a render, by rendition. */
export async function storedOf(db: Db, renderId: string): Promise<Map<string, Ranges>> {
  const rows = await db
    .select({ rendition: copies.rendition, segments: copies.segments })
    .from(copies)
    .where(and(eq(copies.renderId, renderId), eq(copies.place, bucketPlace)));
  return new Map(rows.map((row) => [row.rendition, row.segments]));
}
