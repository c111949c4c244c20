import { SegueError } from '../../ops/errors.ts';
import { type ExitCode, type Output, reportError } from '../output.ts';

/** Options of every command of this folder, as the command line gives them. */
export interface OverviewOptions {
  /** Print JSON, one object a line. */
  readonly json?: boolean;
  readonly server?: string;
  readonly token?: string;
}

/**
 * Does the work of a command and reports what goes wrong. Ctrl-C, SIGTERM and a reader that has gone abort the signal:
 * whoever follows something then ends well, who waits for something has not got it. A wrong token is a wrong call, not a fault of the service.
 */
export async function runOverview(
  { json }: OverviewOptions,
  output: Output,
  work: (signal: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> {
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  // As of `segue events --follow | head`.
  process.stdout.on('error', interrupt);
  try {
    return await work(stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return 1;
    const code = reportError(error, output, json === true);
    return error instanceof SegueError && error.code === 'unauthorized' ? 2 : code;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

/** A whole number of an option, from `least` to `most`. @throws SegueError `configuration` */
export function countOf(option: string, text: string, least: number, most: number): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= least && count <= most) return count;
  throw new SegueError('configuration', `${option} ${text} is not a whole number from ${least} to ${most}`);
}
