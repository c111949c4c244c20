import { and, asc, desc, eq, isNull, type SQL, sql } from 'drizzle-orm';
import type { FrameRate } from '../grid/grid.ts';
import type { Packing } from '../rendition/kind.ts';
import type { Db } from './connect.ts';
import type { Fence } from './copies.ts';
import { renders, renditions, videos } from './schema.ts';
import { announce } from './wake.ts';

/** A video as it is written: id, canonical text and what its grid needs. */
export interface NewVideo {
  id: string;
  /** Pinned description as canonical JSON (RFC 8785). */
  description: string;
  frameRate: FrameRate;
  frameCount: number;
}

/** A rendition by its name, and how it is packed. */
export interface RenditionRow extends Packing {
  readonly name: string;
  /** Made only once somebody asks for it; the render counts as complete without it. Absent: false. */
  readonly onDemand?: boolean;
}

/** A render as it is written. `renditions` in the order of the multivariant playlist. */
export interface NewRender {
  id: string;
  generation: number;
  rendererVersion: string;
  profile: string;
  renditions: readonly RenditionRow[];
  /** CPU seconds that making all of it is estimated to take. Absent: nobody has estimated it. */
  costSeconds?: number;
}

/** A video with one of its renders, everything a playlist needs but the copies. */
export interface RenderRow {
  videoId: string;
  description: string;
  frameRate: FrameRate;
  frameCount: number;
  renderId: string;
  generation: number;
  rendererVersion: string;
  profile: string;
  state: 'active' | 'superseded' | 'failed';
  failure: string | null;
  sealedAt: Date | null;
  renditions: readonly RenditionRow[];
}

/**
 * Inserts the video and its first render in one statement, because somebody waits for the first segment. Returns whether the
 * video is new; a known one is left as it is (same id means same canonical text).
 */
export async function insertVideo(db: Db, video: NewVideo, render: NewRender): Promise<'new' | 'known'> {
  const { num, den } = video.frameRate;
  const rows = await db.execute(sql`
    WITH video AS (
      INSERT INTO videos (id, description, frame_count, rate_num, rate_den)
      VALUES (${video.id}, ${video.description}, ${video.frameCount}, ${num}, ${den})
      ON CONFLICT DO NOTHING
      RETURNING id),
    ${renderOfVideo(render)}
    SELECT id FROM video`);
  return rows.length > 0 ? 'new' : 'known';
}

/** Inserts a render of each video in `video` before it, with its renditions; does nothing where that generation exists. */
function renderOfVideo(render: NewRender): SQL {
  const list = JSON.stringify(render.renditions.map((rendition, position) => ({ ...rendition, position })));
  return sql`
    render AS (
      INSERT INTO renders (id, video_id, generation, renderer_version, profile, cost_seconds)
      SELECT ${render.id}, video.id, ${render.generation}::int, ${render.rendererVersion}, ${render.profile},
        ${render.costSeconds ?? null}::float8
      FROM video
      ON CONFLICT DO NOTHING
      RETURNING id),
    tracks AS (
      INSERT INTO renditions (render_id, name, kind, container, on_demand, position)
      SELECT render.id, track.name, track.kind, track.container, COALESCE(track."onDemand", false), track.position
      FROM render, jsonb_to_recordset(${list}::jsonb)
        AS track(name text, kind text, container text, "onDemand" boolean, position int))`;
}

const columns = {
  videoId: videos.id,
  description: videos.description,
  rateNum: videos.rateNum,
  rateDen: videos.rateDen,
  frameCount: videos.frameCount,
  renderId: renders.id,
  generation: renders.generation,
  rendererVersion: renders.rendererVersion,
  profile: renders.profile,
  state: renders.state,
  failure: renders.failure,
  sealedAt: renders.sealedAt,
  renditions: sql<RenditionRow[]>`(
    SELECT json_agg(json_build_object('name', r.name, 'kind', r.kind, 'container', r.container,
      'onDemand', r.on_demand) ORDER BY r.position)
    FROM renditions r WHERE r.render_id = renders.id)`,
};

type Row = { [K in keyof RenderRow as K extends 'frameRate' ? never : K]: RenderRow[K] } & {
  rateNum: number;
  rateDen: number;
};

const toRender = ({ rateNum, rateDen, ...row }: Row): RenderRow => ({
  ...row,
  renditions: row.renditions ?? [],
  frameRate: { num: rateNum, den: rateDen },
});

/** The render of a video that new sessions get: its newest, whatever its state. Undefined where the video is not known. */
export async function currentRender(db: Db, videoId: string): Promise<RenderRow | undefined> {
  const rows = await db
    .select(columns)
    .from(renders)
    .innerJoin(videos, eq(videos.id, renders.videoId))
    .where(eq(renders.videoId, videoId))
    .orderBy(desc(renders.generation))
    .limit(1);
  return rows[0] === undefined ? undefined : toRender(rows[0]);
}

/** One generation of a video's render. */
export async function renderOfGeneration(
  db: Db,
  videoId: string,
  generation: number,
): Promise<RenderRow | undefined> {
  const rows = await db
    .select(columns)
    .from(renders)
    .innerJoin(videos, eq(videos.id, renders.videoId))
    .where(and(eq(renders.videoId, videoId), eq(renders.generation, generation)));
  return rows[0] === undefined ? undefined : toRender(rows[0]);
}

/** A render by its own id: what a node asks for. */
export async function renderById(db: Db, renderId: string): Promise<RenderRow | undefined> {
  const rows = await db
    .select(columns)
    .from(renders)
    .innerJoin(videos, eq(videos.id, renders.videoId))
    .where(eq(renders.id, renderId));
  return rows[0] === undefined ? undefined : toRender(rows[0]);
}

/** The init segment of a rendition; undefined until somebody has rendered a segment. */
export async function initOf(db: Db, renderId: string, rendition: string): Promise<Uint8Array | undefined> {
  const rows = await db
    .select({ init: renditions.init })
    .from(renditions)
    .where(and(eq(renditions.renderId, renderId), eq(renditions.name, rendition)));
  return rows[0]?.init ?? undefined;
}

/** Every rendition's init segment that is known. */
export async function initsOf(db: Db, renderId: string): Promise<Map<string, Uint8Array>> {
  const rows = await db
    .select({ name: renditions.name, init: renditions.init })
    .from(renditions)
    .where(eq(renditions.renderId, renderId))
    .orderBy(asc(renditions.position));
  return new Map(rows.flatMap((row) => (row.init === null ? [] : [[row.name, row.init] as const])));
}

/**
 * Stores the init segment where there is none yet and the lease `by` is current, and returns the one that is stored
 * afterwards: the caller compares it with its own, because every encoder must come with the same codec configuration.
 */
export async function settleInit(
  db: Db,
  renderId: string,
  rendition: string,
  init: Uint8Array,
  by: Fence,
): Promise<Uint8Array> {
  const mine = and(eq(renditions.renderId, renderId), eq(renditions.name, rendition));
  const written = await db
    .update(renditions)
    .set({ init })
    .where(and(mine, isNull(renditions.init), isCurrent(renderId, by)))
    .returning({ renderId: renditions.renderId });
  if (written.length > 0) return init;
  return (await initOf(db, renderId, rendition)) ?? init;
}

/** Marks a render as one that nobody can make, with the reason viewers and operators get. With `by`, only while that lease is current. */
export async function failRender(db: Db, renderId: string, failure: string, by?: Fence): Promise<void> {
  await endRender(db, renderId, 'failed', failure, by);
}

/** Marks a render as replaced, and inserts its successor. With `by`, only while that lease is current. */
export async function supersedeRender(
  db: Db,
  renderId: string,
  reason: string,
  next: NewRender,
  by?: Fence,
): Promise<void> {
  await endRender(db, renderId, 'superseded', reason, by, next);
}

/**
 * One statement, so that a holder that was fenced meanwhile decides nothing. And no transaction of several: the driver (3.4.9)
 * throws where nobody can catch it when the connection goes in the middle of one.
 */
async function endRender(
  db: Db,
  renderId: string,
  state: 'failed' | 'superseded',
  reason: string,
  by: Fence | undefined,
  next?: NewRender,
): Promise<void> {
  const fenced = by === undefined ? sql`true` : isCurrent(renderId, by);
  await db.execute(sql`
    WITH ended AS (
      UPDATE renders SET state = ${state}, failure = ${reason}
      WHERE id = ${renderId} AND state = 'active' AND ${fenced}
      RETURNING id, video_id),
    video AS (SELECT video_id AS id FROM ended)
    ${next === undefined ? sql`` : sql`, ${renderOfVideo(next)}`}
    SELECT ${announce({ type: 'render', renderId, state })} FROM ended`);
}

/** Whether the lease of a render is still the one that a write is made under. */
const isCurrent = (renderId: string, by: Fence): SQL =>
  sql`EXISTS (SELECT 1 FROM leases
    WHERE render_id = ${renderId} AND node_id = ${by.nodeId} AND epoch = ${by.epoch})`;

/** Notes that the finished playlists are in the bucket. */
export async function markSealed(db: Db, renderId: string): Promise<void> {
  await db.execute(sql`
    WITH done AS (
      UPDATE renders SET sealed_at = now() WHERE id = ${renderId} AND sealed_at IS NULL RETURNING id)
    SELECT ${announce({ type: 'render', renderId, state: 'sealed' })} FROM done`);
}
