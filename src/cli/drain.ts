import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { SegueError } from '../ops/errors.ts';
import { type ExitCode, type Output, reportError } from './output.ts';
import { askAsAdmin, type ServiceAccess, serviceAccess } from './service-access.ts';
import { secondsOf } from './time.ts';

/** Options of `segue drain`, as the command line gives them. */
export interface DrainOptions {
  /** Print JSON, one object a line. */
  readonly json?: boolean;
  readonly server?: string;
  readonly token?: string;
  /** Seconds. */
  readonly deadline: string;
  /** False: end once the node has begun. */
  readonly wait: boolean;
}

const nodeSchema = z.object({
  id: z.string(),
  pid: z.number(),
  state: z.enum(['ready', 'draining', 'dead']),
  load: z.object({ renders: z.number(), copyQueue: z.number() }),
});
type Node = z.output<typeof nodeSchema>;
const nodesSchema = z.object({ nodes: z.array(nodeSchema) });

/** Between two looks, in milliseconds. */
const everyMs = 500;
/** What a node may take beyond its deadline, in milliseconds. */
const graceMs = 20_000;

/** `segue drain NODE`: has a node hand over what it does and end, and waits until it has. */
export async function drain(id: string, options: DrainOptions, output: Output): Promise<ExitCode> {
  try {
    const seconds = secondsOf('--deadline', options.deadline);
    const access = await serviceAccess(options);
    const begun = await askAsAdmin(access, `/v1/nodes/${encodeURIComponent(id)}/drain`, nodeSchema, {
      method: 'POST',
      body: JSON.stringify({ deadlineSeconds: seconds }),
    });
    tell(options, output, 'draining', begun);
    if (!options.wait) return 0;
    await untilGone(access, begun, seconds * 1000 + graceMs, (node) =>
      tell(options, output, 'draining', node),
    );
    tell(options, output, 'drained', { ...begun, state: 'dead', load: { renders: 0, copyQueue: 0 } });
    return 0;
  } catch (error) {
    return reportError(error, output, options.json === true);
  }
}

/** Waits until this process of the node is gone. @throws SegueError `no_node` when it is not in time */
async function untilGone(
  access: ServiceAccess,
  begun: Node,
  limitMs: number,
  onProgress: (node: Node) => void,
): Promise<void> {
  let told = '';
  for (const end = performance.now() + limitMs; performance.now() < end; ) {
    await delay(everyMs);
    const { nodes } = await askAsAdmin(access, '/v1/nodes', nodesSchema);
    const node = nodes.find((one) => one.id === begun.id);
    if (node === undefined || node.state === 'dead' || node.pid !== begun.pid) return;
    const text = JSON.stringify(node.load);
    if (text !== told) onProgress(node);
    told = text;
  }
  throw new SegueError('no_node', `Node ${begun.id} has not ended in time`, {
    hint: 'Its log says what it waits for; `GET /v1/nodes` says whether it lives.',
  });
}

function tell({ json }: DrainOptions, output: Output, event: 'draining' | 'drained', node: Node): void {
  const { renders, copyQueue } = node.load;
  if (json === true) return output.out(JSON.stringify({ event, node: node.id, renders, copyQueue }));
  output.out(
    event === 'drained'
      ? `${node.id} has ended`
      : `${node.id} drains: ${renders} renders, ${copyQueue} segments to copy`,
  );
}
