import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { charge, giveBack } from '../../../src/catalog/budgets.ts';
import { calibrationOf, liveCalibrations, noteCalibration } from '../../../src/catalog/calibrations.ts';
import { type Catalog, openCatalog } from '../../../src/catalog/connect.ts';
import { migrateCatalog } from '../../../src/catalog/migrate.ts';
import { heartbeat } from '../../../src/catalog/nodes.ts';
import { uncalibrated } from '../../../src/cost/calibration.ts';
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

/** So little leaks of it in a test that it counts as nothing. */
const budget = 100;

test('what an account may ask for is granted once, however many ask at once', async () => {
  const ask = () => charge(catalog.db, { account: 'a', seconds: 9, budget, waitSeconds: 0 });
  const answers = await Promise.all(Array.from({ length: 30 }, ask));
  expect(answers.filter(({ granted }) => granted)).toHaveLength(11);
  const refused = answers.find(({ granted }) => !granted);
  // 99 are owed, and 8 of the next 9 have to leak out at 100 an hour.
  expect(refused?.waitSeconds).toBeGreaterThan(250);
  expect(refused?.waitSeconds).toBeLessThanOrEqual((8 / 100) * 3600);
  const other = await charge(catalog.db, { account: 'b', seconds: 9, budget, waitSeconds: 0 });
  expect(other).toEqual({ granted: true, waitSeconds: 0 });
});

test('what exceeds it for a moment is granted with a wait, one behind the other', async () => {
  const ask = (seconds: number) => charge(catalog.db, { account: 'a', seconds, budget, waitSeconds: 60 });
  expect(await ask(100)).toEqual({ granted: true, waitSeconds: 0 });
  const [one, two, three] = [await ask(0.8), await ask(0.8), await ask(0.8)];
  expect(one.granted && two.granted).toBe(true);
  expect(one.waitSeconds).toBeGreaterThan(20);
  expect(two.waitSeconds).toBeGreaterThan(one.waitSeconds + 20);
  expect(two.waitSeconds).toBeLessThanOrEqual(60);
  expect(three.granted).toBe(false);
  await giveBack(catalog.db, 'a', 100);
  expect(await ask(50)).toEqual({ granted: true, waitSeconds: 0 });
});

test('it is paid back with time, and old accounts are forgotten', async () => {
  const { db } = catalog;
  await charge(db, { account: 'a', seconds: 100, budget, waitSeconds: 0 });
  await charge(db, { account: 'old', seconds: 100, budget, waitSeconds: 0 });
  await db.execute(`UPDATE budgets SET at = at - interval '30 minutes' WHERE id = 'a'`);
  await db.execute(`UPDATE budgets SET at = at - interval '1 day' WHERE id = 'old'`);
  expect(await charge(db, { account: 'a', seconds: 51, budget, waitSeconds: 0 })).toMatchObject({
    granted: false,
  });
  expect(await charge(db, { account: 'a', seconds: 49, budget, waitSeconds: 0 })).toMatchObject({
    granted: true,
  });
  expect(await db.execute(`SELECT id FROM budgets`)).toEqual([{ id: 'a' }]);
});

test('what nodes have learnt is kept with them, and asked of those that live', async () => {
  const { db } = catalog;
  const announced = (id: string) => ({
    id,
    url: `http://${id}`,
    host: 'h',
    pid: 1,
    state: 'ready' as const,
    load: { renders: 0, encoders: 0, copyQueue: 0, diskBytes: 0, residentBytes: 0 },
  });
  await heartbeat(db, announced('a'));
  await heartbeat(db, announced('b'));
  expect(await liveCalibrations(db, 60)).toEqual([]);
  await noteCalibration(db, 'a', { ...uncalibrated, speed: 2, factors: { plasma: 3 } });
  await noteCalibration(db, 'b', { ...uncalibrated, speed: 4 });
  await heartbeat(db, announced('a'));
  expect(await calibrationOf(db, 'a')).toEqual({ speed: 2, factors: { plasma: 3 }, segments: 0 });
  expect((await liveCalibrations(db, 60)).map(({ speed }) => speed).sort((a, b) => a - b)).toEqual([2, 4]);
  await db.execute(`UPDATE nodes SET heartbeat_at = now() - interval '1 hour' WHERE id = 'b'`);
  expect((await liveCalibrations(db, 60)).map(({ speed }) => speed)).toEqual([2]);
  await db.execute(
    `UPDATE nodes SET heartbeat_at = now() - interval '1 hour', calibration = '{"speed": 1e9}' WHERE id = 'a'`,
  );
  expect(
    (await liveCalibrations(db, 60)).map(({ speed }) => speed),
    'nonsense is passed over',
  ).toEqual([4]);
});
