import { sql } from 'drizzle-orm';
import type { Db } from './connect.ts';
import { announce } from './wake.ts';

/** The lease of a stream has to have ended so long ago: its producer may be on the way to another node. In seconds. */
const graceSeconds = 30;
/** Streams that one call ends at most. */
const mostStreams = 100;

/**
 * Ends streams all of whose renditions have ended, and whose node died before it could write that. Returns their renders. The
 * lease's row is locked meanwhile: a node that takes the stream over finds it ended, or has it for itself.
 */
export async function endAbandoned(db: Db): Promise<string[]> {
  const isLeft = sql`expires_at < now() - make_interval(secs => ${graceSeconds})`;
  const found = await db.execute<{ id: string }>(sql`
    SELECT s.render_id AS id FROM streams s JOIN leases l ON l.render_id = s.render_id
    WHERE s.state IN ('waiting', 'live') AND ${isLeft}
      AND (SELECT bool_and(ended) FROM renditions r WHERE r.render_id = s.render_id)
    LIMIT ${mostStreams}`);
  const ended: string[] = [];
  for (const { id } of found) {
    const rows = await db.execute(sql`
      WITH left_alone AS (SELECT render_id FROM leases WHERE render_id = ${id} AND ${isLeft} FOR UPDATE),
      done AS (
        UPDATE streams SET state = 'ended', ended_at = now(), target_duration = coalesce(target_duration, (
          SELECT greatest(1, max(round(duration_us / 1e6)))::int FROM foreign_segments WHERE render_id = ${id}))
        FROM left_alone WHERE streams.render_id = left_alone.render_id AND state IN ('waiting', 'live') RETURNING 1)
      SELECT ${announce({ type: 'render', renderId: id, state: 'ended' })} FROM done`);
    if (rows.length > 0) ended.push(id);
  }
  return ended;
}
