import { sql } from 'drizzle-orm';
import type { Db } from './connect.ts';
import { history } from './schema.ts';

/** Between two rows, in seconds. */
export const historyStepSeconds = 15;
/** Rows are kept for so long, in hours. */
export const historyHours = 24;

/** Segments that players asked a playlist service for, by where they were sent or what they were given. */
export interface Answers {
  readonly bucket: number;
  readonly node: number;
  /** The request was held until the segment was made. */
  readonly held: number;
}

/** What somebody looks at for a row. Parts are from 0 to 1. */
export type Sample = Omit<
  typeof history.$inferInsert,
  'at' | 'bucketAnswers' | 'nodeAnswers' | 'heldAnswers'
>;

/** A row that somebody has begun: the first to write it is to look at the rest of it. */
export interface BegunRow {
  readonly at: Date;
  readonly isFirst: boolean;
  /** Until the next row begins, in seconds. */
  readonly nextSeconds: number;
}

/**
 * Adds what a playlist service has answered since the last row to that of now. One statement, so that of several services one is the
 * first; it takes the sample. Where it ends before it has done so, one row lacks it, and nobody is held up.
 */
export async function addAnswers(db: Db, { bucket, node, held }: Answers): Promise<BegunRow> {
  const rows = await db.execute<{ at: string; first: boolean; next: number }>(sql`
    INSERT INTO history (at, bucket_answers, node_answers, held_answers)
    VALUES (date_bin(make_interval(secs => ${historyStepSeconds}), now(), 'epoch'),
      ${bucket}::int, ${node}::int, ${held}::int)
    ON CONFLICT (at) DO UPDATE SET bucket_answers = history.bucket_answers + excluded.bucket_answers,
      node_answers = history.node_answers + excluded.node_answers,
      held_answers = history.held_answers + excluded.held_answers
    RETURNING (extract(epoch FROM at) * 1000)::bigint::text AS at, xmax = 0 AS first,
      ${historyStepSeconds} - extract(epoch FROM now() - at)::float8 AS next`);
  const { at = '0', first = false, next = historyStepSeconds } = rows[0] ?? {};
  return { at: new Date(Number(at)), isFirst: first, nextSeconds: next };
}

/** Writes what was looked at into a row. */
export async function setSample(db: Db, at: Date, sample: Sample): Promise<void> {
  await db.update(history).set(sample).where(sql`${history.at} = ${at.toISOString()}::timestamptz`);
}

/** Lets go of rows that are too old. */
export async function trimHistory(db: Db): Promise<void> {
  await db.execute(sql`DELETE FROM history WHERE at < now() - make_interval(hours => ${historyHours}::int)`);
}

/** A point of a chart. Answers are a second. What nobody has looked at is null. */
export type HistoryPoint = { readonly [K in keyof Required<Sample>]: number | null } & {
  /** Seconds since 1970, of its beginning. */
  readonly at: number;
  readonly bucketAnswers: number;
  readonly nodeAnswers: number;
  readonly heldAnswers: number;
};

/** A row is written to for so long, in seconds. */
const settledSeconds = 3;

/** The last hours, oldest first, a point each `stepSeconds` (a multiple of {@link historyStepSeconds}): averages, or the most. */
export async function historyOf(db: Db, hours: number, stepSeconds: number): Promise<HistoryPoint[]> {
  const rows = await db.execute<HistoryPoint & Record<string, unknown>>(sql`
    SELECT extract(epoch FROM date_bin(make_interval(secs => ${stepSeconds}), at, 'epoch'))::float8 AS at,
      sum(bucket_answers)::float8 / count(*) / ${historyStepSeconds} AS "bucketAnswers",
      sum(node_answers)::float8 / count(*) / ${historyStepSeconds} AS "nodeAnswers",
      sum(held_answers)::float8 / count(*) / ${historyStepSeconds} AS "heldAnswers",
      avg(exposure_seconds)::float8 AS "exposureSeconds", avg(exposed_videos)::float8 AS "exposedVideos",
      avg(watched_videos)::float8 AS "watchedVideos", avg(rendering_videos)::float8 AS "renderingVideos",
      avg(nodes_ready)::float8 AS "nodesReady", avg(nodes_draining)::float8 AS "nodesDraining",
      avg(nodes_dead)::float8 AS "nodesDead", avg(cpu_mean)::float8 AS "cpuMean", max(cpu_most)::float8 AS "cpuMost",
      max(disk_most)::float8 AS "diskMost", avg(encoders)::float8 AS encoders,
      avg(copy_queue)::float8 AS "copyQueue", avg(copy_rate)::float8 AS "copyRate"
    FROM history
    WHERE at >= now() - make_interval(hours => ${hours}::int)
      AND at < now() - make_interval(secs => ${settledSeconds})
    GROUP BY 1 ORDER BY 1`);
  return [...rows];
}
