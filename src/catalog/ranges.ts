/**
 * Sets of segment numbers as sorted, disjoint, half-open ranges `[from, to)`: the application's side of PostgreSQL's
 * `int4multirange`. Pure; every function returns a new value.
 */
export type Ranges = readonly (readonly [from: number, to: number])[];

/** Reads the text form of an `int4multirange`, e.g. `{[0,5),[7,9)}`. PostgreSQL always prints it canonical and half-open. */
export function parseRanges(text: string): Ranges {
  return [...text.matchAll(/\[(\d+),(\d+)\)/g)].map(([, from, to]) => [Number(from), Number(to)] as const);
}

/** Writes the text form of an `int4multirange`. */
export function formatRanges(ranges: Ranges): string {
  return `{${ranges.map(([from, to]) => `[${from},${to})`).join(',')}}`;
}

/** Whether segment `n` is in the set. */
export function contains(ranges: Ranges, n: number): boolean {
  return ranges.some(([from, to]) => from <= n && n < to);
}

/** How many segments the set has. */
export function countOf(ranges: Ranges): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
}

/** Length of the run that starts at 0: the `K` of a sealed prefix. */
export function leadingRun(ranges: Ranges): number {
  const first = ranges[0];
  return first !== undefined && first[0] === 0 ? first[1] : 0;
}

/** The set of the given numbers, in any order. */
export function rangesOf(numbers: Iterable<number>): Ranges {
  const result: [number, number][] = [];
  for (const n of [...new Set(numbers)].sort((a, b) => a - b)) {
    const last = result.at(-1);
    if (last !== undefined && last[1] === n) last[1] = n + 1;
    else result.push([n, n + 1]);
  }
  return result;
}

/** Every segment that is in any of the sets. */
export function unionOf(...sets: readonly Ranges[]): Ranges {
  const result: [number, number][] = [];
  for (const [from, to] of sets.flat().sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else if (from < to) result.push([from, to]);
  }
  return result;
}

/** The segments of `ranges` that are not in `removed`. */
export function difference(ranges: Ranges, removed: Ranges): Ranges {
  let rest: [number, number][] = ranges.map(([from, to]) => [from, to]);
  for (const [from, to] of removed) {
    rest = rest.flatMap(([a, b]): [number, number][] => {
      if (to <= a || b <= from) return [[a, b]];
      const pieces: [number, number][] = [];
      if (a < from) pieces.push([a, from]);
      if (to < b) pieces.push([to, b]);
      return pieces;
    });
  }
  return rest;
}

/** The segments that are in both sets. */
export function intersection(a: Ranges, b: Ranges): Ranges {
  return difference(a, difference(a, b));
}

/** What is in exactly one of the sets. */
export function heldOnce(sets: readonly Ranges[]): Ranges {
  let once: Ranges = [];
  let often: Ranges = [];
  for (const set of sets) {
    often = unionOf(often, intersection(once, set));
    once = difference(unionOf(once, set), often);
  }
  return once;
}

/** The numbers of the set in ascending order. */
export function* numbersIn(ranges: Ranges): Generator<number> {
  for (const [from, to] of ranges) for (let n = from; n < to; n += 1) yield n;
}
