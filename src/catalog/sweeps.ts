import { and, eq, sql } from 'drizzle-orm';
import { bucketPlace } from './bucket-place.ts';
import type { Db } from './connect.ts';
import { sweeps } from './schema.ts';

/** The right of one node to compare the bucket with the rows, while it is extended. */
export interface SweepTurn {
  readonly nodeId: string;
  readonly epoch: number;
  /** When it was given, by the database's clock and in its words. */
  readonly at: string;
}

/** How asking for a turn ended: it is ours, another one is under way, or one has ended lately enough. */
export type ClaimedSweep =
  | { readonly kind: 'ours'; readonly turn: SweepTurn }
  | { readonly kind: 'running'; readonly nodeId: string }
  /** `report` as it was given to {@link finishSweep}; null where there is none. */
  | { readonly kind: 'finished'; readonly report: unknown };

/**
 * Asks for the one sweep of the whole deployment. It is ours unless another one's time has not run out, or one has ended
 * within the last `freshSeconds`. One statement, so that of two nodes one wins; no connection is held meanwhile.
 */
export async function claimSweep(
  db: Db,
  nodeId: string,
  seconds: number,
  freshSeconds: number,
): Promise<ClaimedSweep> {
  const [mine] = await db.execute<{ epoch: string; at: string }>(sql`
    INSERT INTO sweeps (what, node_id, epoch, expires_at)
    VALUES (${bucketPlace}, ${nodeId}, 1, now() + make_interval(secs => ${seconds}::float8))
    ON CONFLICT (what) DO UPDATE
    SET node_id = excluded.node_id, epoch = sweeps.epoch + 1, expires_at = excluded.expires_at
    WHERE sweeps.expires_at <= now()
      AND (sweeps.finished_at IS NULL OR sweeps.finished_at <= now() - make_interval(secs => ${freshSeconds}::float8))
    RETURNING epoch, now()::text AS at`);
  if (mine !== undefined) return { kind: 'ours', turn: { nodeId, epoch: Number(mine.epoch), at: mine.at } };
  const [other] = await db
    .select({
      nodeId: sweeps.nodeId,
      isFresh: sql<boolean>`${sweeps.expiresAt} <= now()
        AND ${sweeps.finishedAt} > now() - make_interval(secs => ${freshSeconds}::float8)`,
      report: sweeps.report,
    })
    .from(sweeps)
    .where(eq(sweeps.what, bucketPlace));
  if (other?.isFresh === true) return { kind: 'finished', report: other.report };
  // One that has just ended in failure counts as running still: whoever asks again gets the turn.
  return { kind: 'running', nodeId: other?.nodeId ?? nodeId };
}

const isTurn = ({ nodeId, epoch }: SweepTurn) =>
  and(eq(sweeps.what, bucketPlace), eq(sweeps.nodeId, nodeId), eq(sweeps.epoch, epoch));

/** Extends a turn. False where its time ran out and another sweep has begun: this one is to end. */
export async function renewSweep(db: Db, turn: SweepTurn, seconds: number): Promise<boolean> {
  const rows = await db
    .update(sweeps)
    .set({ expiresAt: sql`now() + make_interval(secs => ${seconds}::float8)` })
    .where(isTurn(turn))
    .returning({ epoch: sweeps.epoch });
  return rows.length > 0;
}

/** Ends a turn; with a report where the sweep came to its end. */
export async function finishSweep(db: Db, turn: SweepTurn, report?: object): Promise<void> {
  await db
    .update(sweeps)
    .set({ expiresAt: sql`now()`, ...(report === undefined ? {} : { finishedAt: sql`now()`, report }) })
    .where(isTurn(turn));
}
