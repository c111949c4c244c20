import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Db } from './connect.ts';
import { leases, renders } from './schema.ts';

/** The right to write a render, as held. */
export interface Lease {
  renderId: string;
  nodeId: string;
  /** Grows with each change of hands; a write with an older one is refused. */
  epoch: number;
}

/** A held lease as it is renewed and given back: with what another node needs to go on, should this one be gone. */
export interface HeldLease extends Lease {
  /** Segment that a viewer was last served. Absent: as the row says. */
  readonly playhead?: number;
  /** Seconds since somebody watched or waited; null: nobody does. Absent: as the row says. */
  readonly watchedSeconds?: number | null;
}

/** Held leases for a statement: `id`, `node_id`, `epoch`, and what changes of the row. */
const recordsOf = (held: readonly HeldLease[]): string =>
  JSON.stringify(
    held.map(({ renderId, nodeId, epoch, playhead, watchedSeconds }) => ({
      id: renderId,
      node_id: nodeId,
      epoch,
      playhead,
      watched_seconds: watchedSeconds,
      keeps_watched: watchedSeconds === undefined,
    })),
  );

const recordColumns = sql.raw(
  'id text, node_id text, epoch bigint, playhead int, watched_seconds float8, keeps_watched boolean',
);

const changesOfRecord = sql.raw(`
  playhead = COALESCE(mine.playhead, leases.playhead),
  watched_at = CASE WHEN mine.keeps_watched THEN leases.watched_at
    ELSE now() - make_interval(secs => mine.watched_seconds) END`);

/** The outcome of asking for a lease: it is ours now, or somebody else's. */
export type Acquired = { ours: true; lease: Lease } | { ours: false; holder: string };

/**
 * Takes the lease of a render if nobody holds it, if it has ended, or if it is ours already (a restarted process takes its
 * own lease over, with a new epoch that fences its former self). One statement, so that of two nodes one wins.
 */
export async function acquireLease(
  db: Db,
  renderId: string,
  nodeId: string,
  seconds: number,
): Promise<Acquired> {
  const rows = await db.execute<{ epoch: string }>(sql`
    INSERT INTO leases (render_id, node_id, epoch, expires_at)
    VALUES (${renderId}, ${nodeId}, 1, now() + make_interval(secs => ${seconds}))
    ON CONFLICT (render_id) DO UPDATE
    SET node_id = excluded.node_id, epoch = leases.epoch + 1, expires_at = excluded.expires_at
    WHERE leases.expires_at <= now() OR leases.node_id = excluded.node_id
    RETURNING epoch`);
  const row = rows[0];
  if (row !== undefined) return { ours: true, lease: { renderId, nodeId, epoch: Number(row.epoch) } };
  const holder = await leaseOf(db, renderId);
  return { ours: false, holder: holder?.nodeId ?? nodeId };
}

/** Extends the leases that are still ours. Returns the ids of those renders; a missing one has been fenced. */
export async function renewLeases(
  db: Db,
  nodeId: string,
  held: readonly HeldLease[],
  seconds: number,
): Promise<Set<string>> {
  if (held.length === 0) return new Set();
  const rows = await db.execute<{ render_id: string }>(sql`
    UPDATE leases SET expires_at = now() + make_interval(secs => ${seconds}), ${changesOfRecord}
    FROM jsonb_to_recordset(${recordsOf(held)}::jsonb) AS mine(${recordColumns})
    WHERE leases.render_id = mine.id AND leases.epoch = mine.epoch AND leases.node_id = ${nodeId}
    RETURNING leases.render_id`);
  return new Set(rows.map((row) => row.render_id));
}

/**
 * Ends leases at once, so that another node may take them: done rendering, or going away. The epoch grows, so that neither a
 * renewal nor a write that is on its way brings a lease back which its holder has given away. One that somebody watches is
 * handed over: another node goes on with it at once.
 */
export async function releaseLeases(db: Db, held: readonly HeldLease[]): Promise<void> {
  if (held.length === 0) return;
  await db.execute(sql`
    UPDATE leases SET expires_at = now(), epoch = leases.epoch + 1, ${changesOfRecord}
    FROM jsonb_to_recordset(${recordsOf(held)}::jsonb) AS mine(${recordColumns})
    WHERE leases.render_id = mine.id AND leases.node_id = mine.node_id AND leases.epoch = mine.epoch`);
}

/** What a node could not make is held against it for so long, in seconds. */
const failedSeconds = 3600;

/**
 * Notes that the holder of a lease could not make segment `n`. Returns how often which nodes could not make it lately; nothing
 * where the lease has passed on.
 */
export async function noteFailedOn(
  db: Db,
  { renderId, nodeId, epoch }: Lease,
  n: number,
): Promise<Map<string, number>> {
  const rows = await db.execute<{
    failed: Record<string, { n: number; at: number; turns: number }>;
    now: number;
  }>(sql`
    UPDATE leases SET failed_on = failed_on || jsonb_build_object(${nodeId}::text, jsonb_build_object(
      'n', ${n}::int, 'at', extract(epoch FROM now()),
      'turns', 1 + CASE WHEN (failed_on->${nodeId}::text->>'n')::int = ${n}::int
        AND (failed_on->${nodeId}::text->>'at')::float8 > extract(epoch FROM now()) - ${failedSeconds}::float8
        THEN (failed_on->${nodeId}::text->>'turns')::int ELSE 0 END))
    WHERE render_id = ${renderId} AND node_id = ${nodeId} AND epoch = ${epoch}
    RETURNING failed_on AS failed, extract(epoch FROM now())::float8 AS now`);
  const [row] = rows;
  const recent = Object.entries(row?.failed ?? {}).filter(
    ([, each]) => each.n === n && each.at > (row?.now ?? 0) - failedSeconds,
  );
  return new Map(recent.map(([id, { turns }]) => [id, turns]));
}

/** Ends every lease of a node that is known to be dead. Whoever takes one over fences it by the epoch, should it live after all. */
export async function endLeasesOf(db: Db, nodeId: string): Promise<void> {
  await db
    .update(leases)
    .set({ expiresAt: sql`now()` })
    .where(and(eq(leases.nodeId, nodeId), sql`${leases.expiresAt} > now()`));
}

/** The lease of a render that is in force now. */
export async function leaseOf(db: Db, renderId: string): Promise<Lease | undefined> {
  const rows = await db
    .select({ renderId: leases.renderId, nodeId: leases.nodeId, epoch: leases.epoch })
    .from(leases)
    .where(and(eq(leases.renderId, renderId), sql`${leases.expiresAt} > now()`));
  return rows[0];
}

/** Which of these renders are still to be made or finished (not failed, not superseded). */
export async function activeRenders(db: Db, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await db
    .select({ id: renders.id })
    .from(renders)
    .where(and(inArray(renders.id, [...ids]), eq(renders.state, 'active')));
  return new Set(rows.map((row) => row.id));
}

/** A render that somebody watches and nobody holds. */
export interface AbandonedRender {
  readonly renderId: string;
  /** Segment that a viewer was last served. */
  readonly playhead: number;
  /** Seconds since its lease ended. */
  readonly sinceSeconds: number;
  /** Seconds since somebody was seen to watch. */
  readonly watchedSeconds: number;
}

/**
 * Renders whose holder is gone, or has handed them over, and that somebody watched within `watchedSeconds`: at most `limit`,
 * longest ended first.
 */
export async function abandonedRenders(
  db: Db,
  watchedSeconds: number,
  limit: number,
): Promise<AbandonedRender[]> {
  const rows = await db.execute<{ render_id: string; playhead: number; since: number; watched: number }>(sql`
    SELECT leases.render_id, leases.playhead, extract(epoch FROM now() - leases.expires_at)::float8 AS since,
      extract(epoch FROM now() - leases.watched_at)::float8 AS watched
    FROM leases JOIN renders ON renders.id = leases.render_id
    WHERE leases.watched_at > now() - make_interval(secs => ${watchedSeconds})
      AND leases.expires_at <= now() AND renders.state = 'active'
    ORDER BY leases.expires_at LIMIT ${limit}::int`);
  return rows.map(({ render_id, playhead, since, watched }) => {
    return { renderId: render_id, playhead, sinceSeconds: since, watchedSeconds: watched };
  });
}
