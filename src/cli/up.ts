import { join } from 'node:path';
import { stackConfig } from '../ops/config.ts';
import { createLog } from '../ops/log.ts';
import { runUntilStopped } from '../ops/shutdown.ts';
import { openStack, type PartReport } from '../stack/up.ts';
import { type ExitCode, type Output, reportError } from './output.ts';

/** Longest clean stop: playlist service, nodes, bucket and database one after another, each within its own bound. */
const stopMs = 60_000;

/**
 * `segue up`: everything on this machine, until it is told to stop. Prints one line a part when that is ready, again after it
 * was started anew, and one line when everything is; with `json` each line is an object with `event` `part` or `ready`.
 */
export async function up(options: { json?: boolean }, output: Output): Promise<ExitCode> {
  const json = options.json === true;
  const config = stackConfig();
  const log = createLog('stack', config.logLevel);
  const report = (part: PartReport) => {
    if (json) output.out(JSON.stringify({ event: 'part', ...part }));
    else
      output.out(
        `${part.name.padEnd(10)} ${part.url}${part.pid === undefined ? '' : ` (process ${part.pid})`}`,
      );
  };
  const stack = openStack(config, { log, report });
  let stopping = false;
  const stop = () => {
    stopping = true;
    return stack.stop();
  };
  const ended = runUntilStopped(stop, { log, deadlineMs: stopMs, force: () => stack.kill() });
  try {
    await stack.ready;
  } catch (error) {
    // A start that was interrupted by a signal is a clean stop.
    return stopping ? exitCode(await ended) : reportError(error, output, json);
  }
  const adminTokenFile = join(config.dataFolder, 'admin-token');
  if (json)
    output.out(
      JSON.stringify({ event: 'ready', url: stack.url(), adminTokenFile, dataFolder: config.dataFolder }),
    );
  else output.out(`ready      ${stack.url()}/ (admin token in ${adminTokenFile})`);
  return exitCode(await ended);
}

function exitCode(code: number): ExitCode {
  return code === 0 ? 0 : 1;
}
