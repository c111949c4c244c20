import { sql } from 'drizzle-orm';
import type { Container, RenditionKind } from '../rendition/kind.ts';
import { bucketPlace } from './bucket-place.ts';
import type { Db } from './connect.ts';
import { parseRanges, type Ranges } from './ranges.ts';

/** What decisions about a render's copies are made of, as far as the catalog knows it. Times in milliseconds since 1970. */
export interface RenderFactsRow {
  readonly renderId: string;
  readonly videoId: string;
  readonly profile: string;
  readonly isActive: boolean;
  readonly isSealed: boolean;
  readonly labels: readonly string[];
  readonly createdAt: number;
  readonly frameRate: { readonly num: number; readonly den: number };
  /** 0 where it is not known beforehand: a stream that somebody else makes. */
  readonly frameCount: number;
  /** Shorter side of the picture in pixels; 0: not known. */
  readonly size: number;
  /** Segments that were made, the CPU seconds that this took, and how many of those went into what had been made before. */
  readonly made: number;
  readonly cpuSeconds: number;
  readonly againCpuSeconds: number;
  /** Who has the lease; null: nobody. */
  readonly holder: string | null;
  /** Segment that a viewer was last served, where somebody watched a moment ago. */
  readonly playhead: number | null;
  readonly renditions: readonly {
    readonly name: string;
    readonly kind: RenditionKind;
    readonly container: Container;
    readonly onDemand: boolean;
    /** Bytes of the segments whose size is known, and how many those are. */
    readonly bytes: number;
    readonly sized: number;
  }[];
  /** What the bucket and live nodes have. */
  readonly copies: readonly {
    readonly rendition: string;
    readonly place: string;
    readonly segments: Ranges;
  }[];
  /** Null: nobody has watched it. */
  readonly demand: {
    readonly viewers: number;
    readonly minutesWatched: number;
    readonly reach: readonly number[];
    readonly lastAt: number;
  } | null;
}

/** Somebody counts as watching for so long after the last sign of it, in seconds. */
const watchedSeconds = 30;

type Raw = Omit<RenderFactsRow, 'frameRate' | 'copies'> & {
  readonly num: number;
  readonly den: number;
  readonly copies: readonly { rendition: string; place: string; segments: string }[] | null;
};

const millis = (column: string) => sql.raw(`(extract(epoch FROM ${column}) * 1000)::float8`);

/** Facts of several renders, by id. `liveSeconds`: age of a heartbeat after which a node counts as dead. */
export async function renderFacts(
  db: Db,
  renderIds: readonly string[],
  liveSeconds: number,
): Promise<Map<string, RenderFactsRow>> {
  if (renderIds.length === 0) return new Map();
  const rows = await db.execute<{ facts: Raw }>(sql`
    WITH wanted AS (SELECT value AS id FROM jsonb_array_elements_text(${JSON.stringify(renderIds)}::jsonb)),
    places AS (
      SELECT ${bucketPlace}::text AS id
      UNION ALL SELECT id FROM nodes
      WHERE state <> 'dead' AND heartbeat_at >= now() - make_interval(secs => ${liveSeconds}))
    SELECT json_build_object(
      'renderId', r.id, 'videoId', v.id, 'profile', r.profile,
      'isActive', r.state = 'active', 'isSealed', r.sealed_at IS NOT NULL,
      'labels', v.labels, 'createdAt', ${millis('v.created_at')},
      'num', v.rate_num, 'den', v.rate_den, 'frameCount', v.frame_count,
      'size', COALESCE(LEAST((v.description::jsonb->'size'->>'width')::float8,
        (v.description::jsonb->'size'->>'height')::float8), 0),
      'made', r.made, 'cpuSeconds', r.cpu_seconds, 'againCpuSeconds', r.again_cpu_seconds,
      'holder', (SELECT node_id FROM leases l WHERE l.render_id = r.id AND l.expires_at > now()),
      'playhead', (SELECT playhead FROM leases l
        WHERE l.render_id = r.id AND l.watched_at > now() - make_interval(secs => ${watchedSeconds})),
      'renditions', (
        SELECT COALESCE(json_agg(json_build_object('name', t.name, 'kind', t.kind, 'container', t.container,
          'onDemand', t.on_demand,
          'bytes', (SELECT COALESCE(sum(s), 0) FROM unnest(t.sizes) AS s), 'sized', (SELECT count(s) FROM unnest(t.sizes) AS s)
        ) ORDER BY t.position), '[]') FROM renditions t WHERE t.render_id = r.id),
      'copies', (
        SELECT json_agg(json_build_object('rendition', c.rendition, 'place', c.place, 'segments', c.segments::text))
        FROM copies c JOIN places ON places.id = c.place WHERE c.render_id = r.id),
      'demand', (
        SELECT json_build_object('viewers', d.viewers, 'minutesWatched', d.minutes_watched, 'reach', d.reach,
          'lastAt', ${millis('d.last_at')}) FROM demand d WHERE d.video_id = v.id)) AS facts
    FROM renders r JOIN videos v ON v.id = r.video_id JOIN wanted ON wanted.id = r.id`);
  return new Map(
    rows.map(({ facts: { num, den, copies, ...rest } }) => [
      rest.renderId,
      {
        ...rest,
        frameRate: { num, den },
        copies: (copies ?? []).map((copy) => ({ ...copy, segments: parseRanges(copy.segments) })),
      },
    ]),
  );
}
