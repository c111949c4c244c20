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

/** Notes the sizes of segments whose rows were written without them: `[n, bytes]`. What is known stays. */
export async function addSizes(
  db: Db,
  renderId: string,
  rendition: string,
  sizes: readonly (readonly [number, number])[],
): Promise<void> {
  const known = (await sizesOf(db, renderId)).get(rendition) ?? [];
  const missing = sizes.filter(([n]) => (known[n] ?? null) === null);
  // An assignment beyond the end of an array fills what lies between with NULL, so each is one statement.
  await db.transaction(async (tx) => {
    for (const [n, bytes] of missing) {
      await tx.execute(sql`
        UPDATE renditions SET sizes[${n + 1}::int] = ${bytes}::int
        WHERE render_id = ${renderId} AND name = ${rendition} AND sizes[${n + 1}::int] IS NULL`);
    }
  });
}
