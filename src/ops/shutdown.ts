import type { Log } from './log.ts';

/** How a process is to end. */
export interface ShutdownOptions {
  readonly log: Log;
  /** Longest time for a clean stop, in milliseconds; then the process exits anyway. Default 10 s. */
  readonly deadlineMs?: number;
  /** What to do at once on a second signal or past the deadline, before exiting: end child processes. Must not wait. */
  readonly force?: () => void;
  /** The process to listen on; given by tests. */
  readonly host?: ProcessEvents;
}

/** The part of `process` that shutdown needs. */
interface ProcessEvents {
  on(event: string, listener: (signal: string) => void): unknown;
  off(event: string, listener: (signal: string) => void): unknown;
  exit(code: number): void;
  readonly connected?: boolean;
  readonly channel?: { unref(): void } | null | undefined;
}

// SIGPIPE is left out: a closed pipe is an ordinary write error. SIGHUP ends us like the terminal that sent it.
const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * Runs a process until it is told to stop: the first SIGTERM, SIGINT or SIGHUP (or the death of the parent that
 * started this process with an IPC channel) begins a clean stop, a second one ends it at once, and so does the deadline.
 * @returns the exit code: 0 after a clean stop, 1 when stopping failed. On force the process exits with 1 and this never returns.
 */
export function runUntilStopped(
  stop: (reason: string) => Promise<void>,
  { log, deadlineMs = 10_000, force, host = process }: ShutdownOptions,
): Promise<number> {
  return new Promise((resolve) => {
    let stopping = false;
    const forced = (why: string) => {
      log.warn({ why }, 'stopping at once');
      force?.();
      host.exit(1);
    };
    const begin = (reason: string) => {
      if (stopping) {
        if (reason !== 'parent') forced(`second signal ${reason}`);
        return;
      }
      stopping = true;
      log.info({ reason }, 'stopping');
      const deadline = setTimeout(() => forced(`not stopped within ${deadlineMs} ms`), deadlineMs);
      deadline.unref();
      stop(reason)
        .then(
          () => 0,
          (error: unknown) => {
            log.error({ err: error }, 'stopping failed');
            return 1;
          },
        )
        .then((code) => {
          clearTimeout(deadline);
          for (const signal of signals) host.off(signal, begin);
          host.off('disconnect', parentGone);
          resolve(code);
        })
        .catch((error: unknown) => log.error({ err: error }, 'stopping failed'));
    };
    const parentGone = () => begin('parent');
    for (const signal of signals) host.on(signal, begin);
    host.on('disconnect', parentGone);
    // The channel only tells of the parent's death; it must not keep a finished process alive.
    host.channel?.unref();
  });
}
