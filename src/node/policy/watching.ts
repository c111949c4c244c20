import { LRUCache } from 'lru-cache';

/** Somebody counts as watching for so long after the last segment that they were served, in milliseconds. */
const watchedMs = 60_000;
/** Renders that are remembered, and playheads of each. */
const most = { renders: 10_000, playheads: 16 };

/** Where those are who are served by this node. */
export interface Watching {
  /** Notes that segment n was served. */
  note(renderId: string, n: number): void;
  /** Segments that were served last, a moment ago, one for each who watches as well as can be told. */
  playheads(renderId: string): readonly number[];
}

/** A segment follows an earlier one of the same viewer where it comes so soon after it. */
const follows = 4;

/** Starts with nobody. `now`: monotonic milliseconds. */
export function watchingHere(now: () => number = () => performance.now()): Watching {
  const served = new LRUCache<string, { n: number; at: number }[]>({ max: most.renders, ttl: watchedMs });
  const fresh = (renderId: string): { n: number; at: number }[] =>
    (served.get(renderId) ?? []).filter(({ at }) => now() - at < watchedMs);
  return {
    note(renderId, n) {
      const others = fresh(renderId).filter((one) => one.n > n || n - one.n > follows);
      served.set(renderId, [{ n, at: now() }, ...others].slice(0, most.playheads));
    },
    playheads: (renderId) => fresh(renderId).map(({ n }) => n),
  };
}
