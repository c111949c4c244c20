import { sql } from 'drizzle-orm';
import type { Container, RenditionKind } from '../rendition/kind.ts';
import { bucketPlace } from './bucket-place.ts';
import type { Db } from './connect.ts';
import { parseRanges, type Ranges } from './ranges.ts';

/** What a node holds of a rendition, of which the bucket does not have everything yet. */
export interface UncopiedRow {
  readonly renderId: string;
  readonly rendition: string;
  readonly kind: RenditionKind;
  readonly container: Container;
  /** The node. */
  readonly place: string;
  readonly segments: Ranges;
  /** What the bucket has of it. */
  readonly stored: Ranges;
  /** Who has the lease of the render now; null: nobody. */
  readonly holder: string | null;
}

/**
 * Holdings that the loss of a node would take away, newest renders first, at most `limit` rows. Left out is what is made on
 * demand (it is made again on demand), and renders that have failed, were superseded or are sealed.
 */
export async function uncopiedHoldings(db: Db, limit: number): Promise<UncopiedRow[]> {
  const rows = await db.execute<{
    render_id: string;
    rendition: string;
    kind: RenditionKind;
    container: Container;
    place: string;
    segments: string;
    stored: string;
    holder: string | null;
  }>(sql`
    SELECT c.render_id, c.rendition, r.kind, r.container, c.place, c.segments::text AS segments,
      COALESCE(b.segments, '{}')::text AS stored, l.node_id AS holder
    FROM renders
    JOIN copies c ON c.render_id = renders.id AND c.place <> ${bucketPlace}
    JOIN renditions r ON r.render_id = c.render_id AND r.name = c.rendition AND NOT r.on_demand
    LEFT JOIN copies b ON b.render_id = c.render_id AND b.rendition = c.rendition AND b.place = ${bucketPlace}
    LEFT JOIN leases l ON l.render_id = c.render_id AND l.expires_at > now()
    WHERE renders.sealed_at IS NULL AND renders.state = 'active'
      AND NOT c.segments <@ COALESCE(b.segments, '{}')
    ORDER BY renders.created_at DESC, c.render_id, c.rendition, c.place
    LIMIT ${limit}::int`);
  return rows.map(({ render_id, segments, stored, ...row }) => ({
    ...row,
    renderId: render_id,
    segments: parseRanges(segments),
    stored: parseRanges(stored),
  }));
}
