import type { Change } from '../src/catalog/wake.ts';

/**
 * Waiting for "something changed". On Node, LISTEN/NOTIFY feeds {@link ChangeHub.notify}; a poll is the safety net, and the
 * only way on Workers.
 */
interface Watch {
  /**
   * Resolves when something was announced since the last call (or since the watch began), when `timeout` milliseconds have
   * passed, or when `signal` aborts. A change between two calls is not lost.
   */
  next(timeout: number, signal: AbortSignal): Promise<void>;
  stop(): void;
}

/** Distributes announcements to those who wait. Holds memory only for watches that have not been stopped. */
export interface ChangeHub {
  /** Watches one render. */
  watch(renderId: string): Watch;
  /** Watches everything; `onChange` gets each change as it comes. */
  watchAll(onChange: (change: Change) => void): Watch;
  /** Wakes who waits for this. */
  notify(change: Change): void;
  /** Wakes everybody: the connection was lost, and whatever happened meanwhile was missed. */
  notifyAll(): void;
}

/** A hub of this process. */
export function changeHub(): ChangeHub {
  const byRender = new Map<string, Set<() => void>>();
  const everything = new Map<() => void, (change: Change) => void>();

  return {
    watch(renderId) {
      const { watch, wake } = createWatch(() => {
        const set = byRender.get(renderId);
        set?.delete(wake);
        if (set?.size === 0) byRender.delete(renderId);
      });
      byRender.set(renderId, (byRender.get(renderId) ?? new Set()).add(wake));
      return watch;
    },
    watchAll(onChange) {
      const { watch, wake } = createWatch(() => everything.delete(wake));
      everything.set(wake, onChange);
      return watch;
    },
    notify(change) {
      if ('renderId' in change) for (const wake of byRender.get(change.renderId) ?? []) wake();
      for (const [wake, onChange] of everything) {
        onChange(change);
        wake();
      }
    },
    notifyAll() {
      for (const set of byRender.values()) for (const wake of set) wake();
      for (const wake of everything.keys()) wake();
    },
  };
}

function createWatch(stop: () => void): { watch: Watch; wake: () => void } {
  let changed = false;
  let resume: () => void = () => undefined;
  const watch: Watch = {
    async next(timeout, signal) {
      if (!changed && !signal.aborted) {
        const woken = Promise.withResolvers<void>();
        resume = () => woken.resolve();
        const timer = setTimeout(resume, timeout);
        signal.addEventListener('abort', resume, { once: true });
        await woken.promise;
        clearTimeout(timer);
        signal.removeEventListener('abort', resume);
      }
      changed = false;
    },
    stop,
  };
  return {
    watch,
    wake: () => {
      changed = true;
      resume();
    },
  };
}
