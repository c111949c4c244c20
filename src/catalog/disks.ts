import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Db } from './connect.ts';
import { formatRanges, type Ranges } from './ranges.ts';
import { disks } from './schema.ts';

/** A disk that a node has claimed. */
export interface ClaimedDisk {
  readonly id: string;
  /** Nodes whose rows may still say that they have what is on it. */
  readonly formerNodes: readonly string[];
  /** This node has gone through it already, at an earlier start. */
  readonly isSettled: boolean;
}

/** A disk that another node has. */
export interface HeldDisk {
  readonly id: string;
  readonly nodeId: string;
  /** When that node's claim ends, as text: another value at the next look says that the node lives. */
  readonly expiresAt: string;
}

/** The outcome of a claim: all disks are ours now, or none is, because other nodes have `held`. */
export type DiskClaim =
  | { readonly ours: true; readonly disks: readonly ClaimedDisk[] }
  | { readonly ours: false; readonly held: readonly HeldDisk[] };

/**
 * Claims disks for a node, for so many seconds: all of them or none. A disk can be had that nobody has, that is this node's already,
 * or whose claim has ended. Disks that the node had and does not claim now are let go of, since its rows are corrected to what it has.
 * One statement, so that of two nodes one wins.
 */
export async function claimDisks(
  db: Db,
  nodeId: string,
  ids: readonly string[],
  seconds: number,
): Promise<DiskClaim> {
  const me = sql`${nodeId}::text`;
  const rows = await db.execute<{
    id: string;
    holder: string | null;
    expires: string | null;
    former: string[] | null;
    settled: boolean | null;
  }>(sql`
    WITH wanted AS (SELECT value AS id FROM jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb)),
    -- All that is to be changed, in one order: two claims cannot lock each other out.
    found AS (
      SELECT id, node_id, expires_at FROM disks
      WHERE id IN (SELECT id FROM wanted) OR node_id = ${me} OR ${me} = ANY (former_nodes)
      ORDER BY id FOR UPDATE),
    held AS (
      SELECT * FROM found
      WHERE id IN (SELECT id FROM wanted) AND node_id <> ${me} AND expires_at > now()),
    claimed AS (
      INSERT INTO disks (id, node_id, expires_at)
      SELECT id, ${me}, now() + make_interval(secs => ${seconds}) FROM wanted
      WHERE NOT EXISTS (SELECT 1 FROM held) ORDER BY id
      ON CONFLICT (id) DO UPDATE SET node_id = excluded.node_id, expires_at = excluded.expires_at,
        claimed_at = CASE WHEN disks.node_id = excluded.node_id THEN disks.claimed_at ELSE now() END,
        settled_at = CASE WHEN disks.node_id = excluded.node_id THEN disks.settled_at END,
        former_nodes = CASE WHEN disks.node_id = excluded.node_id THEN disks.former_nodes
          ELSE array_remove(array_remove(disks.former_nodes || disks.node_id, excluded.node_id), NULL) END
      WHERE disks.node_id IS NULL OR disks.node_id = excluded.node_id OR disks.expires_at <= now()
      RETURNING id, former_nodes, settled_at),
    let_go AS (
      UPDATE disks SET node_id = nullif(node_id, ${me}), former_nodes = array_remove(former_nodes, ${me})
      WHERE (node_id = ${me} OR ${me} = ANY (former_nodes)) AND id NOT IN (SELECT id FROM wanted)
        AND NOT EXISTS (SELECT 1 FROM held))
    SELECT wanted.id, held.node_id AS holder, held.expires_at::text AS expires,
      to_json(claimed.former_nodes) AS former, claimed.settled_at IS NOT NULL AS settled
    FROM wanted LEFT JOIN held ON held.id = wanted.id LEFT JOIN claimed ON claimed.id = wanted.id`);
  const claimed = rows.flatMap(({ id, former, settled }) =>
    former === null ? [] : [{ id, formerNodes: former, isSettled: settled === true }],
  );
  if (claimed.length === ids.length) return { ours: true, disks: claimed };
  const held = rows.flatMap(({ id, holder, expires }) =>
    holder === null || expires === null ? [] : [{ id, nodeId: holder, expiresAt: expires }],
  );
  return { ours: false, held };
}

/** Extends the claims that are still this node's. Returns their disks; a missing one is another node's now. */
export async function renewDisks(
  db: Db,
  nodeId: string,
  ids: readonly string[],
  seconds: number,
): Promise<Set<string>> {
  const rows = await db
    .update(disks)
    .set({ expiresAt: sql`now() + make_interval(secs => ${seconds})` })
    .where(and(inArray(disks.id, [...ids]), eq(disks.nodeId, nodeId)))
    .returning({ id: disks.id });
  return new Set(rows.map(({ id }) => id));
}

/** Ends the claims of a node that stops, so that another one may adopt its disks at once. They stay this node's until then. */
export async function releaseDisks(db: Db, nodeId: string, ids: readonly string[]): Promise<void> {
  await db
    .update(disks)
    .set({ expiresAt: sql`now()` })
    .where(and(inArray(disks.id, [...ids]), eq(disks.nodeId, nodeId)));
}

/** Says that a node has gone through its disks: no rows of former nodes speak of them any more. */
export async function settleDisks(db: Db, nodeId: string, ids: readonly string[]): Promise<void> {
  await db
    .update(disks)
    .set({ formerNodes: [], settledAt: sql`now()` })
    .where(and(inArray(disks.id, [...ids]), eq(disks.nodeId, nodeId)));
}

/**
 * Takes segments that are on a disk out of the rows of a node that had it. Does nothing where that node has been started again since:
 * it then corrected its rows by itself, and what they say is true.
 */
export async function removeFormerCopies(
  db: Db,
  diskId: string,
  formerNode: string,
  renderId: string,
  rendition: string,
  segments: Ranges,
): Promise<void> {
  await db.execute(sql`
    UPDATE copies SET segments = segments - ${formatRanges(segments)}::int4multirange, updated_at = now()
    WHERE render_id = ${renderId} AND rendition = ${rendition} AND place = ${formerNode}
      AND EXISTS (SELECT 1 FROM disks WHERE id = ${diskId} AND ${formerNode}::text = ANY (former_nodes))`);
}
