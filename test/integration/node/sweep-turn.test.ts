import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { tally } from '../../../src/catalog/findings.ts';
import { sweepNow } from '../../../src/copy/sweep-turn.ts';
import { dailySweepStep } from '../../../src/node/daily-sweep.ts';
import type { Bucket } from '../../../src/store/bucket.ts';
import { until } from '../../support/wait.ts';
import {
  count,
  key,
  lines,
  never,
  openSweepField,
  type SweepBacking,
  type SweepField,
  startSweepBacking,
} from './sweep-kit.ts';

let backing: SweepBacking;
let field: SweepField;
beforeAll(async () => {
  backing = await startSweepBacking();
});
afterAll(() => backing[Symbol.asyncDispose]());
beforeEach(async () => {
  field = await openSweepField(backing);
  return () => field[Symbol.asyncDispose]();
});

/** Whoever asked before that might have the turn instead. */
const untilItHasTheTurn = async (): Promise<void> => {
  const running = async () => (await field.catalog.db.execute('SELECT 1 FROM sweeps')).length > 0;
  await until(running, { what: 'it has the turn' });
  expect((await field.begin({ nodeId: 'b' }, 3600)).kind).toBe('running');
};

test('others wait for it and get its report, or find that it was lately enough', async () => {
  await field.storedRender('r');
  await field.take(key(2));
  const gate = Promise.withResolvers<void>();
  const slow: Bucket = {
    ...field.bucket,
    async *list(prefix, signal) {
      await gate.promise;
      yield* field.bucket.list(prefix, signal);
    },
  };
  const first = field.begin({ bucket: slow });
  await untilItHasTheTurn();
  const joined = sweepNow(field.optionsOf({ nodeId: 'b' }), tally(), never);
  gate.resolve();
  const done = await first;
  expect(done.kind).toBe('swept');
  const report = await joined;
  // Whoever asked in the moment of its end sweeps once more.
  expect(report.examined).toMatchObject({ renders: 1, objects: 2 * count - 1 });
  expect(await field.begin({ nodeId: 'b' }, 3600)).toMatchObject({
    kind: 'finished',
    report: { findings: expect.any(Array) as unknown },
  });
});

test('by itself: the first look chooses its moment, then one node sweeps and the others find it done, for a day', async () => {
  await field.storedRender('r');
  await field.take(key(2));
  const swept: string[] = [];
  const kinds: string[] = [];
  const stepOf = (nodeId: string) =>
    dailySweepStep({
      sweep: field.optionsOf({ nodeId }),
      hours: 24,
      onFinding: ({ kind }) => kinds.push(kind),
      onSwept: () => swept.push(nodeId),
      random: () => 0.5,
    });
  const [a, b] = [stepOf('a'), stepOf('b')];
  expect([await a(never), await b(never)]).toEqual([1_800_000, 1_800_000]);
  expect(swept).toEqual([]);
  for (const step of [a, b, a]) await step(never);
  expect({ swept, kinds }).toEqual({ swept: ['a'], kinds: ['missing-object'] });
  await field.catalog.db.execute(`UPDATE sweeps SET finished_at = finished_at - interval '25 hours'`);
  await b(never);
  expect(swept).toEqual(['a', 'b']);
});

test('one whose node is gone gives way once its time is over, and does not come back', async () => {
  await field.storedRender('r');
  const gate = Promise.withResolvers<void>();
  const stuck: Bucket = {
    ...field.bucket,
    async *list(prefix) {
      await gate.promise;
      yield { key: `${prefix}loose`, bytes: 1 };
    },
  };
  const first = field.begin({ bucket: stuck });
  first.catch(() => undefined);
  await untilItHasTheTurn();
  await until(
    async () => {
      // It may just have extended its turn.
      await field.catalog.db.execute(`UPDATE sweeps SET expires_at = now() - interval '1 s'`);
      return (await field.begin({ nodeId: 'b' })).kind === 'swept';
    },
    { what: 'another one has swept' },
  );
  gate.resolve();
  await first.catch(() => undefined);
  const [row] = await field.catalog.db.execute<{ node_id: string }>('SELECT node_id FROM sweeps');
  expect(row?.node_id).toBe('b');
});

test('one that fails half-way corrects nothing that it has not seen, and leaves the turn to the next', async () => {
  await field.storedRender('r');
  await field.take(key(2));
  await field.proxy.fail({ kind: 'status', status: 503 });
  await expect(field.sweep()).rejects.toMatchObject({ code: 'bucket_unavailable' });
  await field.proxy.fail(undefined);
  expect(await field.stored()).toEqual([[0, count]]);
  expect(lines(await field.sweep())).toEqual(['missing-object r/180p/2.m4s made-on-demand']);
});
