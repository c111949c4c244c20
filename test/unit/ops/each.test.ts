import { expect, test } from 'vitest';
import { forEachOf } from '../../../src/ops/each.ts';

test('never more at once than said, and everything is done', async () => {
  let now = 0;
  let most = 0;
  const done: number[] = [];
  await forEachOf(Array.from({ length: 20 }, (_, n) => n).values(), 3, async (n) => {
    now += 1;
    most = Math.max(most, now);
    await Promise.resolve();
    now -= 1;
    done.push(n);
  });
  expect(most).toBe(3);
  expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
});

test('the first error ends it, once what had begun has ended', async () => {
  const gate = Promise.withResolvers<void>();
  const ended: number[] = [];
  let taken = 0;
  async function* numbers(): AsyncGenerator<number> {
    for (; taken < 100; taken += 1) yield taken;
  }
  const work = forEachOf(numbers(), 2, async (n) => {
    if (n === 1) throw new Error('one');
    await gate.promise;
    ended.push(n);
  });
  gate.resolve();
  await expect(work).rejects.toThrow('one');
  expect(ended).toContain(0);
  expect(taken).toBeLessThan(100);
});
