import { startPlaylists } from '../../playlists/node.ts';
import { playlistsConfig } from '../ops/config.ts';
import { createLog } from '../ops/log.ts';
import { createMetrics } from '../ops/metrics.ts';
import type { ExitCode, Output } from './output.ts';
import { runService } from './service.ts';

/** `segue playlists`: the playlist service, until it is told to stop. */
export async function playlists(options: { json?: boolean }, output: Output): Promise<ExitCode> {
  const config = playlistsConfig();
  const log = createLog('playlists', config.logLevel);
  const start = () => startPlaylists(config, { log, metrics: createMetrics() });
  // Where another one has taken over the port, it may finish what it holds.
  const deadlineMs = config.sharePort ? 35_000 : 10_000;
  return runService('playlists', start, { log, json: options.json === true, output, deadlineMs });
}
