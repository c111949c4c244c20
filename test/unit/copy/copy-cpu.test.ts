import { expect, test } from 'vitest';
import { copyCpu } from '../../../src/copy/copy-cpu.ts';

/** A machine on which a copy of these bytes costs `cost` CPU seconds, and everything else `idle` a second. */
function machine(cost: number, idle: number) {
  const meter = copyCpu();
  const now = { cpu: 0, at: 0, other: 0 };
  meter.look({ ...now });
  const second = (copies: number, other = 0): number => {
    let estimated = 0;
    for (let n = 0; n < copies; n += 1) estimated += meter.copied(500_000);
    now.cpu += copies * cost + idle + other;
    now.at += 1;
    if (other > 0) now.other += 1;
    meter.look({ ...now });
    return estimated;
  };
  return second;
}

test.each([0.002, 0.009, 0.05])(
  'learns from seconds of nothing but copying that a copy costs %f s',
  (cost) => {
    const second = machine(cost, 0.02);
    for (let n = 0; n < 20; n += 1) second(0);
    for (let n = 0; n < 100; n += 1) second(20);
    expect(second(100) / 100).toBeCloseTo(cost, 3);
  },
);

test('learns nothing from seconds in which something else was done', () => {
  const second = machine(0.009, 0);
  const before = second(1, 5);
  for (let n = 0; n < 100; n += 1) second(10, 5);
  expect(second(1, 5)).toBe(before);
});

test('what is learned is bounded', () => {
  const second = machine(100, 0);
  const before = second(1);
  for (let n = 0; n < 100; n += 1) second(5);
  expect(second(1) / before).toBeCloseTo(10);
});
