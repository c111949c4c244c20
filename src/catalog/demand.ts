import { sql } from 'drizzle-orm';
import { reachParts } from '../policy/facts.ts';
import { ageClasses, agesOf } from '../policy/forecast/curve.ts';
import type { History } from '../policy/forecast/history.ts';
import type { Db } from './connect.ts';

/** What was seen of one video since it was last written. */
export interface NewDemand {
  readonly videoId: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly views: number;
  /** Viewers that had not been seen before. */
  readonly viewers: number;
  readonly minutesWatched: number;
  /** How often each part of it was watched. */
  readonly reach: readonly number[];
}

/** One view, or what of it was watched in one piece. Seconds of the video; `at` in milliseconds since 1970. */
export interface NewView {
  readonly videoId: string;
  readonly at: number;
  readonly from: number;
  readonly to: number;
  readonly viewer: string;
}

/** Where the classes of age begin, in seconds. */
const edges = sql.raw(
  `ARRAY[${Array.from({ length: ageClasses }, (_, index) => agesOf(index)[0]).join(',')}]::float8[]`,
);

/** Adds what was seen to the sums. Videos that are not known are left out. */
export async function addDemand(db: Db, seen: readonly NewDemand[]): Promise<void> {
  if (seen.length === 0) return;
  await db.execute(sql`
    WITH given AS (
      SELECT g.video, g.views, g.viewers, g.minutes, to_timestamp(g.at / 1000) AS at,
        ARRAY(SELECT value::float8 FROM jsonb_array_elements_text(g.reach)) AS reach
      FROM jsonb_to_recordset(${JSON.stringify(
        seen.map(({ videoId: video, minutesWatched: minutes, ...rest }) => ({ video, minutes, ...rest })),
      )}::jsonb) AS g(video text, views int, viewers int, minutes float8, reach jsonb, at float8)
      JOIN videos ON videos.id = g.video
      ORDER BY g.video)
    INSERT INTO demand AS d (video_id, views, viewers, minutes_watched, reach, again, first_at, last_at)
    SELECT video, views, viewers, minutes, reach,
      array_prepend(GREATEST(views - 1, 0)::bigint, array_fill(0::bigint, ARRAY[${ageClasses - 1}::int])), at, at
    FROM given
    ON CONFLICT (video_id) DO UPDATE SET
      views = d.views + excluded.views, viewers = d.viewers + excluded.viewers,
      minutes_watched = d.minutes_watched + excluded.minutes_watched,
      reach = ARRAY(SELECT a + b FROM unnest(d.reach, excluded.reach) WITH ORDINALITY AS both_of(a, b, i) ORDER BY i),
      again = ARRAY(
        SELECT a + CASE WHEN i = GREATEST(1, width_bucket(extract(epoch FROM excluded.last_at - d.first_at)::float8, ${edges}))
          THEN GREATEST(0, excluded.views - CASE WHEN d.views = 0 THEN 1 ELSE 0 END) ELSE 0 END
        FROM unnest(d.again) WITH ORDINALITY AS class(a, i) ORDER BY i),
      last_at = GREATEST(d.last_at, excluded.last_at), changed_at = now()`);
}

/** Views that are kept, and for how many days: what a trace is made of. */
const kept = { views: 2_000_000, days: 32 };

/** Notes views, and forgets old ones. */
export async function addViews(db: Db, seen: readonly NewView[]): Promise<void> {
  if (seen.length === 0) return;
  await db.execute(sql`
    WITH gone AS (
      DELETE FROM views WHERE id IN (
        SELECT id FROM views
        WHERE at < now() - make_interval(days => ${kept.days}) OR id < (SELECT max(id) FROM views) - ${kept.views}
        ORDER BY id LIMIT 10000))
    INSERT INTO views (video_id, at, from_seconds, to_seconds, viewer)
    SELECT g.video, to_timestamp(g.at / 1000), g.seen_from, g.seen_to, g.viewer
    FROM jsonb_to_recordset(${JSON.stringify(
      seen.map(({ videoId: video, from, to, ...rest }) => ({
        video,
        seen_from: from,
        seen_to: to,
        ...rest,
      })),
    )}::jsonb) AS g(video text, at float8, seen_from float8, seen_to float8, viewer text)
    JOIN videos ON videos.id = g.video`);
}

/** Renders of videos of which something was seen after a time; the time of the newest, to go on from. */
export async function changedDemand(
  db: Db,
  after: string | undefined,
  limit: number,
): Promise<{ readonly renderIds: readonly string[]; readonly newest: string | undefined }> {
  const rows = await db.execute<{ id: string | null; changed: string }>(sql`
    SELECT renders.id, changed.changed_at::text AS changed
    FROM (SELECT video_id, changed_at FROM demand
      WHERE changed_at > COALESCE(${after ?? null}::timestamptz, now()) ORDER BY changed_at LIMIT ${limit}::int) AS changed
    LEFT JOIN renders ON renders.video_id = changed.video_id AND renders.state = 'active'
    ORDER BY changed.changed_at`);
  const [first] =
    after === undefined && rows.length === 0
      ? await db.execute<{ now: string }>(sql`SELECT now()::text AS now`)
      : [];
  return {
    renderIds: rows.flatMap(({ id }) => id ?? []),
    newest: rows.at(-1)?.changed ?? after ?? first?.now,
  };
}

/** Videos of the last so many days say how videos are watched: as long as classes of age are told apart. */
const learntDays = 64;
/** Labels of which it is learnt, each by itself; the ones with the most videos. */
const mostLabels = 200;

const sums = (column: string, count: number) =>
  sql.raw(
    `ARRAY[${Array.from({ length: count }, (_, index) => `sum(${column}[${index + 1}])::float8`).join(',')}]`,
  );

/** What was seen of all videos together (under the label `''`), and by label: what forecasts are learnt from. */
export async function demandHistories(db: Db): Promise<Map<string, History>> {
  const rows = await db.execute<{
    label: string;
    hour: number;
    videos: number;
    revisited: number;
    again: number[];
    reach: number[];
  }>(sql`
    WITH seen AS (
      SELECT d.first_at, d.again, d.reach, v.labels, (SELECT sum(a) FROM unnest(d.again) AS a) > 0 AS revisited
      FROM demand d JOIN videos v ON v.id = d.video_id
      WHERE d.views > 0 AND d.first_at > now() - make_interval(days => ${learntDays})),
    by_label AS (
      SELECT '' AS label, seen.* FROM seen
      UNION ALL SELECT label, seen.* FROM seen, unnest(seen.labels) AS label),
    largest AS (SELECT label FROM by_label GROUP BY label ORDER BY count(*) DESC LIMIT ${mostLabels + 1}::int)
    SELECT label, floor(extract(epoch FROM first_at) / 3600)::int AS hour, count(*)::int AS videos,
      count(*) FILTER (WHERE revisited)::int AS revisited,
      to_json(${sums('again', ageClasses)}) AS again, to_json(${sums('reach', reachParts)}) AS reach
    FROM by_label WHERE label IN (SELECT label FROM largest)
    GROUP BY label, hour ORDER BY label, hour`);
  const histories = new Map<string, History>();
  for (const [label, hours] of Map.groupBy(rows, (row) => row.label)) {
    const sum = (of: (row: (typeof hours)[number]) => number): number =>
      hours.reduce((total, row) => total + of(row), 0);
    histories.set(label, {
      born: hours.map(({ hour, videos }) => ({ hour, videos })),
      videos: sum(({ videos }) => videos),
      revisited: sum(({ revisited }) => revisited),
      again: Array.from({ length: ageClasses }, (_, index) => sum(({ again }) => again[index] ?? 0)),
      reach: Array.from({ length: reachParts }, (_, index) => sum(({ reach }) => reach[index] ?? 0)),
    });
  }
  return histories;
}
