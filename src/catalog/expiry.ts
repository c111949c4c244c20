import { type SQL, sql } from 'drizzle-orm';
import { bucketPlace } from './bucket-place.ts';
import type { Db } from './connect.ts';
import { foreign } from './foreign.ts';
import { announce } from './wake.ts';

/** Until when somebody may have watched a video: a session that began last is taken to go on to the end. */
const endedAt: SQL = sql.raw(`(COALESCE(
  (SELECT d.last_at FROM demand d WHERE d.video_id = v.id), v.created_at)
  + make_interval(secs => v.frame_count::float8 * v.rate_den / v.rate_num))`);

/**
 * Renders of ours of which the bucket has something, and that nobody has watched since `before` (milliseconds since 1970), by id,
 * those after `after`.
 */
export async function storedUnwatched(
  db: Db,
  before: number,
  after: string,
  limit: number,
): Promise<readonly { readonly renderId: string; readonly endedAt: number }[]> {
  const rows = await db.execute<{ id: string; ended: number }>(sql`
    SELECT r.id, (extract(epoch FROM ${endedAt}) * 1000)::float8 AS ended
    FROM renders r JOIN videos v ON v.id = r.video_id
    WHERE r.id > ${after} AND r.profile <> ${foreign} AND ${endedAt} < to_timestamp(${before}::float8 / 1000)
      AND EXISTS (SELECT 1 FROM copies c
        WHERE c.render_id = r.id AND c.place = ${bucketPlace} AND NOT isempty(c.segments))
    ORDER BY r.id LIMIT ${limit}::int`);
  return rows.map(({ id, ended }) => ({ renderId: id, endedAt: ended }));
}

/**
 * Says that the bucket has nothing of a render any more, where nobody has watched it since `before` (milliseconds since 1970). Returns
 * whether this call did it: then its objects are to be removed.
 */
export async function expireStored(db: Db, renderId: string, before: number): Promise<boolean> {
  const rows = await db.execute(sql`
    WITH left_alone AS (
      SELECT r.id FROM renders r JOIN videos v ON v.id = r.video_id
      WHERE r.id = ${renderId} AND ${endedAt} < to_timestamp(${before}::float8 / 1000)),
    gone AS (
      DELETE FROM copies USING left_alone
      WHERE copies.render_id = left_alone.id AND place = ${bucketPlace} RETURNING 1),
    unsealed AS (UPDATE renders SET sealed_at = NULL FROM left_alone WHERE renders.id = left_alone.id)
    SELECT ${announce({ type: 'render', renderId, state: 'expired' })} FROM gone LIMIT 1`);
  return rows.length > 0;
}
