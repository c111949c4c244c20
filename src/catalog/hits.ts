import { sql } from 'drizzle-orm';
import type { Db } from './connect.ts';

/** Requests of one client in the window that runs. */
export interface Hits {
  readonly count: number;
  readonly resetsAt: Date;
}

/** Windows that have ended and are forgotten by each request, at most. */
const forgottenAtOnce = 20;

/** Counts a request of `client` in a window of so many milliseconds, which begins with the first of them. */
export async function countHit(db: Db, client: string, windowMs: number): Promise<Hits> {
  const ends = sql`now() + make_interval(secs => ${windowMs / 1000}::float8)`;
  const rows = await db.execute<{ count: number; resetsAtMs: number }>(sql`
    WITH forgotten AS (
      DELETE FROM hits WHERE client IN (
        SELECT client FROM hits WHERE resets_at < now() - interval '1 minute' AND client <> ${client}
        LIMIT ${forgottenAtOnce} FOR UPDATE SKIP LOCKED))
    INSERT INTO hits AS h (client, count, resets_at) VALUES (${client}, 1, ${ends})
    ON CONFLICT (client) DO UPDATE SET
      count = CASE WHEN h.resets_at <= now() THEN 1 ELSE h.count + 1 END,
      resets_at = CASE WHEN h.resets_at <= now() THEN ${ends} ELSE h.resets_at END
    RETURNING count, extract(epoch FROM resets_at)::float8 * 1000 AS "resetsAtMs"`);
  const [row] = rows;
  return { count: row?.count ?? 1, resetsAt: new Date(row?.resetsAtMs ?? Date.now() + windowMs) };
}

/** Takes one request back. */
export async function uncountHit(db: Db, client: string): Promise<void> {
  await db.execute(sql`UPDATE hits SET count = greatest(0, count - 1) WHERE client = ${client}`);
}

/** Forgets what a client has asked. */
export async function forgetHits(db: Db, client: string): Promise<void> {
  await db.execute(sql`DELETE FROM hits WHERE client = ${client}`);
}
