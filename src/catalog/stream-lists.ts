import { and, eq, gte, lt, sql } from 'drizzle-orm';
import type { Packing } from '../rendition/kind.ts';
import type { Db } from './connect.ts';
import type { RenditionAttributes } from './foreign.ts';
import { formatRanges, parseRanges, type Ranges } from './ranges.ts';
import { foreignSegments, renders, streams } from './schema.ts';
import type { StreamRow } from './streams.ts';
import { announce } from './wake.ts';

/** A rendition of a stream, as far as lists depend on it. */
export interface RenditionHead extends Packing {
  readonly name: string;
  readonly attributes: RenditionAttributes;
  /** Segments admitted: they have the numbers below this one. */
  readonly count: number;
  /** Segments in the bucket. */
  readonly stored: Ranges;
  /** The source has ended its playlist. */
  readonly ended: boolean;
}

/** A stream with what its lists depend on, apart from the segments. Renditions in the order of the multivariant playlist. */
export interface StreamHead extends StreamRow {
  readonly sealedAt: Date | null;
  readonly renditions: readonly RenditionHead[];
}

const headColumns = {
  videoId: streams.videoId,
  renderId: streams.renderId,
  name: streams.name,
  windowSeconds: streams.windowSeconds,
  targetDuration: streams.targetDuration,
  state: streams.state,
  failure: streams.failure,
  createdAt: streams.createdAt,
  endedAt: streams.endedAt,
  sealedAt: renders.sealedAt,
  renditions: sql<(Omit<RenditionHead, 'stored'> & { stored: string })[] | null>`(
    SELECT json_agg(json_build_object(
      'name', r.name, 'kind', r.kind, 'container', r.container, 'ended', r.ended,
      'attributes', coalesce(r.attributes, '{"source": "", "role": "variant"}'),
      'count', coalesce((
        SELECT max(n) + 1 FROM foreign_segments s WHERE s.render_id = r.render_id AND s.rendition = r.name), 0),
      'stored', coalesce((
        SELECT segments::text FROM copies c
        WHERE c.render_id = r.render_id AND c.rendition = r.name AND c.place = 'bucket'), '{}'))
      ORDER BY r.position, r.name)
    FROM renditions r WHERE r.render_id = ${streams.renderId})`,
};

/** The head of a stream, in one query whose cost does not grow with the stream's length; undefined where there is none. */
export async function streamHead(db: Db, videoId: string): Promise<StreamHead | undefined> {
  const rows = await db
    .select(headColumns)
    .from(streams)
    .innerJoin(renders, eq(renders.id, streams.renderId))
    .where(eq(streams.videoId, videoId));
  const [row] = rows;
  if (row === undefined) return undefined;
  const renditions = (row.renditions ?? []).map((one) => ({ ...one, stored: parseRanges(one.stored) }));
  return { ...row, renditions };
}

/** How many of the segments below `n` begin after a discontinuity. */
export async function discontinuitiesBefore(
  db: Db,
  renderId: string,
  rendition: string,
  n: number,
): Promise<number> {
  const rows = await db
    .select({ count: sql<number>`count(*)::int` })
    .from(foreignSegments)
    .where(
      and(
        eq(foreignSegments.renderId, renderId),
        eq(foreignSegments.rendition, rendition),
        lt(foreignSegments.n, n),
        eq(foreignSegments.discontinuity, true),
      ),
    );
  return rows[0]?.count ?? 0;
}

/** Microseconds that the given segments last, by rendition. */
export async function durationsOf(
  db: Db,
  renderId: string,
  segments: ReadonlyMap<string, Ranges>,
): Promise<Map<string, number>> {
  const list = [...segments].map(([rendition, ranges]) => ({ rendition, ranges: formatRanges(ranges) }));
  if (list.length === 0) return new Map();
  const rows = await db.execute<{ rendition: string; us: string }>(sql`
    SELECT s.rendition, sum(s.duration_us)::text AS us
    FROM jsonb_to_recordset(${JSON.stringify(list)}::jsonb) AS asked(rendition text, ranges int4multirange)
    CROSS JOIN LATERAL unnest(asked.ranges) AS part
    JOIN foreign_segments s ON s.render_id = ${renderId} AND s.rendition = asked.rendition
      AND s.n >= lower(part) AND s.n < upper(part)
    GROUP BY s.rendition`);
  return new Map(rows.map((row) => [row.rendition, Number(row.us)]));
}

/** The newest streams, without what is in them. */
export async function newestStreams(db: Db, limit: number): Promise<StreamRow[]> {
  const { sealedAt: _, renditions: __, ...columns } = headColumns;
  return db.select(columns).from(streams).orderBy(sql`${streams.createdAt} DESC`).limit(limit);
}

/**
 * Ends a stream for whoever made it: its key opens nothing any more, whoever wrote it is fenced, and what was admitted so far is
 * all there will be. Does nothing to one that was ended so.
 */
export async function endStream(db: Db, renderId: string): Promise<void> {
  await db.execute(sql`
    WITH ended AS (
      UPDATE streams SET state = 'ended', ended_at = coalesce(ended_at, now()), key_hash = 'ended ' || video_id
      WHERE render_id = ${renderId} AND key_hash NOT LIKE 'ended %' RETURNING render_id),
    fenced AS (
      UPDATE leases SET epoch = leases.epoch + 1, expires_at = now()
      FROM ended WHERE leases.render_id = ended.render_id),
    tracks AS (
      UPDATE renditions SET ended = true FROM ended WHERE renditions.render_id = ended.render_id)
    SELECT ${announce({ type: 'render', renderId, state: 'ended' })} FROM ended`);
}

/** Size and CRC-32 of admitted segments among those from `from` to `to` (exclusive), by number. */
export async function admittedFacts(
  db: Db,
  renderId: string,
  rendition: string,
  [from, to]: readonly [number, number],
): Promise<Map<number, { readonly bytes: number; readonly crc32: number }>> {
  const rows = await db
    .select({ n: foreignSegments.n, bytes: foreignSegments.bytes, source: foreignSegments.source })
    .from(foreignSegments)
    .where(
      and(
        eq(foreignSegments.renderId, renderId),
        eq(foreignSegments.rendition, rendition),
        gte(foreignSegments.n, from),
        lt(foreignSegments.n, to),
      ),
    );
  return new Map(rows.map(({ n, bytes, source }) => [n, { bytes, crc32: source.crc32 }]));
}
