import { resolve } from 'node:path';
import { startNode } from '../node/main.ts';
import { nodeConfig } from '../ops/config.ts';
import { createLog } from '../ops/log.ts';
import { createMetrics } from '../ops/metrics.ts';
import type { ExitCode, Output } from './output.ts';
import { runService } from './service.ts';

/** What `segue node` is called with. */
export interface NodeOptions {
  readonly json?: boolean;
  /** Folders of dead nodes, besides those of SEGUE_ADOPT. */
  readonly adopt?: readonly string[];
}

/** `segue node`: a node, until it is told to stop. */
export async function node(options: NodeOptions, output: Output): Promise<ExitCode> {
  const configured = nodeConfig();
  const given = (options.adopt ?? []).map((folder) => resolve(folder));
  const config = { ...configured, adopt: [...configured.adopt, ...given] };
  const log = createLog(config.nodeId, config.logLevel);
  const start = () => startNode(config, { log, metrics: createMetrics() });
  // Beyond the drain itself: requests under way, connections, the node's last word.
  const deadlineMs = config.drainSeconds * 1000 + 10_000;
  return runService(config.nodeId, start, { log, json: options.json === true, output, deadlineMs });
}
