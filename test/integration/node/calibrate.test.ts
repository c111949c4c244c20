import { afterAll, beforeAll, expect, test } from 'vitest';
import { calibrationOf } from '../../../src/catalog/calibrations.ts';
import { openCatalog } from '../../../src/catalog/connect.ts';
import { migrateCatalog } from '../../../src/catalog/migrate.ts';
import { heartbeat } from '../../../src/catalog/nodes.ts';
import { secondsOf, uncalibrated } from '../../../src/cost/calibration.ts';
import { segmentWork } from '../../../src/cost/work.ts';
import { startCalibrating } from '../../../src/node/calibrate.ts';
import { createLog } from '../../../src/ops/log.ts';
import { findFfmpeg } from '../../../src/render/ffmpeg/find.ts';
import { createRenderer, type SegmentSpent } from '../../../src/render/renderer.ts';
import { stillsOf } from '../../../src/render/stills.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { jobOf, pattern } from '../../unit/cost/job.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = sharedPostgres();
});
afterAll(() => postgres.stop());

const load = { renders: 0, encoders: 0, copyQueue: 0, diskBytes: 0, residentBytes: 0 };
const never = new AbortController().signal;

test('a node learns from what it renders, keeps it over a restart, and does not learn from stills', async () => {
  const databaseUrl = await postgres.createDatabase();
  await migrateCatalog(databaseUrl);
  const catalog = openCatalog(databaseUrl);
  try {
    await heartbeat(catalog.db, { id: 'a', url: 'http://a', host: 'h', pid: 1, state: 'ready', load });
    const log = createLog('test', 'silent');
    const start = () => startCalibrating({ catalog, nodeId: 'a', log });
    await using folder = await temporaryFolder();
    const told: SegmentSpent[] = [];
    const renderer = createRenderer({
      ffmpeg: await findFfmpeg(),
      modules: new Map(),
      assets: { use: () => Promise.reject(new Error('no files')) },
      folder: folder.path,
      onSpent: (spent) => told.push(spent),
    });
    const job = jobOf([pattern('plasma')], { width: 640, height: 360, duration: 4 });
    await renderer.make({ ...job, n: 1 }, never);
    const [spent] = told;
    if (spent === undefined) throw new Error('nothing was told');
    expect(spent.seconds).toBeGreaterThan(0.05);

    const calibrating = await start();
    // Twice as slow a machine, again and again.
    const usual = secondsOf(segmentWork(job, 1), uncalibrated);
    for (let times = 0; times < 20; times += 1) calibrating.observe({ ...spent, seconds: 2 * usual });
    await calibrating.stop();
    const learnt = await calibrationOf(catalog.db, 'a');
    expect(learnt?.segments).toBe(20);
    expect(secondsOf(segmentWork(job, 1), learnt ?? uncalibrated) / usual).toBeGreaterThan(1.7);

    const again = await start();
    const stills = { ...spent.task, renditions: stillsOf({ width: 640, height: 360 }, { num: 25, den: 1 }) };
    expect(stills.renditions.length).toBeGreaterThan(0);
    again.observe({ ...spent, task: stills, seconds: 1e6 });
    await again.stop();
    expect(await calibrationOf(catalog.db, 'a')).toEqual(learnt);
    again.observe(spent);
    await again.stop();
    expect((await calibrationOf(catalog.db, 'a'))?.segments).toBe(21);
  } finally {
    await catalog.close();
  }
});
