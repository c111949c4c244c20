import { LRUCache } from 'lru-cache';

/** Nobody is where nothing was served for so long, in milliseconds: longer than any player's buffer refill. */
export const watchedMs = 30_000;
/** Renders, and places in each, that are kept in mind. */
const mostRenders = 5000;
const mostHeads = 50;
/** A player that asks for a segment so far after its last one went on, and did not seek. */
const stride = 3;

/**
 * Where viewers are, by the segments that this service answers: nobody is told apart by name or address. A request for the next segment
 * moves a head on, one for any other place makes a new head; two viewers at the same place are one.
 */
export interface Playheads {
  /** Segment `n` of a render was asked for. */
  served(renderId: string, n: number): void;
  /** By render: segments that viewers were last given, in ascending order. */
  all(): Map<string, number[]>;
}

interface Head {
  n: number;
  at: number;
}

/** Keeps heads in memory. `now` in milliseconds. */
export function playheads(now: () => number): Playheads {
  const byRender = new LRUCache<string, Head[]>({ max: mostRenders });
  return {
    served(renderId, n) {
      const at = now();
      const heads = (byRender.get(renderId) ?? []).filter((head) => at - head.at < watchedMs);
      const passed = heads.filter((head) => head.n <= n && n - head.n <= stride);
      // The second rendition of a segment comes after the first may have gone on to the next.
      const ahead = heads.find((head) => head.n === n + 1);
      const head = passed.sort((a, b) => b.n - a.n)[0] ?? ahead;
      if (head === undefined) heads.push({ n, at });
      else {
        head.n = Math.max(head.n, n);
        head.at = at;
      }
      byRender.set(renderId, heads.sort((a, b) => b.at - a.at).slice(0, mostHeads));
    },
    all() {
      const at = now();
      const all = new Map<string, number[]>();
      for (const [renderId, heads] of byRender.entries()) {
        const here = heads.filter((head) => at - head.at < watchedMs);
        if (here.length === 0) byRender.delete(renderId);
        else
          all.set(
            renderId,
            [...new Set(here.map(({ n }) => n))].sort((a, b) => a - b),
          );
      }
      return all;
    },
  };
}
