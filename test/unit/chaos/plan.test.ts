import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Planned, planOf } from '../../chaos/plan.ts';

const options = fc.record({
  seed: fc.nat(),
  seconds: fc.integer({ min: 20, max: 3600 }),
  canFill: fc.boolean(),
});
const end = ({ at, seconds }: Planned): number => at + seconds;

test('the same options give the same plan, and another seed another one', () => {
  fc.assert(
    fc.property(options, (given) => {
      expect(planOf(given)).toEqual(planOf(given));
    }),
  );
  const given = { seconds: 600, canFill: true };
  expect(planOf({ ...given, seed: 1 })).not.toEqual(planOf({ ...given, seed: 2 }));
});

test('two faults of a lane never overlap, and everything is over before the end', () => {
  fc.assert(
    fc.property(options, (given) => {
      const plan = planOf(given);
      for (const lane of Map.groupBy(plan, (each) => each.lane).values()) {
        for (const [index, each] of lane.entries())
          expect(each.at).toBeGreaterThan(index === 0 ? 0 : end(lane[index - 1] ?? each));
      }
      for (const each of plan) expect(end(each)).toBeLessThan(given.seconds);
      if (!given.canFill) expect(plan.map(({ fault }) => fault.kind)).not.toContain('fill');
    }),
  );
});

test('the playlist service is not touched while the database is away', () => {
  fc.assert(
    fc.property(options, (given) => {
      const plan = planOf(given);
      const outages = plan.filter(({ lane }) => lane === 'database');
      const front = plan.filter(({ lane }) => lane === 'front');
      const meets = (each: Planned) =>
        outages.filter((outage) => each.at <= end(outage) && end(each) >= outage.at);
      expect(front.flatMap(meets)).toEqual([]);
    }),
  );
});

test('ten minutes have every kind of fault', () => {
  const kinds = (plan: readonly Planned[]): Set<string> =>
    new Set(plan.map(({ fault }) => ('how' in fault ? `${fault.kind} ${fault.how}` : fault.kind)));
  for (let seed = 0; seed < 50; seed += 1)
    expect(kinds(planOf({ seed, seconds: 600, canFill: true })).size).toBe(19);
});
