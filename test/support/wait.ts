import { setTimeout as delay } from 'node:timers/promises';

/** How long and for what to wait. */
export interface UntilOptions {
  /** Names the state in the error. */
  readonly what: string;
  /** Milliseconds until giving up. Default 20 s. */
  readonly timeout?: number;
  /** Milliseconds between two looks. Default 25. */
  readonly every?: number;
}

/**
 * Waits until `look` returns something other than `undefined`, `false` or `null`. A look that throws counts as "not yet".
 * @throws Error that names the state, with the last thing thrown as its cause.
 */
export async function until<T>(
  look: () => T | Promise<T>,
  { what, timeout = 20_000, every = 25 }: UntilOptions,
): Promise<NonNullable<T>> {
  const end = performance.now() + timeout;
  let last: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== null && seen !== false) return seen;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`not within ${timeout} ms: ${what}`, { cause: last });
    await delay(every);
  }
}
