/** Work that several requests share. It is aborted when the last of them has gone. */
export interface Flights<T> {
  /**
   * Joins the work of this key, or begins it. Rejects with the signal's reason when this caller's `signal` aborts; the work
   * goes on while anybody else waits for it. Memory of a finished flight is released at once.
   */
  join(key: string, begin: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Flights in the air. */
  readonly size: number;
}

interface Flight<T> {
  readonly promise: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
  delivered: boolean;
}

/** A set of flights, empty. `discard` gets a result that arrived when nobody was left to take it. */
export function flights<T>(discard: (value: T) => void = () => undefined): Flights<T> {
  const inAir = new Map<string, Flight<T>>();

  const start = (key: string, begin: (signal: AbortSignal) => Promise<T>): Flight<T> => {
    const controller = new AbortController();
    const flight: Flight<T> = {
      controller,
      waiting: 0,
      delivered: false,
      promise: begin(controller.signal).finally(() => {
        if (inAir.get(key) === flight) inAir.delete(key);
      }),
    };
    // Everybody may have left before it fails; those who wait still see the rejection through their own race.
    flight.promise.catch(() => undefined);
    inAir.set(key, flight);
    return flight;
  };

  return {
    get size() {
      return inAir.size;
    },
    async join(key, begin, signal) {
      signal.throwIfAborted();
      const flight = inAir.get(key) ?? start(key, begin);
      flight.waiting += 1;
      try {
        const value = await orAborted(flight.promise, signal);
        flight.delivered = true;
        return value;
      } finally {
        flight.waiting -= 1;
        if (flight.waiting === 0 && !flight.delivered) {
          if (inAir.get(key) === flight) inAir.delete(key);
          flight.controller.abort(new DOMException('Nobody waits any more', 'AbortError'));
          flight.promise.then(discard, () => undefined);
        }
      }
    },
  };
}

/** `promise`, or a rejection with the signal's reason as soon as it aborts. Leaves no listener behind. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Waits so many milliseconds. Rejects with the reason of the signal as soon as that aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await orAborted(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}
