import { sql } from 'drizzle-orm';
import { gridOf, segmentCount } from '../grid/grid.ts';
import { factsOfRow, matchedOf } from '../policy/facts-of-row.ts';
import type { Db } from './connect.ts';
import { allNodes } from './nodes.ts';
import { type RenderFactsRow, renderFacts } from './render-facts.ts';

/** Videos and views that are read at once. */
const page = { videos: 200, views: 5000 };

/**
 * What was watched between two times (milliseconds since 1970), as the lines of a trace file (docs/SIMULATION.md), without line ends:
 * the head, then each video before its views. Nodes that were lost are not among it: nobody notes that.
 */
export async function* traceLines(
  db: Db,
  from: number,
  to: number,
  liveSeconds: number,
): AsyncGenerator<string> {
  const nodes = (await allNodes(db, liveSeconds)).filter(({ state }) => state !== 'dead').length;
  const seconds = Math.max(1, (to - from) / 1000);
  const start = new Date(from).toISOString();
  yield JSON.stringify({
    type: 'trace',
    version: 1,
    name: `since ${start}`,
    start,
    seconds,
    nodes: Math.max(1, nodes),
  });
  const known = new Map<string, number>();
  for (let after = ''; ; ) {
    const rows = await db.execute<{ video_id: string; render_id: string }>(sql`
      SELECT DISTINCT ON (views.video_id) views.video_id, renders.id AS render_id
      FROM views JOIN renders ON renders.video_id = views.video_id
      WHERE views.video_id > ${after} AND at >= to_timestamp(${from}::float8 / 1000) AND at < to_timestamp(${to}::float8 / 1000)
      ORDER BY views.video_id, renders.generation DESC LIMIT ${page.videos}::int`);
    const ids = rows.map(({ render_id }) => render_id);
    for (const row of (await renderFacts(db, ids, liveSeconds)).values()) {
      const video = videoOf(row);
      if (video === undefined) continue;
      known.set(row.videoId, video.seconds);
      yield JSON.stringify({ type: 'video', ...video });
    }
    after = rows.at(-1)?.video_id ?? '';
    if (rows.length < page.videos) break;
  }
  for (let after = 0; ; ) {
    const rows = await db.execute<{
      id: number;
      video_id: string;
      at: number;
      seen_from: number;
      seen_to: number;
      viewer: string;
    }>(sql`
      SELECT id::float8 AS id, video_id, (extract(epoch FROM at) * 1000)::float8 AS at,
        from_seconds AS seen_from, to_seconds AS seen_to, viewer
      FROM views
      WHERE id > ${after} AND at >= to_timestamp(${from}::float8 / 1000) AND at < to_timestamp(${to}::float8 / 1000)
      ORDER BY id LIMIT ${page.views}::int`);
    for (const row of rows) {
      const length = known.get(row.video_id);
      if (length === undefined || row.seen_from >= length) continue;
      yield JSON.stringify({
        type: 'view',
        at: Math.max(0, (row.at - from) / 1000),
        video: row.video_id,
        from: row.seen_from,
        to: Math.max(row.seen_to, row.seen_from + 0.001),
        viewer: row.viewer,
      });
    }
    after = rows.at(-1)?.id ?? after;
    if (rows.length < page.views) break;
  }
}

/** A video of a trace; undefined for a stream, of which nobody knows how long it is. */
function videoOf(row: RenderFactsRow) {
  if (row.frameCount === 0) return undefined;
  const { seconds, renditions } = factsOfRow(row, {
    nodeId: '',
    on: () => [],
    segmentBytes: () => 0,
    playheads: [],
  });
  const played = renditions.filter(({ kind }) => kind === 'video' || kind === 'audio');
  if (played.length === 0) return undefined;
  return {
    id: row.videoId,
    labels: row.labels,
    seconds,
    size: row.size,
    segments: segmentCount(gridOf(row.frameRate, row.frameCount)),
    cpuSeconds: matchedOf(row).cpuSeconds,
    renditions: played.map(({ name, kind, bytes }) => ({ name, kind, bytes: Math.round(bytes) })),
  };
}
