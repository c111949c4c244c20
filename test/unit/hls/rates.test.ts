import { expect, test } from 'vitest';
import { measuredRates } from '../../../src/hls/rates.ts';

test('the peak is that of any run of half to one and a half target durations', () => {
  // 1 s segments: the heavy second is diluted, because one second of a target duration of 4 is too short to count.
  const seconds = [1, 1, 2, 4, 4];
  const bytes = [1000, 9000, 2000, 4000, 4000];
  // The second and third second: 10000 bytes in 2 s, which is half a target duration.
  expect(measuredRates(bytes, seconds, 4)).toEqual({
    bandwidth: 40_000,
    averageBandwidth: Math.ceil((20_000 * 8) / 12),
  });
  expect(measuredRates([500, 500, 500, 8000], [4, 4, 4, 4], 4).bandwidth).toBe(16_000);
});

test('a set that is too long does not count, and what is too short for any is taken as one', () => {
  // 6 s is the longest set of a target duration of 4; the two heavy segments are never counted together.
  expect(measuredRates([4000, 4000], [4, 4], 4).bandwidth).toBe(8000);
  expect(measuredRates([1000, 500], [0.5, 0.5], 4)).toEqual({ bandwidth: 12_000, averageBandwidth: 12_000 });
});
