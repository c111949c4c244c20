import { eq, lt, sql } from 'drizzle-orm';
import type { Db } from './connect.ts';
import { orphans } from './schema.ts';

/** An object that nothing is known of. */
export interface OrphanObject {
  readonly key: string;
  readonly bytes: number;
}

/**
 * Remembers orphans that a sweep has met. Returns the keys of those that may be removed: an earlier sweep has told of them, and
 * they have been known for the grace time. One whose size has changed is another object, whose time begins anew.
 * `sweptAt`: when this sweep began, as {@link claimSweep} says it. Times are the database's.
 */
export async function noteOrphans(
  db: Db,
  objects: readonly OrphanObject[],
  sweptAt: string,
  graceSeconds: number,
): Promise<Set<string>> {
  if (objects.length === 0) return new Set();
  const rows = await db.execute<{ key: string; due: boolean }>(sql`
    INSERT INTO orphans (key, bytes, first_seen, last_seen)
    SELECT key, bytes, now(), now() FROM jsonb_to_recordset(${JSON.stringify(objects)}::jsonb) AS o(key text, bytes bigint)
    ON CONFLICT (key) DO UPDATE SET last_seen = now(), bytes = excluded.bytes,
      first_seen = CASE WHEN orphans.bytes = excluded.bytes THEN orphans.first_seen ELSE now() END
    RETURNING key, first_seen < ${sweptAt}::timestamptz
      AND first_seen <= now() - make_interval(secs => ${graceSeconds}::float8) AS due`);
  return new Set(rows.filter(({ due }) => due).map(({ key }) => key));
}

/** Forgets an orphan that was removed. */
export async function forgetOrphan(db: Db, key: string): Promise<void> {
  await db.delete(orphans).where(eq(orphans.key, key));
}

/** Forgets the orphans that a whole sweep did not meet: they are gone, or known again. */
export async function forgetUnseen(db: Db, sweptAt: string): Promise<void> {
  await db.delete(orphans).where(lt(orphans.lastSeen, sql`${sweptAt}::timestamptz`));
}
