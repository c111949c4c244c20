import { sql } from 'drizzle-orm';
import type { FrameRate } from '../grid/grid.ts';
import { bucketPlace } from './bucket-place.ts';
import type { Db } from './connect.ts';
import { foreign } from './foreign.ts';
import { parseRanges, type Ranges } from './ranges.ts';

/** Segments of one rendition whose only live copy is one node. */
export interface ExposedRow {
  readonly renderId: string;
  readonly rendition: string;
  readonly frameRate: FrameRate;
  /** 0 of a stream that others render. */
  readonly frameCount: number;
  readonly segments: Ranges;
  /** Seconds of these segments, where others render them: no grid says it. */
  readonly foreignSeconds: number | undefined;
}

/** One page of renders, and after which id the next begins; undefined after the last. */
export interface ExposedPage {
  readonly rows: readonly ExposedRow[];
  readonly next: string | undefined;
}

/**
 * What a node has of sound and picture, and nobody else: neither the bucket nor another live node. Renders that are sealed, failed or
 * superseded are left out. At most `limit` renders, by id, after `after`.
 */
export async function exposedAt(
  db: Db,
  nodeId: string,
  { after, limit, liveSeconds }: { after: string; limit: number; liveSeconds: number },
): Promise<ExposedPage> {
  const rows = await db.execute<{
    render_id: string;
    rendition: string | null;
    rate_num: number;
    rate_den: number;
    frame_count: number;
    segments: string | null;
    foreign_us: string | null;
  }>(sql`
    WITH page AS (
      SELECT renders.id, renders.profile, renders.video_id FROM renders
      WHERE renders.id > ${after} AND renders.sealed_at IS NULL AND renders.state = 'active'
        AND EXISTS (SELECT 1 FROM copies WHERE copies.render_id = renders.id AND copies.place = ${nodeId})
      ORDER BY renders.id LIMIT ${limit}::int),
    safe AS (
      SELECT ${bucketPlace}::text AS place
      UNION ALL SELECT id FROM nodes WHERE id <> ${nodeId} AND state <> 'dead'
        AND heartbeat_at >= now() - make_interval(secs => ${liveSeconds})),
    exposed AS (
      SELECT c.render_id, c.rendition, c.segments - COALESCE((
          SELECT range_agg(range) FROM copies o CROSS JOIN unnest(o.segments) AS range
          WHERE o.render_id = c.render_id AND o.rendition = c.rendition AND o.place IN (SELECT place FROM safe)
        ), '{}') AS segments
      FROM page
      JOIN copies c ON c.render_id = page.id AND c.place = ${nodeId}
      JOIN renditions r ON r.render_id = c.render_id AND r.name = c.rendition AND r.kind IN ('video', 'audio'))
    SELECT page.id AS render_id, v.rate_num, v.rate_den, v.frame_count, e.rendition, e.segments::text AS segments,
      CASE WHEN page.profile = ${foreign} THEN (
        SELECT sum(f.duration_us) FROM foreign_segments f
        WHERE f.render_id = e.render_id AND f.rendition = e.rendition AND e.segments @> f.n) END::text AS foreign_us
    FROM page
    JOIN videos v ON v.id = page.video_id
    LEFT JOIN exposed e ON e.render_id = page.id AND NOT isempty(e.segments)
    ORDER BY page.id`);
  const last = rows.at(-1)?.render_id;
  const count = new Set(rows.map(({ render_id }) => render_id)).size;
  return {
    next: count === limit ? last : undefined,
    rows: rows.flatMap(({ render_id, rendition, segments, foreign_us, ...row }) =>
      rendition === null || segments === null
        ? []
        : [
            {
              renderId: render_id,
              rendition,
              frameRate: { num: row.rate_num, den: row.rate_den },
              frameCount: row.frame_count,
              segments: parseRanges(segments),
              foreignSeconds: foreign_us === null ? undefined : Number(foreign_us) / 1e6,
            },
          ],
    ),
  };
}
