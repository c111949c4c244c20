import { expect, test } from 'vitest';
import { pricePresets } from '../../../src/policy/document/prices.ts';
import { newHistory, noteFirst } from '../../../src/policy/forecast/history.ts';
import { allVideos } from '../../../src/policy/forecast/learner.ts';
import { defaultPolicy } from '../../../src/policy/policy.ts';
import { baselines } from '../../../src/simulate/baselines.ts';
import { type Comparison, compare } from '../../../src/simulate/compare.ts';
import { dryRun, dryRunBounds } from '../../../src/simulate/dry-run.ts';
import type { TraceEvent } from '../../../src/simulate/trace.ts';
import { makeTrace, workloads } from '../../../src/simulate/workloads/workload.ts';

const workload = workloads.find(({ name }) => name === 'node-failures');
if (workload === undefined) throw new Error('no such workload');
const trace = makeTrace(workload, { videos: 200, days: 5 });
const policies = baselines(defaultPolicy).slice(0, 2);
const prices = pricePresets['own-hardware'];

test('a dry run says the same as a comparison, in steps between which others have their turn', async () => {
  let [turns, goes] = [0, true];
  const turn = (): void => {
    turns += 1;
    if (goes) setImmediate(turn);
  };
  turn();
  const steps: number[] = [];
  const comparison = await dryRun(trace, policies, prices, { onStep: (done) => steps.push(done) });
  goes = false;
  expect(comparison).toEqual(compare(trace, policies, prices));
  expect(comparison.results.map(({ samples }) => samples.length)).toEqual([240, 240]);
  expect(steps.length).toBeGreaterThan(10);
  expect(turns).toBeGreaterThan(steps.length / 2);
  expect(steps).toEqual(steps.toSorted((a, b) => a - b));
  expect(Math.min(...steps)).toBe(0);
  expect(Math.max(...steps)).toBeLessThanOrEqual(1);
});

test('what was seen before is decided by: where nobody comes back, auto copies less than where nothing is known', async () => {
  const seen = newHistory();
  for (let n = 0; n < 2000; n += 1) noteFirst(seen, trace.startedAt / 1000 - 30 * 86_400 + n * 1200);
  const before = structuredClone(seen);
  const auto = policies.slice(0, 1);
  const options = { seen: new Map([[allVideos, seen]]) };
  const [known, unknown] = await Promise.all([
    dryRun(trace, auto, prices, options),
    dryRun(trace, auto, prices),
  ]);
  const moved = ({ results }: Comparison): number => results[0]?.gbMoved ?? Number.NaN;
  expect(moved(known)).toBeLessThan(moved(unknown) * 0.9);
  expect(seen, 'and nothing is added to it').toEqual(before);
});

test('a dry run ends when asked to, and is bounded', async () => {
  const ended = AbortSignal.abort(new Error('gone away'));
  await expect(dryRun(trace, policies, prices, { signal: ended })).rejects.toThrow('gone away');
  const event: TraceEvent = { kind: 'view', at: 0, video: 0, from: 0, to: 1 };
  const events = Array.from({ length: dryRunBounds.events + 1 }, () => event);
  await expect(dryRun({ ...trace, events }, policies, prices)).rejects.toThrow(
    `at most ${dryRunBounds.events} events, got ${events.length}`,
  );
  await expect(dryRun(trace, [...policies, ...policies, ...policies], prices)).rejects.toThrow(
    'at most 4 policies',
  );
});
