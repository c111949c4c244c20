import { expect, test } from 'vitest';
import { secondsOf, uncalibrated } from '../../../src/cost/calibration.ts';
import { type Job, leastWork, segmentWork, wholeWork } from '../../../src/cost/work.ts';
import { jobOf, pattern } from './job.ts';

const cost = (job: Job): number => secondsOf(wholeWork(job), uncalibrated);

test('the whole is the sum of its segments, for every kind of work', () => {
  const clips = [
    pattern('plasma'),
    { asset: { type: 'text', text: 'over\nit', size: 0.1, background: {} }, start: 3.2, length: 9 },
    pattern('life', { scale: 0.4, start: 1, length: 7.4 }),
    { asset: { type: 'tone' }, start: 2, length: 5 },
  ];
  const job = jobOf(clips, { profile: 'ladder' });
  const sums = new Map<string, number>();
  for (let n = 0; n < job.grid.count; n += 1) {
    for (const [kind, units] of segmentWork(job, n)) sums.set(kind, (sums.get(kind) ?? 0) + units);
  }
  const whole = wholeWork(job);
  expect([...whole.keys()].sort()).toEqual([...sums.keys()].sort());
  for (const [kind, units] of whole) expect(units, kind).toBeCloseTo(sums.get(kind) ?? 0, 6);
});

test('it grows with time, pixels, frames, layers, renditions and detail', () => {
  const plain = cost(jobOf([pattern('bars')]));
  expect(cost(jobOf([pattern('bars')], { duration: 40 })) / plain).toBeCloseTo(2, 0);
  expect(cost(jobOf([pattern('bars')], { width: 1920, height: 1080 }))).toBeGreaterThan(1.3 * plain);
  expect(cost(jobOf([pattern('bars')], { fps: 50 }))).toBeGreaterThan(1.3 * plain);
  expect(cost(jobOf([pattern('static')]))).toBeGreaterThan(1.5 * plain);
  expect(cost(jobOf([pattern('bars'), pattern('waves', { scale: 0.5 })]))).toBeGreaterThan(plain);
  expect(cost(jobOf([pattern('bars')], { profile: 'ladder' }))).toBeGreaterThan(1.3 * plain);
  expect(cost(jobOf([pattern('bars')], { profile: 'hevc' }))).toBeGreaterThan(
    cost(jobOf([pattern('bars')], { profile: 'ladder' })),
  );
});

test('what another clip hides costs nothing, as long as it hides it', () => {
  const alone = wholeWork(jobOf([pattern('bars')]));
  expect(wholeWork(jobOf([pattern('mandelbrot'), pattern('bars')]))).toEqual(alone);
  for (const seen of [
    { scale: 0.9 },
    { opacity: 0.5 },
    { in: { type: 'fade', duration: 1 } },
    { start: 1, length: 19 },
  ])
    expect(
      wholeWork(jobOf([pattern('mandelbrot'), pattern('bars', seen)])).get('mandelbrot'),
    ).toBeGreaterThan(0);
  expect(wholeWork(jobOf([pattern('bars'), pattern('plasma', { position: { x: 3, y: 0.5 } })]))).toEqual(
    alone,
  );
});

test('a file costs by its own size, and one that is not known nothing', () => {
  const src = `sha256:${'a'.repeat(64)}`;
  const clip = { asset: { type: 'video', src } };
  const file = (width: number, height: number) =>
    new Map([['a'.repeat(64), { video: { width, height, frameRate: 50, durationSeconds: 60 } }]]);
  const small = cost(jobOf([clip], { files: file(320, 180) }));
  expect(cost(jobOf([clip], { files: file(3840, 2160) }))).toBeGreaterThan(2 * small);
  const unknown = wholeWork(jobOf([clip]));
  expect(unknown.get('decode')).toBeUndefined();
  // Repeated each fifth of a second, it is opened as often.
  const short = new Map([
    ['a'.repeat(64), { video: { width: 64, height: 64, frameRate: 25, durationSeconds: 0.2 } }],
  ]);
  const looping = { asset: { type: 'video', src, loop: true } };
  expect(wholeWork(jobOf([looping], { files: short })).get('input')).toBeGreaterThanOrEqual(100);
});

test('the least is never more than the whole', () => {
  for (const profile of ['default', 'ladder', 'av1']) {
    const job = jobOf([pattern('static')], { profile, width: 640, height: 360 });
    const least = secondsOf(leastWork(job), uncalibrated);
    expect(least).toBeGreaterThan(0);
    expect(least).toBeLessThan(cost(job));
    for (const [kind, units] of leastWork(job))
      expect(units).toBeLessThanOrEqual(wholeWork(job).get(kind) ?? 0);
  }
});

test('the worst description that is valid is estimated, and as what it is', () => {
  const clips = Array.from({ length: 32 }, () => pattern('mandelbrot', { opacity: 0.9, scale: 8 }));
  const worst = jobOf(clips, { width: 3840, height: 2160, fps: 60, duration: 21_600, profile: 'av1' });
  // Weeks of one core.
  expect(cost(worst)).toBeGreaterThan(14 * 86_400);
});
