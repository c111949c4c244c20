import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Calibration,
  calibrationSchema,
  expectedSeconds,
  learnt,
  secondsOf,
  uncalibrated,
} from '../../../src/cost/calibration.ts';
import { ownKinds } from '../../../src/cost/weights.ts';
import { segmentWork, type Work, wholeWork } from '../../../src/cost/work.ts';
import { jobOf, pattern } from './job.ts';

/** Segments of several videos, in turn. */
function* segments(count: number): Generator<Work> {
  const jobs = ['bars', 'plasma', 'static', 'life'].map((name, index) =>
    jobOf([pattern(name), pattern('waves', { scale: 0.3 })], {
      width: 640 + 320 * index,
      height: 360 + 180 * index,
    }),
  );
  for (let at = 0; at < count; at += 1) {
    const job = jobs[at % jobs.length];
    if (job !== undefined) yield segmentWork(job, Math.floor(at / jobs.length) % job.grid.count);
  }
}

/** What of a segment's work its processes measure: not what the node does by itself, nor how they begin. */
const measured = (work: Work): Work => new Map([...work].filter(([kind]) => !ownKinds.has(kind)));

const learntFrom = (works: Iterable<Work>, truth: (work: Work) => number): Calibration => {
  let calibration = uncalibrated;
  for (const work of works) calibration = learnt(calibration, work, truth(measured(work)));
  return calibration;
};

test('a machine that takes three times as long is known after a few segments', () => {
  const calibration = learntFrom(segments(12), (work) => 3 * secondsOf(work, uncalibrated));
  for (const work of segments(8)) {
    const ratio = secondsOf(work, calibration) / (3 * secondsOf(work, uncalibrated));
    expect(ratio).toBeGreaterThan(1 / 1.25);
    expect(ratio).toBeLessThan(1.25);
  }
});

test('what alone is slower is told from the rest', () => {
  const slow = (work: Work) => {
    const plasma = new Map([...work].filter(([kind]) => kind === 'plasma'));
    return secondsOf(work, uncalibrated) + 5 * secondsOf(plasma, uncalibrated);
  };
  const calibration = learntFrom(segments(400), slow);
  expect(calibration.factors['plasma']).toBeGreaterThan(2);
  for (const work of segments(8)) {
    const ratio = secondsOf(work, calibration) / slow(work);
    expect(ratio).toBeGreaterThan(1 / 1.3);
    expect(ratio).toBeLessThan(1.3);
  }
});

test('a module is learnt by its name', () => {
  const work: Work = new Map([
    ['start', 1],
    ['module:slow', 90],
  ]);
  const other: Work = new Map([['module:other', 90]]);
  const calibration = learntFrom(
    Array.from({ length: 60 }, () => work),
    (each) => 10 * secondsOf(each, uncalibrated),
  );
  expect(calibration.factors['module:slow']).toBeGreaterThan(1.5);
  expect(calibration.factors['module:other']).toBeUndefined();
  expect(secondsOf(other, calibration)).toBeLessThan(secondsOf(new Map([['module:slow', 90]]), calibration));
});

test('whatever is observed, factors stay within their bounds and few', () => {
  const kind = fc.oneof(
    fc.constantFrom('start', 'libx264', 'plasma', 'painted'),
    fc.string({ maxLength: 80 }),
  );
  const work = fc.array(fc.tuple(kind, fc.double({ min: 0, max: 1e9, noNaN: true })), { maxLength: 200 });
  fc.assert(
    fc.property(fc.array(fc.tuple(work, fc.double()), { maxLength: 20 }), (observed) => {
      let calibration = uncalibrated;
      for (const [units, seconds] of observed) calibration = learnt(calibration, new Map(units), seconds);
      expect(calibrationSchema.safeParse(JSON.parse(JSON.stringify(calibration))).error).toBeUndefined();
      expect(Object.keys(calibration.factors).length).toBeLessThanOrEqual(128);
    }),
  );
});

test('one segment that took for ever moves the estimate by little', () => {
  const steady = learntFrom(segments(40), (work) => secondsOf(work, uncalibrated));
  const [work = new Map()] = segments(1);
  const after = learnt(steady, work, 1e6);
  expect(secondsOf(work, after) / secondsOf(work, steady)).toBeLessThan(2);
});

test('several machines are averaged, and none is an average one', () => {
  const work = wholeWork(jobOf([pattern('bars')]));
  const usual = secondsOf(work, uncalibrated);
  expect(expectedSeconds(work, [])).toBe(usual);
  const twice = { ...uncalibrated, speed: 2 };
  expect(expectedSeconds(work, [uncalibrated, twice])).toBeCloseTo(1.5 * usual, 6);
});
