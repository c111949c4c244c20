import { SegueError } from '../ops/errors.ts';
import { renderIn } from '../store/names.ts';

/** An object as a bucket lists it. */
export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
}

/** What a walk comes by: the beginning of a render, its objects, its end. `renderId` undefined: an object of no render. */
export type Met =
  | { readonly kind: 'begin'; readonly renderId: string }
  | { readonly kind: 'object'; readonly renderId: string | undefined; readonly object: ListedObject }
  | { readonly kind: 'end'; readonly renderId: string };

/** Ids are compared as the names of objects begin with them: `-` sorts before `/`, and that before digits and letters. */
const isBefore = (a: string, b: string): boolean => `${a}/` < `${b}/`;

/**
 * Goes through a bucket's listing and through the renders that should be in it, both in the order of names, render by
 * render: what is in memory does not grow with either. A render that should be there and is not begins and ends at once.
 * @throws SegueError `bucket_unavailable` where a provider lists in another order: nothing can be told from that
 */
export async function* walkRenders(
  objects: AsyncIterable<ListedObject>,
  expected: AsyncIterable<string>,
): AsyncGenerator<Met> {
  const rows = expected[Symbol.asyncIterator]();
  let row = await rows.next();
  let open: string | undefined;

  /** Those that should have come before this one; undefined: all that are left. */
  async function* passed(until: string | undefined): AsyncGenerator<Met> {
    for (; row.done !== true; row = await rows.next()) {
      const renderId = row.value;
      if (until !== undefined && !isBefore(renderId, until)) return;
      yield { kind: 'begin', renderId };
      yield { kind: 'end', renderId };
    }
  }

  for await (const object of objects) {
    const renderId = renderIn(object.key);
    if (renderId !== undefined && renderId !== open) {
      if (open !== undefined) {
        if (!isBefore(open, renderId)) throw unordered(open, renderId);
        yield { kind: 'end', renderId: open };
      }
      yield* passed(renderId);
      if (row.done !== true && row.value === renderId) row = await rows.next();
      open = renderId;
      yield { kind: 'begin', renderId };
    }
    yield { kind: 'object', renderId, object };
  }
  if (open !== undefined) yield { kind: 'end', renderId: open };
  yield* passed(undefined);
}

const unordered = (first: string, second: string): SegueError =>
  new SegueError('bucket_unavailable', `The bucket lists renders/${second}/ after renders/${first}/`, {
    hint: 'Reconciliation needs a bucket that lists in the order of names, as S3 general purpose buckets do.',
    retryable: false,
  });
