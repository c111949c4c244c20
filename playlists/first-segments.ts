import { LRUCache } from 'lru-cache';
import type { Change } from '../src/catalog/wake.ts';

/** Measures from the post of each new video until a node has its first segment. */
export interface FirstSegments {
  accepted(renderId: string, since: number): void;
  seen(change: Change): void;
}

/** Videos waited for at once; nobody measures longer than this many milliseconds. */
const bounds = { max: 1000, ttl: 600_000 };

/** `now` and `since` in the same milliseconds; `onFirst` gets seconds. */
export function firstSegments(now: () => number, onFirst: (seconds: number) => void): FirstSegments {
  const waiting = new LRUCache<string, number>(bounds);
  return {
    accepted(renderId, since) {
      waiting.set(renderId, since);
    },
    seen(change) {
      if (change.type !== 'copies') return;
      const since = waiting.get(change.renderId);
      if (since === undefined) return;
      waiting.delete(change.renderId);
      onFirst((now() - since) / 1000);
    },
  };
}
