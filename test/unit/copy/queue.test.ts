import { describe, expect, test } from 'vitest';
import { type CopyHow, plainHow } from '../../../src/copy/how.ts';
import { copyQueue } from '../../../src/copy/queue.ts';

/** A queue with a clock and a load that the test sets. */
function queueOf(slots = 100) {
  const state = { now: 0, cpu: 0 };
  const queue = copyQueue<string>({ slots, cpu: () => state.cpu, now: () => state.now });
  const put = (key: string, how: Partial<CopyHow> = {}): void => queue.set(key, key, { ...plainHow, ...how });
  /** Takes everything that may go now. */
  const taken = (): string[] => {
    const keys: string[] = [];
    for (let next = queue.next(); next !== undefined; next = queue.next()) keys.push(next.key);
    return keys;
  };
  return { queue, state, put, taken };
}

describe('copies that wait', () => {
  test('go urgent ones first, then by priority, then by their order, then as they came', () => {
    const { put, taken } = queueOf();
    put('second', { order: 2 });
    put('third', { order: 2 });
    put('first', { order: 1 });
    put('important', { lane: 'important', priority: 5, order: 9 });
    put('urgent', { isUrgent: true, order: 99 });
    expect(taken()).toEqual(['urgent', 'important', 'first', 'second', 'third']);
  });

  test('are as many at once as there are slots, or as their rule says', () => {
    const { queue, put, taken } = queueOf(2);
    for (let n = 0; n < 5; n += 1) put(`plain-${n}`);
    for (let n = 0; n < 5; n += 1) put(`wide-${n}`, { lane: 'wide', concurrency: 3 });
    expect(taken()).toEqual(['plain-0', 'plain-1', 'wide-0', 'wide-1', 'wide-2']);
    queue.ended({ ...plainHow, lane: 'wide', concurrency: 3 }, 10);
    expect(taken(), 'the slots are still taken').toEqual(['wide-3']);
  });

  test.each([false, true])(
    'of a rule with its own bound leave the slots to the others (urgent: %s)',
    (isUrgent) => {
      const { queue, put, taken } = queueOf(2);
      const wide = { lane: 'wide', concurrency: 8 };
      for (let n = 0; n < 20; n += 1) put(`wide-${n}`, wide);
      expect(taken()).toHaveLength(8);
      for (let n = 0; n < 3; n += 1) put(`plain-${n}`, { isUrgent });
      expect(taken()).toEqual(['plain-0', 'plain-1']);
      queue.ended({ ...plainHow, ...wide }, 10);
      expect(taken(), 'what ends of it frees its own').toEqual(['wide-8']);
      queue.ended({ ...plainHow, isUrgent }, 10);
      expect(taken()).toEqual(['plain-2']);
    },
  );

  test('of one rule may go differently: a rate that it had holds up nothing that goes without', () => {
    const { queue, put, taken } = queueOf();
    const slow = { lane: 'one', bytesPerSecond: 1000 };
    put('sent', slow);
    expect(taken()).toEqual(['sent']);
    queue.ended({ ...plainHow, ...slow }, 50_000);
    put('before', slow);
    put('now', { lane: 'one' });
    expect(taken()).toEqual(['now']);
  });

  test('that failed rest, and then go after what did not, whatever changes how they go', () => {
    const { queue, state, put, taken } = queueOf(1);
    queue.set('failed', 'failed', plainHow, 500);
    put('failed', { priority: 9 });
    expect([taken(), queue.aside, queue.size]).toEqual([[], 1, 1]);
    state.now = 500;
    put('new');
    expect(taken()).toEqual(['new']);
    queue.ended(plainHow, 10);
    expect(taken()).toEqual(['failed']);
    expect([queue.aside, queue.size]).toEqual([0, 0]);
  });

  test('of a rule with a rate go no faster than that', () => {
    const { queue, state, put, taken } = queueOf();
    const how = { ...plainHow, lane: 'slow', concurrency: 1, bytesPerSecond: 1000 };
    for (let n = 0; n < 100; n += 1) put(`slow-${n}`, how);
    let sent = 0;
    for (state.now = 0; state.now <= 60_000; state.now += 100) {
      for (const _ of taken()) {
        queue.ended(how, 4000);
        sent += 4000;
      }
    }
    // What may go at once, and one segment, beside a minute's worth.
    expect(sent).toBeGreaterThanOrEqual(58_000);
    expect(sent).toBeLessThanOrEqual(65_000);
  });

  test('give way while the CPUs are used by more than their rule says, unless they are urgent', () => {
    const { queue, state, put, taken } = queueOf();
    state.cpu = 0.8;
    put('polite', { lane: 'polite', cpuCeiling: 0.5 });
    put('urgent', { lane: 'polite', cpuCeiling: 0.5, isUrgent: true });
    put('plain');
    expect(queue.held).toBe(1);
    expect(taken()).toEqual(['urgent', 'plain']);
    expect([queue.size, queue.held]).toEqual([1, 1]);
    state.cpu = 0.4;
    expect(queue.held).toBe(0);
    expect(taken()).toEqual(['polite']);
  });

  test('may change how they go, and be taken back', () => {
    const { queue, put, taken } = queueOf();
    put('a', { order: 1 });
    put('b', { order: 2 });
    put('c', { order: 3 });
    put('b', { order: 0 });
    expect(queue.delete('c')).toBe(true);
    expect(queue.delete('c')).toBe(false);
    expect(taken()).toEqual(['b', 'a']);
  });
});
