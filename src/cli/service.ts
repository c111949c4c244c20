import type { Log } from '../ops/log.ts';
import { runUntilStopped } from '../ops/shutdown.ts';
import type { ExitCode, Output } from './output.ts';

/** A service that listens. */
export interface RunningService extends AsyncDisposable {
  readonly url: string;
  stop(): Promise<void>;
  /** Resolves once it has stopped because something else than this process told it to. */
  readonly stopped?: Promise<void>;
}

/** Starts a service, prints where it listens, and runs it until the process is told to stop. */
export async function runService(
  name: string,
  start: () => Promise<RunningService>,
  {
    log,
    json,
    output,
    deadlineMs = 10_000,
  }: { log: Log; json: boolean; output: Output; deadlineMs?: number },
): Promise<ExitCode> {
  // Signals count from the start on: one that comes before the service runs stops it as soon as it does.
  const starting = start();
  const ended = runUntilStopped(async () => (await starting).stop(), { log, deadlineMs });
  const service = await starting;
  output.out(
    json ? JSON.stringify({ event: 'listening', name, url: service.url }) : `${name} ${service.url}`,
  );
  const stopped = service.stopped?.then(() => 0);
  return (await (stopped === undefined ? ended : Promise.race([ended, stopped]))) === 0 ? 0 : 1;
}
