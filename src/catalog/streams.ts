import { and, asc, desc, eq, gte, lt, sql } from 'drizzle-orm';
import type { Packing } from '../rendition/kind.ts';
import type { Db } from './connect.ts';
import type { Fence } from './copies.ts';
import {
  foreign,
  type InitKey,
  type RenditionAttributes,
  type SegmentKey,
  type SegmentSource,
} from './foreign.ts';
import { foreignFiles, foreignSegments, renditions, streams } from './schema.ts';
import { announce } from './wake.ts';

/**
 * Foreign streams: a video with one render that somebody else makes. Copies, leases and {@link locate} are those of any render;
 * what a description would tell (durations, inits, attributes) is in the rows here. Everything that a node writes is fenced by
 * its lease. A segment's row is never changed, and rows of a rendition have the numbers 0, 1, 2, ... without a gap.
 */

/** A stream as it is made. Ids are random: no two streams are the same, whatever their names. */
export interface NewStream {
  readonly videoId: string;
  readonly renderId: string;
  /** For people. */
  readonly name: string;
  /** `streamKeyHash` of the key that was handed out. */
  readonly keyHash: string;
  /** Seconds of the sliding list; null: everything stays listed. */
  readonly windowSeconds: number | null;
  /** Whole seconds that no segment will exceed; null: taken from the source when the stream goes live. */
  readonly targetDuration: number | null;
}

/**
 * A stream as it stands. `waiting`: nothing to play yet. `live`: every rendition that the source has announced has the three
 * segments that a list begins with (or it is high time), the target duration is fixed. `ended`: the source said so for each
 * rendition, and each segment is recorded. `failed`: it cannot go on, `failure` says why.
 */
export interface StreamRow {
  readonly videoId: string;
  readonly renderId: string;
  readonly name: string;
  readonly windowSeconds: number | null;
  readonly targetDuration: number | null;
  readonly state: 'waiting' | 'live' | 'ended' | 'failed';
  readonly failure: string | null;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

/** A rendition of a stream. `ended`: its source has ended its playlist. */
export interface ForeignRendition extends Packing {
  readonly name: string;
  readonly position: number;
  readonly attributes: RenditionAttributes;
  readonly ended: boolean;
}

/** A segment as it is listed. */
export interface ForeignSegment {
  readonly n: number;
  readonly durationUs: number;
  /** Whether EXT-X-DISCONTINUITY precedes it. Never at segment 0. */
  readonly discontinuity: boolean;
  /** Number of the init segment that it needs; null in containers that have none. */
  readonly init: number | null;
  readonly key: SegmentKey | null;
  /** Key of the init segment; null where it is that of the segment. */
  readonly initKey: InitKey | null;
  /** ISO 8601 with milliseconds and Z, where the source gave one for this very segment. */
  readonly programDateTime: string | null;
  readonly bytes: number;
}

/** A segment as it is written. What is said of its init segment's key is in `source`. */
export interface NewSegment extends Omit<ForeignSegment, 'initKey'> {
  readonly source: SegmentSource;
}

/** An init segment or a key. */
export interface ForeignFile {
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

/** Most segments that one call admits or reads at once. */
export const mostSegments = 10_000;

/** Makes a stream: its video (the description says only that it is a stream), its render and its row, in one statement. */
export async function createStream(db: Db, stream: NewStream): Promise<void> {
  const description = JSON.stringify({ kind: 'stream', name: stream.name, segue: 1 });
  await db.execute(sql`
    WITH video AS (
      INSERT INTO videos (id, description, frame_count, rate_num, rate_den)
      VALUES (${stream.videoId}, ${description}, 0, 1, 1) RETURNING id),
    render AS (
      INSERT INTO renders (id, video_id, generation, renderer_version, profile)
      SELECT ${stream.renderId}, id, 1, ${foreign}, ${foreign} FROM video RETURNING id, video_id)
    INSERT INTO streams (video_id, render_id, name, key_hash, window_seconds, target_duration)
    SELECT video_id, id, ${stream.name}, ${stream.keyHash}, ${stream.windowSeconds}::float8, ${stream.targetDuration}::int
    FROM render`);
}

const columns = {
  videoId: streams.videoId,
  renderId: streams.renderId,
  name: streams.name,
  windowSeconds: streams.windowSeconds,
  targetDuration: streams.targetDuration,
  state: streams.state,
  failure: streams.failure,
  createdAt: streams.createdAt,
  endedAt: streams.endedAt,
};

/** The stream that a key gives the right to write. Takes the key's hash. */
export async function streamByKey(db: Db, keyHash: string): Promise<StreamRow | undefined> {
  const rows = await db.select(columns).from(streams).where(eq(streams.keyHash, keyHash));
  return rows[0];
}

/** The stream of a video; undefined where the video is one of ours. */
export async function streamOf(db: Db, videoId: string): Promise<StreamRow | undefined> {
  const rows = await db.select(columns).from(streams).where(eq(streams.videoId, videoId));
  return rows[0];
}

/** The stream of a render; undefined where the render is one of ours. */
export async function streamOfRender(db: Db, renderId: string): Promise<StreamRow | undefined> {
  const rows = await db.select(columns).from(streams).where(eq(streams.renderId, renderId));
  return rows[0];
}

/** The renditions of a stream that have at least one segment, in the order of the multivariant playlist. */
export async function foreignRenditions(db: Db, renderId: string): Promise<ForeignRendition[]> {
  const rows = await db
    .select({
      name: renditions.name,
      position: renditions.position,
      kind: renditions.kind,
      container: renditions.container,
      attributes: renditions.attributes,
      ended: renditions.ended,
    })
    .from(renditions)
    .where(eq(renditions.renderId, renderId))
    .orderBy(asc(renditions.position), asc(renditions.name));
  return rows.map((row) => ({ ...row, attributes: row.attributes ?? { source: '', role: 'variant' } }));
}

/** SQL that has one row where the lease is still the writer's, and locks it against a change of hands. */
const heldBy = (renderId: string, { nodeId, epoch }: Fence) => sql`
  SELECT render_id FROM leases
  WHERE render_id = ${renderId} AND node_id = ${nodeId} AND epoch = ${epoch} FOR SHARE`;

/**
 * Writes a rendition, or what is known better of one that is written; its container never changes. Returns false, and writes
 * nothing, where the writer has been fenced.
 */
export async function writeRendition(
  db: Db,
  renderId: string,
  fence: Fence,
  rendition: Omit<ForeignRendition, 'ended'>,
): Promise<boolean> {
  const { name, position, kind, container, attributes } = rendition;
  const rows = await db.execute(sql`
    WITH held AS (${heldBy(renderId, fence)})
    INSERT INTO renditions (render_id, name, position, kind, container, attributes)
    SELECT render_id, ${name}, ${position}::int, ${kind}, ${container}, ${JSON.stringify(attributes)}::jsonb FROM held
    ON CONFLICT (render_id, name)
    DO UPDATE SET position = excluded.position, kind = excluded.kind, attributes = excluded.attributes
    RETURNING name`);
  return rows.length > 0;
}

/** Keeps an init segment or a key; what is there already stays. Returns false where the writer has been fenced. */
export async function writeFile(
  db: Db,
  renderId: string,
  rendition: string,
  fence: Fence,
  file: ForeignFile,
): Promise<boolean> {
  const rows = await db.execute(sql`
    WITH held AS (${heldBy(renderId, fence)}),
    written AS (
      INSERT INTO foreign_files (render_id, rendition, name, content_type, bytes)
      SELECT render_id, ${rendition}, ${file.name}, ${file.contentType}, ${file.bytes} FROM held
      ON CONFLICT DO NOTHING)
    SELECT 1 FROM held`);
  return rows.length > 0;
}

/** An init segment or a key by its name. */
export async function fileOf(
  db: Db,
  renderId: string,
  rendition: string,
  name: string,
): Promise<ForeignFile | undefined> {
  const rows = await db
    .select({ name: foreignFiles.name, contentType: foreignFiles.contentType, bytes: foreignFiles.bytes })
    .from(foreignFiles)
    .where(
      and(
        eq(foreignFiles.renderId, renderId),
        eq(foreignFiles.rendition, rendition),
        eq(foreignFiles.name, name),
      ),
    );
  return rows[0];
}

/** Every init segment and key of a render, by rendition: what a node that takes a stream over compares with. */
export async function filesOf(db: Db, renderId: string): Promise<(ForeignFile & { rendition: string })[]> {
  return db
    .select({
      rendition: foreignFiles.rendition,
      name: foreignFiles.name,
      contentType: foreignFiles.contentType,
      bytes: foreignFiles.bytes,
    })
    .from(foreignFiles)
    .where(eq(foreignFiles.renderId, renderId));
}

/**
 * Records segments that are on the writer's disk, consecutive, in one statement: rows, copies and the announcement. Returns
 * false, and writes nothing, where the writer has been fenced or the first is not the rendition's next number.
 */
export async function admitSegments(
  db: Db,
  renderId: string,
  rendition: string,
  fence: Fence,
  segments: readonly NewSegment[],
): Promise<boolean> {
  const first = segments[0]?.n ?? 0;
  const rows = await db.execute(sql`
    WITH lease AS (${heldBy(renderId, fence)}),
    held AS (
      SELECT render_id FROM lease WHERE ${first}::int = (
        SELECT coalesce(max(n) + 1, 0) FROM foreign_segments
        WHERE render_id = ${renderId} AND rendition = ${rendition})),
    written AS (
      INSERT INTO foreign_segments
        (render_id, rendition, n, duration_us, discontinuity, init, key, program_date_time, source, bytes)
      SELECT held.render_id, ${rendition}, s.n, s."durationUs", s.discontinuity, s.init, nullif(s.key, 'null'::jsonb),
        s."programDateTime", s.source, s.bytes
      FROM held, jsonb_to_recordset(${JSON.stringify(segments)}::jsonb) AS s(
        n int, "durationUs" bigint, discontinuity boolean, init int, key jsonb, "programDateTime" text, source jsonb, bytes int)
      RETURNING n),
    copied AS (
      INSERT INTO copies (render_id, rendition, place, segments)
      SELECT ${renderId}, ${rendition}, ${fence.nodeId}, int4multirange(int4range(min(n), max(n) + 1))
      FROM written HAVING count(*) > 0
      ON CONFLICT (render_id, rendition, place)
      DO UPDATE SET segments = copies.segments + excluded.segments, updated_at = now()
      RETURNING 1)
    SELECT ${announce({ type: 'copies', renderId, place: fence.nodeId, n: first })} FROM copied`);
  return rows.length > 0;
}

/** Segments `from` (inclusive) to `to` (exclusive) of a rendition, in order; at most {@link mostSegments}. */
export async function segmentsOf(
  db: Db,
  renderId: string,
  rendition: string,
  from = 0,
  to = 2 ** 31 - 1,
): Promise<ForeignSegment[]> {
  return db
    .select({
      n: foreignSegments.n,
      durationUs: foreignSegments.durationUs,
      discontinuity: foreignSegments.discontinuity,
      init: foreignSegments.init,
      key: foreignSegments.key,
      initKey: sql<InitKey | null>`${foreignSegments.source} -> 'initKey'`,
      programDateTime: foreignSegments.programDateTime,
      bytes: foreignSegments.bytes,
    })
    .from(foreignSegments)
    .where(
      and(
        eq(foreignSegments.renderId, renderId),
        eq(foreignSegments.rendition, rendition),
        gte(foreignSegments.n, from),
        lt(foreignSegments.n, to),
      ),
    )
    .orderBy(asc(foreignSegments.n))
    .limit(mostSegments);
}

/** The last `count` segments of a rendition with where they came from, in order: where a node that starts again goes on. */
export async function lastSegments(
  db: Db,
  renderId: string,
  rendition: string,
  count: number,
): Promise<NewSegment[]> {
  const rows = await db
    .select({
      n: foreignSegments.n,
      durationUs: foreignSegments.durationUs,
      discontinuity: foreignSegments.discontinuity,
      init: foreignSegments.init,
      key: foreignSegments.key,
      programDateTime: foreignSegments.programDateTime,
      bytes: foreignSegments.bytes,
      source: foreignSegments.source,
    })
    .from(foreignSegments)
    .where(and(eq(foreignSegments.renderId, renderId), eq(foreignSegments.rendition, rendition)))
    .orderBy(desc(foreignSegments.n))
    .limit(Math.min(count, mostSegments));
  return rows.toReversed();
}

/** Opens a stream to viewers, and fixes its target duration unless whoever made it has. Returns false where nothing changed. */
export async function goLive(
  db: Db,
  renderId: string,
  fence: Fence,
  targetDuration: number,
): Promise<boolean> {
  const rows = await db.execute(sql`
    WITH held AS (${heldBy(renderId, fence)}),
    done AS (
      UPDATE streams SET state = 'live', target_duration = coalesce(target_duration, ${targetDuration}::int)
      FROM held WHERE streams.render_id = held.render_id AND state = 'waiting' RETURNING 1)
    SELECT ${announce({ type: 'render', renderId, state: 'live' })} FROM done`);
  return rows.length > 0;
}

/** Notes that the source has ended a rendition's playlist: there will be no more segments of it. */
export async function endRendition(
  db: Db,
  renderId: string,
  rendition: string,
  fence: Fence,
): Promise<boolean> {
  const rows = await db.execute(sql`
    WITH held AS (${heldBy(renderId, fence)}),
    done AS (
      UPDATE renditions SET ended = true FROM held
      WHERE renditions.render_id = held.render_id AND name = ${rendition} RETURNING 1)
    SELECT ${announce({ type: 'render', renderId, state: 'rendition-ended' })} FROM done`);
  return rows.length > 0;
}

/** Ends a stream (the source said so for every rendition), or fails it. Returns false where it was over already. */
export async function closeStream(
  db: Db,
  renderId: string,
  fence: Fence,
  end: { readonly state: 'ended' } | { readonly state: 'failed'; readonly failure: string },
): Promise<boolean> {
  const failure = end.state === 'failed' ? end.failure : null;
  const rows = await db.execute(sql`
    WITH held AS (${heldBy(renderId, fence)}),
    done AS (
      UPDATE streams SET state = ${end.state}, failure = ${failure}, ended_at = now() FROM held
      WHERE streams.render_id = held.render_id AND state IN ('waiting', 'live') RETURNING 1)
    SELECT ${announce({ type: 'render', renderId, state: end.state })} FROM done`);
  return rows.length > 0;
}
