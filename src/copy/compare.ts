import { numbersIn } from '../catalog/ranges.ts';
import type { SweptRendition } from '../catalog/swept-render.ts';

/** How an object and its row differ. `bytes`: as listed. */
export type Difference =
  /** A row without an object. */
  | { readonly kind: 'missing'; readonly n: number }
  /** An object of another size than was recorded. */
  | { readonly kind: 'damaged'; readonly n: number; readonly bytes: number }
  /** An object of the recorded size without a row. */
  | { readonly kind: 'unrecorded'; readonly n: number; readonly bytes: number }
  /** An object without a row of which nobody can tell that it is right: no such number, no recorded size, or another one. */
  | { readonly kind: 'unknown'; readonly n: number; readonly bytes: number };

/** Compares a rendition's rows with what was listed of it: bytes by segment number. Pure. What is alike is not told. */
export function* differences(
  { stored, sizes, count }: Pick<SweptRendition, 'stored' | 'sizes' | 'count'>,
  listed: ReadonlyMap<number, number>,
): Generator<Difference> {
  const recorded = new Set(numbersIn(stored));
  for (const n of recorded) if (!listed.has(n)) yield { kind: 'missing', n };
  for (const [n, bytes] of listed) {
    const expected = sizes[n] ?? undefined;
    if (recorded.has(n)) {
      if (expected !== undefined && bytes !== expected) yield { kind: 'damaged', n, bytes };
    } else {
      yield { kind: n < count && bytes === expected ? 'unrecorded' : 'unknown', n, bytes };
    }
  }
}
