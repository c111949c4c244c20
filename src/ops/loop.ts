import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from './log.ts';

/** What a step says about the next one: `more` = at once, `idle` = after the interval or a wake-up, a number = after so many milliseconds or a wake-up. */
export type StepResult = 'more' | 'idle' | number;

/** A running loop. */
export interface Loop extends AsyncDisposable {
  /** Ends the wait between two steps; a wake-up during a step makes the next one follow at once. */
  wake(): void;
  /** Aborts the step that runs, waits for it and ends. Safe to call twice. */
  stop(): Promise<void>;
}

/** How a loop is driven. */
export interface LoopOptions {
  /** Names the loop in log lines. */
  readonly name: string;
  /** Milliseconds between two idle steps: the poll that backs up wake-ups. */
  readonly intervalMs: number;
  readonly log: Log;
  /** First and longest wait after failures, in milliseconds; doubling between, each with half of it random. */
  readonly backoffMs?: { readonly first: number; readonly longest: number };
  readonly random?: () => number;
}

/** Wait before the next try after `failures` failures in a row, in milliseconds: exponential, bounded, the upper half random. */
export function backoff(
  failures: number,
  { first, longest }: { readonly first: number; readonly longest: number } = { first: 200, longest: 10_000 },
  random: () => number = Math.random,
): number {
  const full = Math.min(longest, first * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return full / 2 + (full / 2) * random();
}

/** How often one repeated error is logged, in milliseconds. */
const repeatMs = 30_000;

/**
 * Log discipline for something that is tried again and again: an error is logged when it is new, then at most every 30 s
 * with the number of failures so far; one line says that it recovered.
 */
export class FailureLog {
  readonly #log: Log;
  readonly #what: string;
  readonly #now: () => number;
  #failures = 0;
  #lastMessage = '';
  #loggedAt = 0;

  constructor(log: Log, what: string, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#what = what;
    this.#now = now;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** Counts a failure; `retryMs` is how long until the next try. */
  failed(error: unknown, retryMs: number): void {
    this.#failures += 1;
    const message = error instanceof Error ? error.message : String(error);
    if (message === this.#lastMessage && this.#now() - this.#loggedAt < repeatMs) return;
    this.#lastMessage = message;
    this.#loggedAt = this.#now();
    this.#log.warn(
      { err: error, failures: this.#failures, retryMs: Math.round(retryMs) },
      `${this.#what} failed`,
    );
  }

  /** Says that it works; logs once when it did not before. */
  succeeded(): void {
    if (this.#failures > 0) this.#log.info({ failures: this.#failures }, `${this.#what} recovered`);
    this.#failures = 0;
    this.#lastMessage = '';
  }
}

/**
 * Drives a `step` again and again until it is stopped. A step that throws is tried again with backoff, for ever; a step is
 * never run twice at once.
 */
export function startLoop(step: (signal: AbortSignal) => Promise<StepResult>, options: LoopOptions): Loop {
  const ended = new AbortController();
  const failures = new FailureLog(options.log, options.name);
  let woken = false;
  let sleeping: AbortController | undefined;

  const sleep = async (ms: number, wakeable: boolean) => {
    if (ended.signal.aborted || (wakeable && woken)) return;
    const waker = new AbortController();
    if (wakeable) sleeping = waker;
    await delay(ms, undefined, { signal: AbortSignal.any([ended.signal, waker.signal]) }).catch(
      () => undefined,
    );
    sleeping = undefined;
  };

  const run = async () => {
    while (!ended.signal.aborted) {
      woken = false;
      try {
        const next = await step(ended.signal);
        failures.succeeded();
        if (next !== 'more') await sleep(next === 'idle' ? options.intervalMs : next, true);
      } catch (error) {
        if (ended.signal.aborted) return;
        const wait = backoff(failures.failures + 1, options.backoffMs, options.random);
        failures.failed(error, wait);
        // A wake-up does not shorten this wait: what fails is not to be hammered.
        await sleep(wait, false);
      }
    }
  };

  const running = run();
  const stop = async () => {
    ended.abort();
    await running;
  };
  return {
    wake: () => {
      woken = true;
      sleeping?.abort();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
