import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Catalog, openCatalog } from '../../../src/catalog/connect.ts';
import { loseCopy, recordCopies } from '../../../src/catalog/copies.ts';
import { eventsAfter, newestEvents, trimEvents } from '../../../src/catalog/events.ts';
import { addAnswers, historyOf, setSample, trimHistory } from '../../../src/catalog/history.ts';
import { acquireLease, endLeasesOf, renewLeases } from '../../../src/catalog/leases.ts';
import { migrateCatalog } from '../../../src/catalog/migrate.ts';
import { heartbeat, markSilentNodes, retireNode } from '../../../src/catalog/nodes.ts';
import { setPolicy } from '../../../src/catalog/policy.ts';
import {
  listVideos,
  rendersSince,
  unsealedVideos,
  videosOfRenders,
  watchedLeases,
} from '../../../src/catalog/video-list.ts';
import { failRender, insertVideo, markSealed, supersedeRender } from '../../../src/catalog/videos.ts';
import { defaultPolicy } from '../../../src/policy/policy.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';

let server: TestPostgres;
let catalog: Catalog;
beforeAll(async () => {
  server = sharedPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  const url = await server.createDatabase();
  await migrateCatalog(url);
  catalog = openCatalog(url);
  return () => catalog.close();
});

const render = (id: string, generation = 1) => ({
  id,
  generation,
  rendererVersion: '1',
  profile: 'default',
  renditions: [
    { name: '720p', kind: 'video', container: 'fmp4' },
    { name: 'audio', kind: 'audio', container: 'fmp4' },
  ] as const,
});
const insert = (name: string) =>
  insertVideo(
    catalog.db,
    { id: `v${name}`, description: '{"segue":1}', frameRate: { num: 25, den: 1 }, frameCount: 100 },
    render(`r${name}`),
  );
const node = (id: string, changed = {}) => ({
  id,
  url: `http://${id}`,
  host: 'here',
  pid: 1,
  state: 'ready' as const,
  load: { renders: 0, encoders: 0, copyQueue: 0, diskBytes: 0, residentBytes: 0 },
  ...changed,
});
const noted = async () =>
  (await newestEvents(catalog.db, 100)).toReversed().map(({ kind, level }) => `${kind} ${level}`);

describe('the list of videos', () => {
  test('newest first, page by page, each video once and with its newest render', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await insert(name);
    await supersedeRender(catalog.db, 'rb', 'another encoder', render('rb2', 2));
    const seen: string[] = [];
    for (let page = await listVideos(catalog.db, 2); page.length > 0; ) {
      seen.push(...page.map(({ renderId }) => renderId));
      const last = page.at(-1);
      page = last === undefined ? [] : await listVideos(catalog.db, 2, { after: last });
    }
    expect(seen).toEqual(['rb2', 're', 'rd', 'rc', 'ra']);
    const [found] = await listVideos(catalog.db, 10, { idPrefix: 'vb' });
    expect(found?.renderId).toBe('rb2');
    expect(await listVideos(catalog.db, 10, { idPrefix: 'b' })).toEqual([]);
  });

  test('a row has copies, renditions, and who renders it', async () => {
    await insert('a');
    await recordCopies(catalog.db, 'ra', '720p', 'bucket', [[0, 2]]);
    await recordCopies(catalog.db, 'ra', '720p', 'node-1', [[0, 3]]);
    await acquireLease(catalog.db, 'ra', 'node-1', 30);
    const [row] = await videosOfRenders(catalog.db, ['ra', 'unknown']);
    expect(row).toMatchObject({
      videoId: 'va',
      state: 'active',
      frameRate: { num: 25, den: 1 },
      frameCount: 100,
      stream: null,
      holder: 'node-1',
      renditions: [
        { name: '720p', kind: 'video', onDemand: false },
        { name: 'audio', kind: 'audio', onDemand: false },
      ],
    });
    expect(row?.copies).toContainEqual({ rendition: '720p', place: 'bucket', segments: [[0, 2]] });
    await endLeasesOf(catalog.db, 'node-1');
    expect((await videosOfRenders(catalog.db, ['ra']))[0]?.holder).toBeNull();
    expect(await videosOfRenders(catalog.db, [])).toEqual([]);
  });

  test('what is new, what is not sealed, and what is watched are found', async () => {
    await insert('a');
    const [first] = await listVideos(catalog.db, 1);
    const since = first?.createdAtUs ?? 0;
    await insert('b');
    expect((await rendersSince(catalog.db, since, 10)).map(({ renderId }) => renderId)).toEqual(['rb']);
    expect((await rendersSince(catalog.db, 0, 1)).map(({ renderId }) => renderId)).toEqual(['ra']);
    await markSealed(catalog.db, 'rb');
    expect((await unsealedVideos(catalog.db, 10)).map(({ renderId }) => renderId)).toEqual(['ra']);
    const acquired = await acquireLease(catalog.db, 'ra', 'node-1', 30);
    expect(await watchedLeases(catalog.db, 30, 10)).toEqual([]);
    if (!acquired.ours) throw new Error('not ours');
    await renewLeases(catalog.db, 'node-1', [{ ...acquired.lease, playhead: 7, watchedSeconds: 2 }], 30);
    expect(await watchedLeases(catalog.db, 30, 10)).toEqual([{ renderId: 'ra', playhead: 7 }]);
    expect(await watchedLeases(catalog.db, 1, 10)).toEqual([]);
  });
});

describe('events', () => {
  test('what happens to nodes is noted once, whoever writes it', async () => {
    await heartbeat(catalog.db, node('n'));
    await heartbeat(catalog.db, node('n'));
    await heartbeat(catalog.db, node('n', { pid: 2 }));
    await heartbeat(catalog.db, node('n', { pid: 2, state: 'draining' }));
    await retireNode(catalog.db, 'n');
    await heartbeat(catalog.db, node('m'));
    await markSilentNodes(catalog.db, 60);
    await markSilentNodes(catalog.db, -1);
    await markSilentNodes(catalog.db, -1);
    const texts = (await newestEvents(catalog.db, 10)).toReversed().map(({ text }) => text);
    expect(texts).toEqual([
      'n is ready',
      'n was started again',
      'n drains: it takes nothing new',
      'n has ended',
      'm is ready',
      'm is gone',
    ]);
  });

  test('so is what happens to videos, and to the policy', async () => {
    await insert('a');
    await insert('b');
    await acquireLease(catalog.db, 'ra', 'node-1', 30);
    await acquireLease(catalog.db, 'ra', 'node-1', 30);
    await endLeasesOf(catalog.db, 'node-1');
    await acquireLease(catalog.db, 'ra', 'node-2', 30);
    await recordCopies(catalog.db, 'ra', '720p', 'bucket', [[0, 2]]);
    await loseCopy(catalog.db, 'ra', '720p', 1);
    await loseCopy(catalog.db, 'ra', '720p', 1);
    await markSealed(catalog.db, 'ra');
    await markSealed(catalog.db, 'ra');
    await failRender(catalog.db, 'rb', 'no such font');
    await setPolicy(catalog.db, defaultPolicy, { author: 'ann', note: 'a try' });
    expect(await noted()).toEqual([
      'takeover warning',
      'lost error',
      'stored info',
      'failed error',
      'policy warning',
    ]);
    const [policy, failed, , lost, takeover] = await newestEvents(catalog.db, 10);
    expect(policy).toMatchObject({ text: 'Version 1 of the policy was set by ann: a try' });
    expect(failed).toMatchObject({ videoId: 'vb', text: 'It cannot be rendered: no such font' });
    expect(lost).toMatchObject({
      videoId: 'va',
      text: expect.stringContaining('segment 1 of 720p') as string,
    });
    expect(takeover).toMatchObject({ nodeId: 'node-2', videoId: 'va' });
  });

  test('they are read in pages, and from one on', async () => {
    for (const id of ['a', 'b', 'c']) await heartbeat(catalog.db, node(id));
    const [newest] = await newestEvents(catalog.db, 1);
    const older = await newestEvents(catalog.db, 10, newest?.id);
    expect(older.map(({ nodeId }) => nodeId)).toEqual(['b', 'a']);
    const after = await eventsAfter(catalog.db, older.at(-1)?.id ?? 0, 10);
    expect(after.map(({ nodeId }) => nodeId)).toEqual(['c', 'b']);
    await trimEvents(catalog.db);
    expect(await newestEvents(catalog.db, 10)).toHaveLength(3);
  });
});

describe('history', () => {
  test('of several services one is to take the sample, and the answers of all are added', async () => {
    const begun = await Promise.all([
      addAnswers(catalog.db, { bucket: 30, node: 3, held: 0 }),
      addAnswers(catalog.db, { bucket: 30, node: 12, held: 15 }),
    ]);
    // A row may have ended between the two.
    const rows = new Set(begun.map(({ at }) => at.getTime()));
    expect(begun.filter(({ isFirst }) => isFirst)).toHaveLength(rows.size);
    for (const { nextSeconds } of begun) expect(nextSeconds).toBeGreaterThan(0);
    const sums = await catalog.sql`
      SELECT sum(bucket_answers)::int AS bucket, sum(node_answers)::int AS node, sum(held_answers)::int AS held FROM history`;
    expect(sums[0]).toEqual({ bucket: 60, node: 15, held: 15 });
  });

  test('points are averages, the most where that says more, and null where nobody looked', async () => {
    // Two rows of one minute, an hour ago, and one of the next; one that is too old.
    await catalog.sql`
      INSERT INTO history (at, bucket_answers, exposure_seconds, cpu_most)
      SELECT date_bin('1 minute', now() - interval '1 hour', 'epoch') + make_interval(secs => at), answers, exposed, cpu
      FROM (VALUES (0, 30, 10, 0.5), (15, 60, 20, 0.9), (60, 0, NULL, NULL), (-90000, 1, 1, 1)) AS v(at, answers, exposed, cpu)`;
    const points = await historyOf(catalog.db, 2, 60);
    expect(points).toHaveLength(2);
    expect(points[0]).toMatchObject({ bucketAnswers: 3, exposureSeconds: 15, cpuMost: 0.9, copyRate: null });
    expect(points[1]).toMatchObject({ bucketAnswers: 0, exposureSeconds: null });
    expect((points[1]?.at ?? 0) - (points[0]?.at ?? 0)).toBe(60);
    const at = new Date((points[1]?.at ?? 0) * 1000);
    await setSample(catalog.db, at, { exposureSeconds: 4, copyRate: 1e9 });
    expect((await historyOf(catalog.db, 2, 60))[1]).toMatchObject({ exposureSeconds: 4, copyRate: 1e9 });
    await trimHistory(catalog.db);
    const left = await catalog.sql`SELECT count(*)::int AS count FROM history`;
    expect(left[0]).toEqual({ count: 3 });
  });
});
