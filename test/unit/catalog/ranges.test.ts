import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  contains,
  countOf,
  difference,
  formatRanges,
  intersection,
  leadingRun,
  numbersIn,
  parseRanges,
  type Ranges,
  rangesOf,
  unionOf,
} from '../../../src/catalog/ranges.ts';

const numbers = fc.array(fc.nat({ max: 60 }), { maxLength: 40 });
const set = (ranges: Ranges): number[] => [...numbersIn(ranges)];
const sorted = (values: Iterable<number>): number[] => [...new Set(values)].sort((a, b) => a - b);

test('ranges say what the set of their numbers says', () => {
  fc.assert(
    fc.property(numbers, numbers, fc.nat({ max: 61 }), (a, b, n) => {
      const [ra, rb] = [rangesOf(a), rangesOf(b)];
      expect(set(ra)).toEqual(sorted(a));
      expect(countOf(ra)).toBe(new Set(a).size);
      expect(contains(ra, n)).toBe(a.includes(n));
      expect(set(unionOf(ra, rb))).toEqual(sorted([...a, ...b]));
      expect(set(difference(ra, rb))).toEqual(sorted(a).filter((x) => !b.includes(x)));
      expect(set(intersection(ra, rb))).toEqual(sorted(a).filter((x) => b.includes(x)));
      let run = 0;
      while (a.includes(run)) run += 1;
      expect(leadingRun(ra)).toBe(run);
    }),
  );
});

test('results are canonical: sorted, disjoint, never touching', () => {
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      for (const ranges of [
        rangesOf(a),
        unionOf(rangesOf(a), rangesOf(b)),
        difference(rangesOf(a), rangesOf(b)),
      ]) {
        for (const [index, [from, to]] of ranges.entries()) {
          expect(from).toBeLessThan(to);
          const next = ranges[index + 1];
          if (next !== undefined) expect(to).toBeLessThan(next[0]);
        }
      }
    }),
  );
});

test("reads and writes PostgreSQL's text form", () => {
  expect(parseRanges('{}')).toEqual([]);
  expect(parseRanges('{[0,5),[7,9)}')).toEqual([
    [0, 5],
    [7, 9],
  ]);
  fc.assert(
    fc.property(numbers, (a) => {
      expect(parseRanges(formatRanges(rangesOf(a)))).toEqual(rangesOf(a));
    }),
  );
});
