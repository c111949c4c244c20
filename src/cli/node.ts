import { startNode } from '../node/main.ts';
import { nodeConfig } from '../ops/config.ts';
import { createLog } from '../ops/log.ts';
import { createMetrics } from '../ops/metrics.ts';
import type { ExitCode, Output } from './output.ts';
import { runService } from './service.ts';

/** `segue node`: a node, until it is told to stop. */
export async function node(options: { json?: boolean }, output: Output): Promise<ExitCode> {
  const config = nodeConfig();
  const log = createLog(config.nodeId, config.logLevel);
  const start = () => startNode(config, { log, metrics: createMetrics() });
  // Beyond the drain itself: requests under way, connections, the node's last word.
  const deadlineMs = config.drainSeconds * 1000 + 10_000;
  return runService(config.nodeId, start, { log, json: options.json === true, output, deadlineMs });
}
