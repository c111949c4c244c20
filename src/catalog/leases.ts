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
  held: readonly Lease[],
  seconds: number,
): Promise<Set<string>> {
  if (held.length === 0) return new Set();
  const list = JSON.stringify(held.map(({ renderId, epoch }) => ({ id: renderId, epoch })));
  const rows = await db.execute<{ render_id: string }>(sql`
    UPDATE leases SET expires_at = now() + make_interval(secs => ${seconds})
    FROM jsonb_to_recordset(${list}::jsonb) AS mine(id text, epoch bigint)
    WHERE leases.render_id = mine.id AND leases.epoch = mine.epoch AND leases.node_id = ${nodeId}
    RETURNING leases.render_id`);
  return new Set(rows.map((row) => row.render_id));
}

/**
 * Ends leases at once, so that another node may take them: done rendering, or going away. The epoch grows, so that neither a
 * renewal nor a write that is on its way brings a lease back which its holder has given away.
 */
export async function releaseLeases(db: Db, held: readonly Lease[]): Promise<void> {
  if (held.length === 0) return;
  const list = JSON.stringify(held.map(({ renderId, nodeId, epoch }) => ({ id: renderId, nodeId, epoch })));
  await db.execute(sql`
    UPDATE leases SET expires_at = now(), epoch = leases.epoch + 1
    FROM jsonb_to_recordset(${list}::jsonb) AS mine(id text, "nodeId" text, epoch bigint)
    WHERE leases.render_id = mine.id AND leases.node_id = mine."nodeId" AND leases.epoch = mine.epoch`);
}

/** Ends every lease of a node that is known to be dead. Whoever takes one over fences it by the epoch, should it live after all. */
export async function endLeasesOf(db: Db, nodeId: string): Promise<void> {
  await db.update(leases).set({ expiresAt: sql`now()` }).where(eq(leases.nodeId, nodeId));
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
