/** The largest of what was written lately: what may come next is taken to be as large. */
export interface Largest {
  note(bytes: number): void;
  readonly bytes: number;
}

/** So many are remembered. */
const remembered = 100;

/** Starts with nothing. */
export function largestOf(): Largest {
  const last: number[] = [];
  return {
    note(bytes) {
      last.push(bytes);
      if (last.length > remembered) last.shift();
    },
    get bytes() {
      return Math.max(0, ...last);
    },
  };
}
