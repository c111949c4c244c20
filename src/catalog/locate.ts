import { sql } from 'drizzle-orm';
import type { Db } from './connect.ts';

/** Where segment n of a rendition can be had at this moment. */
export interface Location {
  inBucket: boolean;
  /** Live nodes that hold it, the lease holder first. */
  holders: readonly { id: string; url: string }[];
  /** Who is to make it, where a live lease exists. */
  lease: { nodeId: string; epoch: number; url: string } | undefined;
}

/**
 * Looks up the copies of one segment and the lease of its render in one round trip: the query behind each request for a
 * segment. `liveSeconds`: age of a heartbeat after which a node counts as dead.
 */
export async function locate(
  db: Db,
  renderId: string,
  rendition: string,
  n: number,
  liveSeconds: number,
): Promise<Location> {
  const rows = await db.execute<{
    in_bucket: boolean;
    holders: { id: string; url: string }[] | null;
    lease: { nodeId: string; epoch: number; url: string } | null;
  }>(sql`
    WITH live AS (
      SELECT id, url FROM nodes
      WHERE state <> 'dead' AND heartbeat_at >= now() - make_interval(secs => ${liveSeconds})),
    lease AS (
      SELECT node_id, epoch FROM leases WHERE render_id = ${renderId} AND expires_at > now()),
    having_it AS (
      SELECT place FROM copies
      WHERE render_id = ${renderId} AND rendition = ${rendition} AND segments @> ${n}::int)
    SELECT
      EXISTS (SELECT 1 FROM having_it WHERE place = 'bucket') AS in_bucket,
      (SELECT json_agg(json_build_object('id', live.id, 'url', live.url)
          ORDER BY live.id IN (SELECT node_id FROM lease) DESC, live.id)
        FROM live JOIN having_it ON having_it.place = live.id) AS holders,
      (SELECT json_build_object('nodeId', lease.node_id, 'epoch', lease.epoch, 'url', live.url)
        FROM lease JOIN live ON live.id = lease.node_id) AS lease`);
  const row = rows[0];
  return {
    inBucket: row?.in_bucket ?? false,
    holders: row?.holders ?? [],
    lease: row?.lease ?? undefined,
  };
}
