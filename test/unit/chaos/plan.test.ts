import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kindOf, type Planned } from '../../chaos/fault.ts';
import { planOf } from '../../chaos/plan.ts';

const options = fc.record({
  seed: fc.nat(),
  seconds: fc.integer({ min: 20, max: 3600 }),
  canFill: fc.boolean(),
  isSingle: fc.boolean(),
});
const end = ({ at, seconds }: Planned): number => at + seconds;

test('the same options give the same plan, and another seed another one', () => {
  fc.assert(
    fc.property(options, (given) => {
      expect(planOf(given)).toEqual(planOf(given));
    }),
  );
  const given = { seconds: 600, canFill: true, isSingle: false };
  expect(planOf({ ...given, seed: 1 })).not.toEqual(planOf({ ...given, seed: 2 }));
});

test('two faults of a lane never overlap, nor any two one at a time, and everything is over before the end', () => {
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

test('ten minutes have every kind of fault; one at a time, a quarter of an hour', () => {
  const kinds = (isSingle: boolean, seed: number): number => {
    const seconds = isSingle ? 900 : 600;
    return new Set(planOf({ seed, seconds, canFill: true, isSingle }).map(({ fault }) => kindOf(fault))).size;
  };
  for (let seed = 0; seed < 50; seed += 1) {
    expect(kinds(false, seed)).toBe(26);
    expect(kinds(true, seed)).toBe(26);
  }
});
