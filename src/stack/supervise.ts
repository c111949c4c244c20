import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../ops/log.ts';
import { backoff, FailureLog } from '../ops/loop.ts';
import type { Part } from './part.ts';

/** A part that is started again whenever it ends, until it is stopped. */
export interface Supervised<P extends Part> extends AsyncDisposable {
  /** The part as it runs now, or last ran. */
  current(): P;
  /** Stops restarting, and the part. */
  stop(): Promise<void>;
  /** Ends it at once. */
  kill(): void;
}

/** How a part is kept running. */
export interface SuperviseOptions<P extends Part> {
  readonly name: string;
  readonly start: (signal: AbortSignal) => Promise<P>;
  readonly log: Log;
  /** Called after each start, the first one included. */
  readonly started?: (part: P) => void | Promise<void>;
  /** Waits between restarts, in milliseconds. */
  readonly backoffMs?: { readonly first: number; readonly longest: number };
  /** A part that has run this long, in milliseconds, is started again without counting what was before. */
  readonly settledMs?: number;
}

/**
 * Starts a part and keeps it running: when it ends by itself it is started again, after a wait that doubles up to a bound as
 * long as it keeps failing. It never gives up, and says so in the log.
 * @throws whatever the first start throws; later failures are logged and tried again.
 */
export async function supervise<P extends Part>(options: SuperviseOptions<P>): Promise<Supervised<P>> {
  const { name, start, log, backoffMs = { first: 250, longest: 10_000 }, settledMs = 30_000 } = options;
  const ended = new AbortController();
  const failures = new FailureLog(log, `starting ${name}`);
  let part = await start(ended.signal);
  await options.started?.(part);

  const pause = (ms: number) => delay(ms, undefined, { signal: ended.signal }).catch(() => undefined);

  /** Starts it again until that works. @returns the number of failures, those before included. */
  const startAgain = async (before: number): Promise<number> => {
    for (let failed = before; ; failed += 1) {
      const wait = backoff(failed, backoffMs);
      await pause(wait);
      if (ended.signal.aborted) return failed;
      try {
        part = await start(ended.signal);
        failures.succeeded();
        return failed;
      } catch (error) {
        if (!ended.signal.aborted)
          failures.failed(
            error,
            backoff(failed + 1, backoffMs, () => 1),
          );
      }
    }
  };

  const watch = async () => {
    let failed = 0;
    while (!ended.signal.aborted) {
      const since = performance.now();
      const reason = await part.exited;
      if (ended.signal.aborted) return;
      log.warn({ child: part.pid, reason }, `${name} ended, starting it again`);
      failed = await startAgain(performance.now() - since > settledMs ? 1 : failed + 1);
      if (!ended.signal.aborted) await options.started?.(part);
    }
  };
  const watching = watch();

  const stop = async () => {
    ended.abort();
    await part.stop();
    await watching;
    // A start that was under way when stop was called may have finished since.
    await part.stop();
  };
  let stopping: Promise<void> | undefined;
  const stopOnce = () => (stopping ??= stop());
  return {
    current: () => part,
    stop: stopOnce,
    kill: () => {
      ended.abort();
      part.kill();
    },
    [Symbol.asyncDispose]: stopOnce,
  };
}
