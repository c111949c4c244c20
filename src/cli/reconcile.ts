import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { openIn, reportSchema } from '../catalog/findings.ts';
import { SegueError } from '../ops/errors.ts';
import { findingLines } from './finding-lines.ts';
import { type ExitCode, type Output, reportError } from './output.ts';
import { askAsAdmin, type ServiceAccess, serviceAccess } from './service-access.ts';

/** Options of `segue reconcile`, as the command line gives them. */
export interface ReconcileCommandOptions {
  /** Print JSON, one object a line. */
  readonly json?: boolean;
  readonly server?: string;
  readonly token?: string;
  /** Read every file. */
  readonly verify?: boolean;
}

const nodeSchema = z.object({
  id: z.string(),
  state: z.enum(['idle', 'running', 'done', 'failed']),
  run: z.string().nullable(),
  bucket: z.boolean(),
  error: z.string().nullable(),
});
const answerSchema = z.object({
  state: nodeSchema.shape.state,
  nodes: z.array(nodeSchema),
  report: reportSchema,
});
type Answer = z.output<typeof answerSchema>;
type NodeAnswer = z.output<typeof nodeSchema>;

/** Between two looks, in milliseconds. */
const everyMs = 500;
/** Looks in which a node may be away: it may hang for a moment, or the service. */
const mostAway = 20;
/** Longest watch, in milliseconds: a day. */
const limitMs = 86_400_000;
const path = '/v1/reconcile';

/** `segue reconcile`: has all nodes compare disks, bucket and rows, waits for them, and prints what was found. */
export async function reconcile(options: ReconcileCommandOptions, output: Output): Promise<ExitCode> {
  try {
    const access = await serviceAccess(options);
    const body = JSON.stringify({ verify: options.verify === true });
    const begun = await askAsAdmin(access, path, answerSchema, { method: 'POST', body });
    const ended = await untilEnded(access, begun, (answer) => tellProgress(options, output, answer));
    if (options.json === true) output.out(JSON.stringify({ event: 'reconciled', ...ended }));
    else for (const line of findingLines(ended.report)) output.out(line);
    const failed = ended.nodes.filter(({ state }) => state === 'failed');
    if (options.json !== true)
      for (const { id, error } of failed) output.err(`! ${id} has failed: ${error ?? 'its log says why'}`);
    return failed.length > 0 || openIn(ended.report) > 0 ? 1 : 0;
  } catch (error) {
    return reportError(error, output, options.json === true);
  }
}

/** Waits until every run that was begun has ended; one whose node has gone has failed. @throws SegueError `no_node` when that is not in time */
async function untilEnded(
  access: ServiceAccess,
  begun: Answer,
  onProgress: (answer: Answer) => void,
): Promise<Answer> {
  const away = new Map<string, number>();
  const sight = (node: NodeAnswer, now: Answer): NodeAnswer => {
    // It was never asked, or refused.
    if (node.run === null) return node;
    const seen = now.nodes.find(({ id }) => id === node.id);
    if (seen?.run === node.run) {
      away.delete(node.id);
      return seen;
    }
    const looks = (away.get(node.id) ?? 0) + 1;
    away.set(node.id, looks);
    // Another run of a node that lives: the one that we wait for is over, or was cut off by a new process.
    const isOver = seen !== undefined && seen.run !== null;
    if (!isOver && looks < mostAway) return node;
    return { ...node, state: 'failed', error: 'It has gone away, or was started anew, meanwhile' };
  };
  let told = '';
  let refusals = 0;
  for (const end = performance.now() + limitMs; performance.now() < end; ) {
    const now = await askAsAdmin(access, path, answerSchema).catch((error: unknown) => {
      refusals += 1;
      if (!(error instanceof SegueError) || !error.retryable || refusals > mostAway) throw error;
      return undefined;
    });
    if (now === undefined) {
      await delay(everyMs);
      continue;
    }
    refusals = 0;
    const nodes = begun.nodes.map((node) => sight(node, now));
    const answer = { ...now, nodes };
    if (nodes.every(({ state }) => state !== 'running')) return answer;
    const text = JSON.stringify(now.report.examined);
    if (text !== told) onProgress(answer);
    told = text;
    await delay(everyMs);
  }
  throw new SegueError('no_node', 'The nodes have not reconciled within a day', {
    hint: 'They go on; GET /v1/reconcile tells how far they are.',
  });
}

function tellProgress({ json }: ReconcileCommandOptions, output: Output, answer: Answer): void {
  if (json === true) return output.out(JSON.stringify({ event: 'progress', ...answer }));
  const { files, objects } = answer.report.examined;
  const running = answer.nodes.filter(({ state }) => state === 'running').map(({ id }) => id);
  output.err(`${running.join(', ')}: ${files} files and ${objects} objects so far`);
}
