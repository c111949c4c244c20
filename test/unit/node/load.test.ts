import { expect, test } from 'vitest';
import { copyRate } from '../../../src/node/copy-rate.ts';
import { cpuTimes, cpuUse } from '../../../src/node/cpu-use.ts';

test('CPU use is of the time since the last look, and at least of two seconds', () => {
  let now = 0;
  let times = { busy: 100, all: 1000 };
  const use = cpuUse(
    () => times,
    () => now,
  );
  now = 1000;
  times = { busy: 1100, all: 2000 };
  expect(use()).toBe(0);
  now = 2000;
  times = { busy: 1600, all: 3000 };
  expect(use()).toBe(0.75);
  now = 4000;
  times = { busy: 1600, all: 5000 };
  expect(use()).toBe(0);
  now = 6000;
  expect(use(), 'a machine that does not tell').toBe(0);
  expect(cpuTimes().all).toBeGreaterThan(cpuTimes().busy / 2);
});

test('the rate of copying is of ten seconds, and falls when nothing is copied', () => {
  let now = 0;
  const rate = copyRate(() => now);
  expect(rate.perSecond).toBe(0);
  rate.add(5_000_000);
  now = 4500;
  rate.add(15_000_000);
  expect(rate.perSecond).toBe(2_000_000);
  now = 10_500;
  expect(rate.perSecond).toBe(1_500_000);
  now = 14_500;
  expect(rate.perSecond).toBe(0);
});
