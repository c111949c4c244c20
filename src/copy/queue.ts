import type { CopyHow } from './how.ts';

/** Something that waits for its turn. */
interface Waiting<T> {
  readonly key: string;
  readonly item: T;
  readonly how: CopyHow;
  /** Of what is equal, what came first goes first. */
  readonly turn: number;
  /** Failed before, and rests until then: goes after what did not. */
  readonly notBefore: number | undefined;
}

/** What bounds a queue. */
export interface CopyQueueOptions {
  /** At once, of lanes that have no bound of their own together. */
  readonly slots: number;
  /** Used part of the CPUs, 0 to 1. */
  readonly cpu: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** Copies that wait, in the order in which they are to go. */
export interface CopyQueue<T> {
  /** Adds an item, or changes how it goes where it waits already. One that failed before rests for so long, and is `aside`. */
  set(key: string, item: T, how: CopyHow, restMs?: number): void;
  delete(key: string): boolean;
  has(key: string): boolean;
  get(key: string): T | undefined;
  readonly size: number;
  /** How many of them failed before. */
  readonly aside: number;
  /** How many wait only because the CPUs are used by more than their rule says. */
  readonly held: number;
  /** Takes the next one that may go now; undefined where none may. Ends with {@link CopyQueue.ended}. */
  next(): { readonly key: string; readonly item: T; readonly how: CopyHow } | undefined;
  /** What was taken has ended, after so many bytes were sent; `how` is what it was taken with. */
  ended(how: CopyHow, bytes: number): void;
  clear(): void;
}

/** What a lane has used. */
interface Lane {
  running: number;
  /** Bytes that may be sent at once; below 0: more was sent than the lane may by now. */
  credit: number;
  creditAt: number;
}

/** At once, over all lanes: each holds a segment in memory. */
const mostRunning = 32;
/** Lanes that are remembered: rules come and go. */
const mostLanes = 200;
/** What a lane has not used is kept for so long, in seconds. */
const creditSeconds = 1;

/** Starts with nothing waiting. */
export function copyQueue<T>({ slots, cpu, now }: CopyQueueOptions): CopyQueue<T> {
  const waiting = new Map<string, Waiting<T>>();
  const lanes = new Map<string, Lane>();
  /** `shared`: those of them that have no bound of their own. */
  let [turns, running, shared] = [0, 0, 0];

  const laneOf = (how: CopyHow): Lane => {
    const rate = how.bytesPerSecond ?? 0;
    let lane = lanes.get(how.lane);
    if (lane === undefined) {
      if (lanes.size >= mostLanes) for (const [name, one] of lanes) if (one.running === 0) lanes.delete(name);
      lane = { running: 0, credit: rate * creditSeconds, creditAt: now() };
      lanes.set(how.lane, lane);
    }
    // One that has no rate (any more) leaves the credit of the others alone.
    if (how.bytesPerSecond === null) return lane;
    const passed = (now() - lane.creditAt) / 1000;
    lane.creditAt = now();
    lane.credit = Math.min(rate * creditSeconds, lane.credit + rate * passed);
    return lane;
  };
  const mayGo = (how: CopyHow, used: number): boolean => {
    const lane = laneOf(how);
    if (how.concurrency === null ? shared >= slots : lane.running >= how.concurrency) return false;
    if (how.isUrgent) return true;
    return (how.bytesPerSecond === null || lane.credit > 0) && used <= how.cpuCeiling;
  };

  return {
    set(key, item, how, restMs) {
      const before = waiting.get(key);
      const notBefore = restMs === undefined ? before?.notBefore : now() + restMs;
      waiting.set(key, { key, item, how, turn: before?.turn ?? turns, notBefore });
      turns += 1;
    },
    delete: (key) => waiting.delete(key),
    has: (key) => waiting.has(key),
    get: (key) => waiting.get(key)?.item,
    get size() {
      return waiting.size;
    },
    get aside() {
      let aside = 0;
      for (const one of waiting.values()) if (one.notBefore !== undefined) aside += 1;
      return aside;
    },
    get held() {
      const used = waiting.size === 0 ? 0 : cpu();
      let held = 0;
      for (const { how, notBefore } of waiting.values())
        if (notBefore === undefined && !how.isUrgent && used > how.cpuCeiling) held += 1;
      return held;
    },
    next() {
      if (running >= mostRunning) return undefined;
      const used = waiting.size === 0 ? 0 : cpu();
      // What one of a lane may not, those that go like it may not either.
      const closed = new Map<string, boolean>();
      let best: Waiting<T> | undefined;
      for (const one of waiting.values()) {
        if (best !== undefined && !goesBefore(one, best)) continue;
        if (one.notBefore !== undefined && one.notBefore > now()) continue;
        const { isUrgent, concurrency, bytesPerSecond, cpuCeiling, lane } = one.how;
        const alike = `${isUrgent}/${concurrency}/${bytesPerSecond}/${cpuCeiling}/${lane}`;
        const may = closed.get(alike) ?? mayGo(one.how, used);
        closed.set(alike, may);
        if (may) best = one;
      }
      if (best === undefined) return undefined;
      waiting.delete(best.key);
      laneOf(best.how).running += 1;
      running += 1;
      if (best.how.concurrency === null) shared += 1;
      return best;
    },
    ended(how, bytes) {
      const lane = laneOf(how);
      lane.running -= 1;
      running -= 1;
      if (how.concurrency === null) shared -= 1;
      if (how.bytesPerSecond !== null) lane.credit -= bytes;
    },
    clear: () => waiting.clear(),
  };
}

const goesBefore = (a: Waiting<unknown>, b: Waiting<unknown>): boolean =>
  (Number(b.how.isUrgent) - Number(a.how.isUrgent) ||
    Number(a.notBefore !== undefined) - Number(b.notBefore !== undefined) ||
    b.how.priority - a.how.priority ||
    a.how.order - b.how.order ||
    a.turn - b.turn) < 0;
