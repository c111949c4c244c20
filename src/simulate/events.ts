/** Things to do at a time, taken out in order of time; of the same time, in the order they came. */
export interface Agenda<T> {
  readonly size: number;
  /** Time of the next one; Infinity: there is none. */
  readonly next: number;
  add(at: number, thing: T): void;
  take(): T | undefined;
}

/** An empty agenda: a binary heap. */
export function newAgenda<T>(): Agenda<T> {
  const heap: { readonly at: number; readonly order: number; readonly thing: T }[] = [];
  let order = 0;
  const isBefore = (a: number, b: number): boolean => {
    const [x, y] = [heap[a], heap[b]];
    if (x === undefined || y === undefined) return false;
    return x.at < y.at || (x.at === y.at && x.order < y.order);
  };
  const swap = (a: number, b: number): void => {
    const [x, y] = [heap[a], heap[b]];
    if (x !== undefined && y !== undefined) [heap[a], heap[b]] = [y, x];
  };
  return {
    get size() {
      return heap.length;
    },
    get next() {
      return heap[0]?.at ?? Number.POSITIVE_INFINITY;
    },
    add(at, thing) {
      heap.push({ at, order, thing });
      order += 1;
      for (let index = heap.length - 1; index > 0; ) {
        const parent = (index - 1) >> 1;
        if (!isBefore(index, parent)) break;
        swap(index, parent);
        index = parent;
      }
    },
    take() {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined) return undefined;
      if (heap.length > 0) heap[0] = last;
      for (let index = 0; ; ) {
        const [left, right] = [2 * index + 1, 2 * index + 2];
        let least = index;
        if (isBefore(left, least)) least = left;
        if (isBefore(right, least)) least = right;
        if (least === index) return first.thing;
        swap(index, least);
        index = least;
      }
    },
  };
}
