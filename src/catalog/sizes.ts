import { sql } from 'drizzle-orm';
import type { Db } from './connect.ts';

/** Bytes of each segment of a rendition, by its number; null where it was never made. */
export type SegmentSizes = readonly (number | null)[];

/**
 * The sizes of a render's segments, by rendition. An array of PostgreSQL's begins where it was first written (a render may
 * begin anywhere), so what is before that is filled in.
 */
export async function sizesOf(db: Db, renderId: string): Promise<Map<string, SegmentSizes>> {
  const rows = await db.execute<{ name: string; first: number; sizes: (number | null)[] }>(sql`
    SELECT name, COALESCE(array_lower(sizes, 1), 1) AS first, to_json(sizes) AS sizes
    FROM renditions WHERE render_id = ${renderId}`);
  return new Map(
    rows.map(({ name, first, sizes }) => [
      name,
      // Segment n is at index n + 1.
      [...Array.from({ length: first - 1 }, () => null), ...sizes],
    ]),
  );
}

/** The sizes of a foreign stream's segments, by rendition: each has its row. */
export async function foreignSizesOf(db: Db, renderId: string): Promise<Map<string, SegmentSizes>> {
  const rows = await db.execute<{ rendition: string; sizes: number[] }>(sql`
    SELECT rendition, json_agg(bytes ORDER BY n) AS sizes
    FROM foreign_segments WHERE render_id = ${renderId} GROUP BY rendition`);
  return new Map(rows.map(({ rendition, sizes }) => [rendition, sizes]));
}

/** Notes the sizes of segments whose rows were written without them: `[n, bytes]`. What is known stays. */
export async function addSizes(
  db: Db,
  renderId: string,
  rendition: string,
  sizes: readonly (readonly [number, number])[],
): Promise<void> {
  if (sizes.length === 0) return;
  const last = Math.max(...sizes.map(([n]) => n));
  await db.execute(sql`
    UPDATE renditions SET sizes = (
      SELECT array_agg(COALESCE(renditions.sizes[i], given.bytes) ORDER BY i)
      FROM generate_series(1, GREATEST(COALESCE(array_upper(renditions.sizes, 1), 0), ${last + 1}::int)) AS i
      LEFT JOIN jsonb_to_recordset(${JSON.stringify(sizes.map(([n, bytes]) => ({ n, bytes })))}::jsonb)
        AS given(n int, bytes int) ON given.n = i - 1)
    WHERE render_id = ${renderId} AND name = ${rendition}`);
}
