import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contains, rangesOf } from '../../../src/catalog/ranges.ts';
import { type Difference, differences } from '../../../src/copy/compare.ts';

const compare = (
  stored: readonly number[],
  sizes: readonly (number | null)[],
  listed: Readonly<Record<number, number>>,
  count = sizes.length,
): string[] =>
  [
    ...differences(
      { stored: rangesOf(stored), sizes, count },
      new Map(Object.entries(listed).map(([n, bytes]) => [Number(n), bytes])),
    ),
  ].map(({ kind, n }) => `${kind} ${n}`);

test('what is alike is not told', () => {
  expect(compare([0, 1, 2], [10, 11, 12], { 0: 10, 1: 11, 2: 12 })).toEqual([]);
  expect(compare([], [10, null], {})).toEqual([]);
});

test.each<[string, Parameters<typeof compare>, string[]]>([
  ['a row without an object', [[0, 1], [10, 11], { 0: 10 }], ['missing 1']],
  ['a row of a number that does not exist', [[5], [10], {}], ['missing 5']],
  ['an object of another size', [[0], [10], { 0: 9 }], ['damaged 0']],
  ['an object whose size nobody has noted', [[0], [null], { 0: 9 }], []],
  ['an object without a row, of the right size', [[], [10], { 0: 10 }], ['unrecorded 0']],
  ['of another size', [[], [10], { 0: 9 }], ['unknown 0']],
  ['whose size nobody has noted', [[], [null], { 0: 9 }], ['unknown 0']],
  ['of a number that does not exist', [[], [10], { 7: 10 }], ['unknown 7']],
  ['of a number whose size is known, and which does not exist', [[], [10, 11], { 1: 11 }, 1], ['unknown 1']],
])('%s', (_, given, expected) => {
  expect(compare(...given)).toEqual(expected);
});

test('each number is told of once at most, and exactly if row and object differ', () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 20 }));
  const sizes = fc.array(fc.option(fc.integer({ min: 1, max: 3 })), { maxLength: 18 });
  const objects = fc.dictionary(fc.integer({ min: 0, max: 20 }).map(String), fc.integer({ min: 1, max: 3 }));
  fc.assert(
    fc.property(numbers, sizes, objects, (stored, known, listed) => {
      const rendition = { stored: rangesOf(stored), sizes: known, count: known.length };
      const objectsByNumber = new Map(Object.entries(listed).map(([n, bytes]) => [Number(n), bytes]));
      const told = new Map<number, Difference['kind']>();
      for (const { n, kind } of differences(rendition, objectsByNumber)) {
        expect(told.has(n)).toBe(false);
        told.set(n, kind);
      }
      for (let n = 0; n <= 20; n += 1) {
        const isStored = contains(rendition.stored, n);
        const bytes = objectsByNumber.get(n);
        const size = known[n] ?? undefined;
        const isAlike = isStored
          ? bytes !== undefined && (size === undefined || size === bytes)
          : bytes === undefined;
        expect(told.has(n), `segment ${n}`).toBe(!isAlike);
        // A row is written for nothing but the recorded size.
        if (told.get(n) === 'unrecorded') expect(bytes).toBe(size);
      }
    }),
  );
});
