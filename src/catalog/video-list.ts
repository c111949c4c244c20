import { type SQL, sql } from 'drizzle-orm';
import type { FrameRate } from '../grid/grid.ts';
import type { RenditionKind } from '../rendition/kind.ts';
import type { Db } from './connect.ts';
import type { CopyRow } from './copies.ts';
import { parseRanges } from './ranges.ts';
import type { StreamRow } from './streams.ts';

/** The newest render of a video, or a stream, with everything that an overview shows of it. */
export interface ListedVideo {
  readonly videoId: string;
  readonly renderId: string;
  readonly state: 'active' | 'superseded' | 'failed';
  /** Microseconds since 1970: what a list goes on from, together with the id of the render. */
  readonly createdAtUs: number;
  readonly frameRate: FrameRate;
  /** 0 for a stream. */
  readonly frameCount: number;
  /** What another program renders; null: a description. */
  readonly stream: {
    readonly name: string;
    readonly state: StreamRow['state'];
    /** What a segment lasts, as its first ones do, in seconds; null: it has none. */
    readonly segmentSeconds: number | null;
  } | null;
  /** Who renders it now; null: nobody. */
  readonly holder: string | null;
  readonly renditions: readonly {
    readonly name: string;
    readonly kind: RenditionKind;
    readonly onDemand: boolean;
  }[];
  /** At every place, live or not. */
  readonly copies: readonly CopyRow[];
}

/** Where a list goes on: what comes after this render, which may be gone meanwhile. */
export interface ListPosition {
  readonly createdAtUs: number;
  readonly renderId: string;
}

interface Row extends Record<string, unknown> {
  id: string;
  render_id: string;
  state: ListedVideo['state'];
  created_us: string;
  frame_count: number;
  rate_num: number;
  rate_den: number;
  stream: ListedVideo['stream'];
  holder: string | null;
  renditions: ListedVideo['renditions'] | null;
  copies: (readonly [rendition: string, place: string, segments: string])[] | null;
}

const columns = sql.raw(`
  v.id, r.id AS render_id, r.state, (extract(epoch FROM r.created_at) * 1000000)::bigint::text AS created_us,
  v.frame_count, v.rate_num, v.rate_den,
  (SELECT json_build_object('name', s.name, 'state', s.state, 'segmentSeconds', (
      SELECT avg(f.duration_us)::float8 / 1000000 FROM foreign_segments f
      WHERE f.render_id = r.id AND f.n < 50
        AND f.rendition = (SELECT name FROM renditions WHERE render_id = r.id ORDER BY position LIMIT 1)))
    FROM streams s WHERE s.render_id = r.id) AS stream,
  (SELECT l.node_id FROM leases l WHERE l.render_id = r.id AND l.expires_at > now()) AS holder,
  (SELECT json_agg(json_build_object('name', t.name, 'kind', t.kind, 'onDemand', t.on_demand) ORDER BY t.position)
    FROM renditions t WHERE t.render_id = r.id) AS renditions,
  (SELECT json_agg(json_build_array(c.rendition, c.place, c.segments::text))
    FROM copies c WHERE c.render_id = r.id) AS copies`);

const isNewest = sql.raw(`NOT EXISTS (
  SELECT 1 FROM renders later WHERE later.video_id = r.video_id AND later.generation > r.generation)`);

async function select(db: Db, where: SQL, limit: number): Promise<ListedVideo[]> {
  const rows = await db.execute<Row>(sql`
    SELECT ${columns} FROM renders r JOIN videos v ON v.id = r.video_id
    WHERE ${isNewest} AND ${where}
    ORDER BY r.created_at DESC, r.id DESC LIMIT ${limit}::int`);
  return rows.map((row) => ({
    videoId: row.id,
    renderId: row.render_id,
    state: row.state,
    createdAtUs: Number(row.created_us),
    frameRate: { num: row.rate_num, den: row.rate_den },
    frameCount: row.frame_count,
    stream: row.stream,
    holder: row.holder,
    renditions: row.renditions ?? [],
    copies: (row.copies ?? []).map(([rendition, place, segments]) => ({
      rendition,
      place,
      segments: parseRanges(segments),
    })),
  }));
}

const instantOf = (us: number): SQL => sql`timestamptz 'epoch' + ${us}::bigint * interval '1 microsecond'`;

/** Videos and streams, newest first, at most `limit`, from the one after `after` on. `idPrefix`: those whose id begins so. */
export async function listVideos(
  db: Db,
  limit: number,
  { after, idPrefix }: { readonly after?: ListPosition; readonly idPrefix?: string } = {},
): Promise<ListedVideo[]> {
  const later =
    after === undefined
      ? sql`true`
      : sql`(r.created_at, r.id) < (${instantOf(after.createdAtUs)}, ${after.renderId})`;
  const named = idPrefix === undefined ? sql`true` : sql`starts_with(r.video_id, ${idPrefix})`;
  return select(db, sql`${later} AND ${named}`, limit);
}

/** The newest ones that are not yet, or not wholly, in the bucket: what may be exposed. At most `limit`. */
export async function unsealedVideos(db: Db, limit: number, after?: ListPosition): Promise<ListedVideo[]> {
  const later =
    after === undefined
      ? sql`true`
      : sql`(r.created_at, r.id) < (${instantOf(after.createdAtUs)}, ${after.renderId})`;
  return select(db, sql`${later} AND r.sealed_at IS NULL AND r.state = 'active'`, limit);
}

/** Those of these renders that are the newest of their videos. */
export async function videosOfRenders(db: Db, renderIds: readonly string[]): Promise<ListedVideo[]> {
  if (renderIds.length === 0) return [];
  const ids = sql`SELECT jsonb_array_elements_text(${JSON.stringify(renderIds)}::jsonb)`;
  return select(db, sql`r.id IN (${ids})`, renderIds.length);
}

/** Ids of renders made since a moment (microseconds since 1970), at most `limit`, oldest first. */
export async function rendersSince(db: Db, sinceUs: number, limit: number): Promise<ListPosition[]> {
  const rows = await db.execute<{ id: string; us: string }>(sql`
    SELECT id, (extract(epoch FROM created_at) * 1000000)::bigint::text AS us FROM renders
    WHERE created_at > ${instantOf(sinceUs)} ORDER BY created_at, id LIMIT ${limit}::int`);
  return rows.map(({ id, us }) => ({ renderId: id, createdAtUs: Number(us) }));
}

/** Renders that a node says are watched: the segment that a viewer was last served from it. At most `limit`, latest first. */
export async function watchedLeases(
  db: Db,
  withinSeconds: number,
  limit: number,
): Promise<{ renderId: string; playhead: number }[]> {
  const rows = await db.execute<{ render_id: string; playhead: number }>(sql`
    SELECT render_id, playhead FROM leases
    WHERE watched_at > now() - make_interval(secs => ${withinSeconds})
    ORDER BY watched_at DESC LIMIT ${limit}::int`);
  return rows.map(({ render_id, playhead }) => ({ renderId: render_id, playhead }));
}
