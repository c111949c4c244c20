import { describe, expect, test } from 'vitest';
import { fillable, lesserRoom, roomWithin, usedPart } from '../../../src/node/disk-room.ts';
import { childCpu } from '../../../src/node/policy/child-cpu.ts';
import { machineLoad } from '../../../src/node/policy/load.ts';
import { copyOrder } from '../../../src/node/policy/order.ts';
import { watchingHere } from '../../../src/node/policy/watching.ts';
import { bytesToFree } from '../../../src/policy/evict.ts';
import { defaultPolicy } from '../../../src/policy/policy.ts';

test('segments near a playhead go first, then the beginning, then the rest as it is played', () => {
  const order = (playheads: readonly number[]): number[] =>
    Array.from({ length: 60 }, (_, n) => n).toSorted(
      (a, b) => copyOrder(a, playheads) - copyOrder(b, playheads),
    );
  expect(order([])).toEqual(Array.from({ length: 60 }, (_, n) => n));
  expect(order([30]).slice(0, 22)).toEqual([
    ...Array.from({ length: 16 }, (_, n) => 30 + n),
    0,
    1,
    2,
    3,
    4,
    5,
  ]);
  expect(order([30, 50]).slice(0, 4)).toEqual([30, 50, 31, 51]);
});

describe('who is served', () => {
  test('is one viewer where segments follow each other, and several where they do not', () => {
    let now = 0;
    const watching = watchingHere(() => now);
    for (const n of [0, 1, 2, 3]) watching.note('r', n);
    expect(watching.playheads('r')).toEqual([3]);
    watching.note('r', 40);
    expect([...watching.playheads('r')].sort((a, b) => a - b)).toEqual([3, 40]);
    expect(watching.playheads('other')).toEqual([]);
    now = 59_000;
    watching.note('r', 41);
    now = 61_000;
    expect(watching.playheads('r'), 'the other one has gone').toEqual([41]);
  });
});

test('a disk is tight and full before its budget is used up, by as much as is under way, and never before room is made', () => {
  expect(fillable(1000, 0)).toBe(970);
  expect(fillable(1000, 100)).toBe(900);
  expect(fillable(1000, 2000)).toBe(500);
  expect(fillable(Number.POSITIVE_INFINITY, 2000)).toBe(Number.POSITIVE_INFINITY);
  const disk = { budgetBytes: null, high: 0.9, low: 0.8 };
  expect(roomWithin(0, 1000, disk)).toBe('plenty');
  expect(roomWithin(949, 1000, disk)).toBe('plenty');
  expect(bytesToFree(949, 1000, disk)).toBe(149);
  expect(roomWithin(950, 1000, disk)).toBe('tight');
  expect(roomWithin(1000, 1000, disk)).toBe('full');
  expect(roomWithin(1e15, Number.POSITIVE_INFINITY, disk)).toBe('plenty');
  expect(lesserRoom('plenty', 'tight')).toBe('tight');
  expect(lesserRoom('full', 'tight')).toBe('full');
});

test('room is made on a disk before it is in trouble, whatever part of it others have', () => {
  const disk = { budgetBytes: null, high: 0.9, low: 0.8 };
  for (const others of [0, 0.21, 0.5, 0.9, 0.99]) {
    const size = 1e12 * (1 - others);
    const troubled = Array.from({ length: 1000 }, (_, part) => (size * part) / 1000).find(
      (bytes) => usedPart(bytes, size - bytes) >= defaultPolicy.trouble.diskUsed,
    );
    expect(troubled, `${others}`).toBeDefined();
    expect(bytesToFree(troubled ?? 0, fillable(size, 0), disk), `${others}`).toBeGreaterThan(0);
  }
  expect([usedPart(0, 5), usedPart(0, 0), usedPart(5, 0)]).toEqual([0, 1, 1]);
  expect(usedPart(5, Number.POSITIVE_INFINITY), 'nobody tells').toBe(0);
});

test('the time of encoders is what ended since it was last asked for', () => {
  const read = [10, 12.5, 12.5, 13];
  const meter = childCpu(() => read.shift() ?? 0);
  expect([meter(), meter(), meter()]).toEqual([2.5, 0, 0.5]);
  expect(childCpu(() => 0)()).toBeUndefined();
});

test('the load of a machine is what was used between two looks', () => {
  const at = performance.now() / 1000;
  const counters = [
    { at: at - 10, busy: 0, all: 0, disk: 0, network: 0 },
    { at, busy: 300, all: 1000, disk: 2.5, network: 50_000 },
  ];
  const load = machineLoad('/', () => counters.shift() ?? { at, busy: 0, all: 0, disk: 0, network: 0 });
  expect(load()).toEqual({ cpu: 0.3, disk: 0.25, network: 5000 });
});

test('this machine tells how busy it is', () => {
  const { cpu, disk, network } = machineLoad('/')();
  for (const part of [cpu, disk]) expect(part).toBeLessThanOrEqual(1);
  expect(network).toBeGreaterThanOrEqual(0);
});
