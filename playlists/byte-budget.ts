import { orAborted } from './flights.ts';

/** A bound on bytes in memory: whoever needs some waits, first come first served, until others have given theirs back. */
export interface ByteBudget {
  /**
   * Takes `bytes` (at most the whole budget is ever charged, so that one oversized segment still goes through alone) and
   * resolves with the function that gives them back; calling it again does nothing.
   */
  take(bytes: number, signal: AbortSignal): Promise<() => void>;
  readonly used: number;
  /** Whether anybody waits. */
  readonly isWaitedFor: boolean;
}

/** A budget of `limit` bytes. */
export function byteBudget(limit: number): ByteBudget {
  let used = 0;
  const queue: { bytes: number; admit: () => void }[] = [];

  const admitWaiting = (): void => {
    for (let next = queue[0]; next !== undefined && used + next.bytes <= limit; next = queue[0]) {
      queue.shift();
      used += next.bytes;
      next.admit();
    }
  };

  return {
    get used() {
      return used;
    },
    get isWaitedFor() {
      return queue.length > 0;
    },
    async take(bytes, signal) {
      const charged = Math.min(Math.max(0, bytes), limit);
      let admitted = false;
      const turn = Promise.withResolvers<void>();
      const entry = {
        bytes: charged,
        admit: () => {
          admitted = true;
          turn.resolve();
        },
      };
      let held = true;
      const giveBack = (): void => {
        if (!held) return;
        held = false;
        used -= charged;
        admitWaiting();
      };
      queue.push(entry);
      admitWaiting();
      try {
        await orAborted(turn.promise, signal);
      } catch (error) {
        const index = queue.indexOf(entry);
        if (index >= 0) queue.splice(index, 1);
        if (admitted) giveBack();
        throw error;
      }
      return giveBack;
    },
  };
}
