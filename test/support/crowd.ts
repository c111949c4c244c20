import type postgres from 'postgres';

/** A deployment of this size, as rows of a catalog: nobody renders, but everything that an overview shows is there. */
export interface Crowd {
  /**
   * A second passes: nodes beat, viewers go on, segments appear on nodes and in the bucket. Announced like the real thing.
   * @returns ids of the renders that changed
   */
  step(): Promise<readonly string[]>;
}

const number = (value: number, digits: number): string => String(value).padStart(digits, '0');

/**
 * Fills an empty, migrated catalog: of the videos, most are in the bucket, a tenth is being rendered, a few are exposed or have failed.
 * Videos last 8 minutes (`segments` of about 4 s), with two renditions for the eyes, one for the ears, and stills on demand.
 */
export async function startCrowd(
  sql: postgres.Sql,
  { videos, nodes, segments = 123 }: { videos: number; nodes: number; segments?: number },
): Promise<Crowd> {
  // Segments of 96 frames but for the first three, of which two have 24 and one has 48.
  const frames = (segments - 2) * 96;
  await sql`
    INSERT INTO videos (id, description, frame_count, rate_num, rate_den, created_at)
    SELECT translate(encode(sha256(i::text::bytea), 'base64'), '+/=', '-_'),
      '{"segue":1,"kind":"timeline","size":{"width":1280,"height":720}}', ${frames}, 25, 1,
      now() - i * interval '41 seconds'
    FROM generate_series(1, ${videos}::int) AS i`;
  await sql`
    INSERT INTO renders (id, video_id, generation, renderer_version, profile, state, failure, sealed_at, created_at)
    SELECT 'r-' || left(id, 40), id, 1, '2', 'ladder', CASE WHEN nr % 97 = 0 THEN 'failed' ELSE 'active' END,
      CASE WHEN nr % 97 = 0 THEN 'The module threw an error' END, CASE WHEN nr % 97 > 0 AND nr > ${videos}::int / 8 THEN now() END, created_at
    FROM (SELECT *, row_number() OVER (ORDER BY created_at DESC) AS nr FROM videos) AS v`;
  await sql`
    INSERT INTO renditions (render_id, name, position, kind, container, on_demand)
    SELECT r.id, t.name, t.position, t.kind, t.container, t.on_demand FROM renders r CROSS JOIN (VALUES
      ('720p', 0, 'video', 'fmp4', false), ('480p', 1, 'video', 'fmp4', false), ('audio', 2, 'audio', 'fmp4', false),
      ('iframes', 3, 'iframes', 'fmp4', true), ('thumbnails', 4, 'images', 'jpeg', true))
      AS t(name, position, kind, container, on_demand)`;
  await sql`
    INSERT INTO nodes (id, url, host, pid, state, load, started_at)
    SELECT 'node-' || lpad(i::text, 3, '0'), 'http://10.0.0.' || i, 'host-' || i, 1000 + i,
      CASE WHEN i % 41 = 7 THEN 'draining' ELSE 'ready' END, '{}', now() - interval '3 days'
    FROM generate_series(1, ${nodes}::int) AS i`;
  // What is sealed is in the bucket as a whole, and half of that still on a node; of the rest each node has the beginning.
  await sql`
    INSERT INTO copies (render_id, rendition, place, segments)
    SELECT r.id, t.name, 'bucket', int4multirange(int4range(0, CASE WHEN r.sealed_at IS NULL THEN r.nr * 13 % ${segments}::int ELSE ${segments}::int END))
    FROM (SELECT *, row_number() OVER (ORDER BY created_at DESC)::int AS nr FROM renders) AS r
    CROSS JOIN (VALUES ('720p'), ('480p'), ('audio')) AS t(name)
    WHERE r.state = 'active' AND (r.sealed_at IS NOT NULL OR r.nr % 3 < 2)`;
  await sql`
    INSERT INTO copies (render_id, rendition, place, segments)
    SELECT r.id, t.name, 'node-' || lpad((1 + (r.nr + extra * 17) % ${nodes}::int)::text, 3, '0'),
      int4multirange(int4range(0, CASE WHEN r.sealed_at IS NULL
        THEN least(${segments}::int, r.nr * 13 % ${segments}::int + 8 + r.nr % 30) / (1 + extra) ELSE ${segments}::int END))
    FROM (SELECT *, row_number() OVER (ORDER BY created_at DESC)::int AS nr FROM renders) AS r
    CROSS JOIN (VALUES ('720p'), ('480p'), ('audio')) AS t(name)
    CROSS JOIN generate_series(0, 1) AS extra
    WHERE r.state = 'active' AND (r.sealed_at IS NULL OR r.nr % 2 = 0) AND (extra = 0 OR r.nr % 5 = 0)`;
  await sql`
    INSERT INTO leases (render_id, node_id, epoch, expires_at, playhead, watched_at)
    SELECT r.id, 'node-' || lpad((1 + r.nr % ${nodes}::int)::text, 3, '0'), 1, now() + interval '1 day', r.nr * 7 % ${segments}::int,
      CASE WHEN r.nr % 2 = 0 THEN now() + interval '1 day' END
    FROM (SELECT *, row_number() OVER (ORDER BY created_at DESC)::int AS nr FROM renders) AS r
    WHERE r.sealed_at IS NULL AND r.state = 'active' AND r.nr % 3 > 0`;
  await fillHistory(sql, nodes);
  await fillEvents(sql);
  let steps = 0;
  const step = async (): Promise<readonly string[]> => {
    steps += 1;
    await sql`
      UPDATE nodes SET heartbeat_at = now(), load = jsonb_build_object(
        'renders', 2 + ascii(right(id, 1)) % 5, 'encoders', (${steps}::int + ascii(right(id, 1))) % 3, 'slots', 2,
        'copyQueue', abs(40 * sin(ascii(right(id, 1)) + ${steps}::float8 / 20))::int, 'diskBytes', 8e9 + 1e9 * ascii(right(id, 1)),
        'residentBytes', 1.2e8, 'weight', 1, 'diskUsed', 0.3 + 0.006 * right(id, 2)::int, 'failures', 0,
        'cpu', abs(sin(${steps}::float8 / 15 + ascii(right(id, 1)) * 3 + ascii(left(right(id, 2), 1)))),
        'copyRate', 2e6 * (1 + sin(${steps}::float8 / 9 + ascii(right(id, 1)))))`;
    await sql`UPDATE leases SET playhead = (playhead + 1) % ${segments}::int WHERE hashtext(render_id) % 4 = ${steps % 4} AND watched_at IS NOT NULL`;
    const changed = await sql<{ id: string }[]>`
      UPDATE copies SET segments = segments + int4multirange(int4range(coalesce(upper(segments), 0), least(${segments}::int, coalesce(upper(segments), 0) + 1)))
      WHERE render_id IN (SELECT render_id FROM leases) AND abs(hashtext(render_id || place)) % 6 = ${steps % 6}
        AND upper(segments) < ${segments}::int
      RETURNING pg_notify('segue', json_build_object('type', 'copies', 'renderId', render_id, 'place', place, 'n', 0)::text), render_id AS id`;
    await sql`
      UPDATE history SET bucket_answers = bucket_answers + 64, node_answers = node_answers + 15, held_answers = held_answers + 1
      WHERE at = (SELECT max(at) FROM history)`;
    return changed.map(({ id }) => id);
  };
  await step();
  return { step };
}

/** A day that has an evening, a copy backlog, and a node that was lost. */
async function fillHistory(sql: postgres.Sql, nodes: number): Promise<void> {
  await sql`
    INSERT INTO history (at, bucket_answers, node_answers, held_answers, exposure_seconds, exposed_videos, watched_videos,
      rendering_videos, nodes_ready, nodes_draining, nodes_dead, cpu_mean, cpu_most, disk_most, encoders, copy_queue, copy_rate)
    SELECT at, 15 * (60 + 40 * wave + 6 * noise), 15 * (14 + 18 * wave * (1 - part) + 3 * noise), 15 * (1 + noise),
      70000 + 20000 * wave + 60000 * lost + 1500 * noise, 500 + 100 * wave + 190 * lost, 150 + 60 * wave + 4 * noise, 340 + 60 * wave + 5 * noise,
      ${nodes}::int - 2 - (6 * lost)::int, 2, (6 * lost)::int, 0.35 + 0.25 * wave + 0.02 * noise, least(1, 0.7 + 0.25 * wave + 0.05 * noise),
      0.62 + 0.1 * part, 90 + 60 * wave, 1900 + 500 * wave + 4600 * lost + 50 * noise, 1.4e8 + 5e7 * wave + 4e6 * noise
    FROM (SELECT at, 1 - extract(epoch FROM now() - at)::float8 / 86400 AS part, sin(extract(epoch FROM at)::float8 / 5200) * 0.5 + 0.5 AS wave,
        sin(extract(epoch FROM at)::float8 / 31) + sin(extract(epoch FROM at)::float8 / 83) AS noise,
        exp(greatest(-50, -power((extract(epoch FROM now() - at)::float8 - 1500) / 260, 2))) AS lost
      FROM generate_series(date_bin('15 seconds', now() - interval '24 hours', 'epoch'), now(), interval '15 seconds') AS at) AS t`;
}

async function fillEvents(sql: postgres.Sql): Promise<void> {
  await sql`TRUNCATE events`;
  await sql`
    INSERT INTO events (at, level, kind, node_id, video_id, text)
    SELECT now() - i * interval '37 seconds', 'info', 'stored', NULL, v.id, 'Everything is in the bucket'
    FROM generate_series(1, 400) AS i JOIN (SELECT id, row_number() OVER (ORDER BY created_at) AS nr FROM videos) AS v ON v.nr = i
    UNION ALL
    SELECT now() - interval '25 minutes' + i * interval '20 milliseconds', 'warning', 'takeover', 'node-012', v.id, 'node-012 goes on with what node-031 rendered'
    FROM generate_series(1, 23) AS i JOIN (SELECT id, row_number() OVER (ORDER BY created_at) AS nr FROM videos) AS v ON v.nr = i
    UNION ALL VALUES
      (now() - interval '25 minutes', 'error', 'node-dead', ${`node-${number(31, 3)}`}, NULL, 'node-031 is gone'),
      (now() - interval '17 minutes', 'info', 'node-ready', 'node-031', NULL, 'node-031 was started again'),
      (now() - interval '9 minutes', 'warning', 'policy', NULL, NULL, 'Version 2 of the policy was set by admin-token'),
      (now() - interval '4 minutes', 'warning', 'node-draining', 'node-007', NULL, 'node-007 drains: it takes nothing new'),
      (now() - interval '95 seconds', 'error', 'lost', NULL, NULL, 'The bucket has lost segment 12 of 720p; it is copied again')
    ORDER BY 1`;
}
