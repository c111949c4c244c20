import type { Granted } from '../src/catalog/budgets.ts';
import { SegueError } from '../src/ops/errors.ts';
import type { Service } from './service.ts';

/** The account of all clients together. */
const everybody = 'all';

/** What was admitted, should it not be made after all. */
export interface Admitted {
  /** Gives the CPU seconds back. Never throws. */
  giveBack(): Promise<void>;
}

/**
 * Takes a description's CPU seconds out of the client's budget and out of everybody's, and waits for its turn where they are used up
 * for the moment.
 * @throws SegueError `too_many_requests` with the seconds after which it fits, `catalog_unavailable`, or the signal's reason
 */
export async function admit(
  { ports, queue }: Service,
  client: string,
  seconds: number,
  signal: AbortSignal,
): Promise<Admitted> {
  const { clientCpuSeconds, totalCpuSeconds, queueSeconds } = ports.settings.admission;
  const charged: string[] = [];
  const giveBack = async (): Promise<void> => {
    for (const account of charged.splice(0)) {
      await ports.catalog.budgets
        .giveBack(account, seconds)
        .catch((error: unknown) => ports.onTrouble?.('giving CPU seconds back', error));
    }
  };
  const charge = async (account: string, budget: number): Promise<Granted> => {
    const granted = await ports.catalog.budgets
      .charge({ account, seconds, budget, waitSeconds: queueSeconds })
      .catch((error: unknown) => {
        throw new SegueError('catalog_unavailable', 'The catalog does not answer', {
          cause: error,
          hint: 'Post it again: nothing was kept.',
        });
      });
    if (granted.granted) charged.push(account);
    return granted;
  };
  try {
    let waitSeconds = 0;
    for (const [account, budget, whose] of [
      [client, clientCpuSeconds, 'you'],
      [everybody, totalCpuSeconds, 'everybody together'],
    ] as const) {
      const { granted, waitSeconds: wait } = await charge(account, budget);
      if (!granted) throw tooMuch(whose, seconds, budget, wait);
      waitSeconds = Math.max(waitSeconds, wait);
    }
    if (waitSeconds > 0) await inQueue(queue, waitSeconds, signal);
    return { giveBack };
  } catch (error) {
    await giveBack();
    throw error;
  }
}

function tooMuch(whose: string, seconds: number, budget: number, wait: number): SegueError {
  const figures = `${Math.ceil(seconds)} CPU seconds more, of ${Math.ceil(budget)} an hour`;
  return new SegueError('too_many_requests', `That is more than ${whose} may ask for now: ${figures}`, {
    hint: `Post it again in ${Math.ceil(wait)} s, or post something that takes less.`,
    retryAfterSeconds: Math.max(1, wait),
  });
}

/** Waits for a turn that is granted already. @throws SegueError `too_many_requests` where too many wait */
async function inQueue(queue: Service['queue'], seconds: number, signal: AbortSignal): Promise<void> {
  const leave = queue.take();
  if (leave === undefined) {
    throw new SegueError('too_many_requests', 'Too many descriptions wait for their turn', {
      hint: 'Post it again in a moment.',
      retryAfterSeconds: Math.max(1, seconds),
    });
  }
  try {
    const over = Promise.withResolvers<void>();
    const timer = setTimeout(() => over.resolve(), seconds * 1000);
    const left = (): void => over.reject(signal.reason as Error);
    signal.addEventListener('abort', left, { once: true });
    if (signal.aborted) left();
    await over.promise.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', left);
    });
  } finally {
    leave();
  }
}
