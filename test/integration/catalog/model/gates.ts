import type { Db } from '../../../../src/catalog/connect.ts';
import type { DiskStore } from '../../../../src/store/disk.ts';

/** How a call that stands at a gate goes on. What is lost on the way back was done all the same. */
export type Outcome = 'done' | 'request lost' | 'answer lost';

/**
 * Calls of one process that wait until they are told how they end. Whatever waits here can be overtaken by anything, and the
 * process can die before, between or after.
 */
export class Gates {
  readonly #waiting: ((outcome: Outcome) => void)[] = [];
  #running = 0;

  /** Whether a call waits. */
  get isHeld(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether no call is on its way. */
  get isStill(): boolean {
    return this.#running === 0;
  }

  /** Makes a call once it is let through. */
  async pass<T>(call: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#waiting.push(resolve);
    const outcome = await promise;
    try {
      if (outcome === 'request lost') throw new Error('the request was lost');
      const result = await call();
      if (outcome === 'answer lost') throw new Error('the answer was lost');
      return result;
    } finally {
      this.#running -= 1;
    }
  }

  /** Lets the call that has waited longest through. */
  open(outcome: Outcome): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#running += 1;
    next(outcome);
  }
}

/** The disk with a gate before each change. */
export const gatedDisk = (disk: DiskStore, gates: Gates): DiskStore => ({
  ...disk,
  put: (...call) => gates.pass(() => disk.put(...call)),
  // What removes has no way to fail that says anything: it is only overtaken, or cut off by a crash.
  remove: (...call) => gates.pass(() => disk.remove(...call)).catch(() => disk.remove(...call)),
  get bytes() {
    return disk.bytes;
  },
});

/** The database with a gate before each statement that is written as SQL: the fenced writes are. */
export const gatedDb = (db: Db, gates: Gates): Db =>
  new Proxy(db, {
    get(target, name) {
      if (name === 'execute')
        return (...call: Parameters<Db['execute']>) => gates.pass(async () => target.execute(...call));
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
