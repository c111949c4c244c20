/** Lets many in at once, or closes once all are out: for what must not happen while somebody is in. */
export interface Gate {
  /** Waits while it is closed. @returns the way out */
  enter(): Promise<() => void>;
  /** Lets nobody in any more, and waits until all are out. @returns what opens it again */
  close(): Promise<() => void>;
}

/** An open gate. */
export function gate(): Gate {
  const state: { inside: number; closed?: PromiseWithResolvers<void>; emptied?: PromiseWithResolvers<void> } =
    { inside: 0 };
  const opened = async (): Promise<void> => {
    while (state.closed !== undefined) await state.closed.promise;
  };
  return {
    async enter() {
      await opened();
      state.inside += 1;
      let isIn = true;
      return () => {
        if (!isIn) return;
        isIn = false;
        state.inside -= 1;
        if (state.inside === 0) state.emptied?.resolve();
      };
    },
    async close() {
      await opened();
      const own = Promise.withResolvers<void>();
      state.closed = own;
      state.emptied = Promise.withResolvers<void>();
      if (state.inside > 0) await state.emptied.promise;
      return () => {
        if (state.closed !== own) return;
        delete state.closed;
        own.resolve();
      };
    },
  };
}
