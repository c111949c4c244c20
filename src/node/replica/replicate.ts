import PQueue from 'p-queue';
import { bucketPlace } from '../../catalog/bucket-place.ts';
import { liveNodes } from '../../catalog/nodes.ts';
import { policyOf } from '../../catalog/policy.ts';
import { renderFacts } from '../../catalog/render-facts.ts';
import { type UncopiedRow, uncopiedHoldings } from '../../catalog/uncopied.ts';
import type { Change } from '../../catalog/wake.ts';
import { SegueError } from '../../ops/errors.ts';
import { type Loop, type StepResult, startLoop } from '../../ops/loop.ts';
import type { ReplicaMode } from '../../policy/document/replicas.ts';
import { matchedOf } from '../../policy/facts-of-row.ts';
import { ruleFor } from '../../policy/match.ts';
import type { Policy } from '../../policy/policy.ts';
import { replicaTasks, strayCopies, troubleOf } from './plan.ts';
import { replicaTaker, type TakeOptions } from './take.ts';

/** What replicating needs. */
export interface ReplicateOptions extends TakeOptions {
  readonly leaseSeconds: number;
  /** False once this node is draining or stopping: it takes nothing then. */
  readonly isReady: () => boolean;
  /** Called for each render of which this node has so many segments that nobody else would copy to the bucket. */
  readonly onStray: (renderId: string, segments: number) => void;
  /** Called with the policy of each look. */
  readonly onPolicy?: (policy: Policy) => void;
}

/** Holdings looked at in one step. */
const mostRows = 2000;
/** Replicas made in one step; the next follows at once where there are more. */
const mostTasks = 32;
/**
 * Where a policy leaves much uncopied there are many holdings, and mostly nothing to do: from so many rows on they are looked at again only
 * when a node comes, goes or gets into trouble, or after so long, in milliseconds.
 */
const [manyRows, quietMs] = [200, 30_000];
/** Pulls at once (of what is rendered one): what is played comes first. */
const pulls = 2;

/**
 * Takes replicas of what only one other node has, as the policy says, and queues for the bucket what nobody else copies. What fails
 * is looked at again in the next step.
 */
export function replicateStep(options: ReplicateOptions): (signal: AbortSignal) => Promise<StepResult> {
  const { catalog, nodeId, leaseSeconds } = options;

  const take = replicaTaker(options);
  let quiet: { readonly until: number; readonly nodes: string } | undefined;

  return async (signal) => {
    if (!options.isReady()) return 'idle';
    const [policy, nodes] = await Promise.all([policyOf(catalog.db), liveNodes(catalog.db, leaseSeconds)]);
    options.onPolicy?.(policy);
    const now = Date.now();
    const known = JSON.stringify([
      policy.replicas.mode,
      nodes.map((node) => [node.id, troubleOf(node, policy, now)]),
    ]);
    if (quiet !== undefined && quiet.nodes === known && now < quiet.until) return 'idle';
    const rows = await uncopiedHoldings(catalog.db, mostRows);
    const strays = strayCopies({ rows, nodes, nodeId });
    for (const [renderId, all] of Map.groupBy(strays, (task) => task.renderId))
      options.onStray(renderId, all.length);
    const modes = await modesOf(catalog, rows, policy, leaseSeconds);
    const tasks = replicaTasks({ rows, nodes, nodeId, policy, modes, now }, mostTasks);
    const isQuiet = rows.length >= manyRows && tasks.length === 0 && policy.replicas.mode === 'on-trouble';
    quiet = isQuiet ? { until: now + quietMs, nodes: known } : undefined;
    if (tasks.length === 0) return 'idle';
    const queue = new PQueue({ concurrency: tasks.some((task) => task.isRendered) ? 1 : pulls });
    const failed = new Map<string, unknown>();
    for (const task of tasks) {
      void queue.add(async () => {
        // A node that gave nothing gives nothing else in this step; others do.
        if (signal.aborted || failed.has(task.from.id)) return;
        await take(task, signal).catch((error: unknown) => failed.set(task.from.id, error));
      });
    }
    await queue.onIdle();
    signal.throwIfAborted();
    for (const [node, cause] of failed)
      throw new SegueError('no_node', `Replicas of what node ${node} has could not be made`, { cause });
    return tasks.length === mostTasks ? 'more' : 'idle';
  };
}

/** Modes of renders whose rule says something else of them than the policy does of all. */
async function modesOf(
  catalog: TakeOptions['catalog'],
  rows: readonly UncopiedRow[],
  policy: Policy,
  leaseSeconds: number,
): Promise<ReadonlyMap<string, ReplicaMode>> {
  const modes = new Map<string, ReplicaMode>();
  if ([...policy.rules, policy.default].every(({ keep }) => keep.replicas === null)) return modes;
  const facts = await renderFacts(
    catalog.db,
    [...new Set(rows.map(({ renderId }) => renderId))],
    leaseSeconds,
  );
  for (const row of facts.values()) {
    const { replicas } = ruleFor(policy, matchedOf(row), Date.now()).keep;
    if (replicas !== null) modes.set(row.renderId, replicas);
  }
  return modes;
}

/** The loop, which hears of what other nodes make. */
export interface Replicating extends Loop {
  hear(change: Change): void;
}

/**
 * Starts the loop: a look each lease time. Where replicas are made of everything, what another node makes is looked at as soon as
 * it is announced; else an announcement costs nothing.
 */
export function startReplicating(options: ReplicateOptions): Replicating {
  let all = false;
  const step = replicateStep({
    ...options,
    onPolicy: ({ replicas: { mode }, rules, default: last }) => {
      const modes = [mode, ...[...rules, last].map(({ keep }) => keep.replicas)];
      all = modes.some((one) => one === 'copy' || one === 'render');
    },
  });
  const loop = startLoop(step, {
    name: 'replicas',
    intervalMs: options.leaseSeconds * 1000,
    log: options.log,
  });
  return {
    ...loop,
    hear(change) {
      const isOthers =
        change.type === 'copies' && change.place !== options.nodeId && change.place !== bucketPlace;
      if (all && isOthers) loop.wake();
    },
  };
}
