/**
 * Does `work` for each item, for `width` of them at once, and takes the next item only then. Ends with the first error, once
 * what had begun has ended.
 */
export async function forEachOf<T>(
  items: Iterable<T> | AsyncIterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const over = new AbortController();
  const run = async (): Promise<void> => {
    try {
      while (!over.signal.aborted) {
        const next = await iterator.next();
        if (next.done === true) return;
        await work(next.value);
      }
    } finally {
      over.abort();
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: width }, run));
  const failed = ended.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}
