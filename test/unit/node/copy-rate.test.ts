import { expect, test } from 'vitest';
import { copyRate } from '../../../src/node/copy-rate.ts';

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
