import PQueue from 'p-queue';
import { liveNodes } from '../../catalog/nodes.ts';
import { policyOf } from '../../catalog/policy.ts';
import { bucketPlace } from '../../catalog/schema.ts';
import { uncopiedHoldings } from '../../catalog/uncopied.ts';
import type { Change } from '../../catalog/wake.ts';
import type { CopyTask } from '../../copy/uploader.ts';
import { SegueError } from '../../ops/errors.ts';
import { type Loop, type StepResult, startLoop } from '../../ops/loop.ts';
import type { Policy } from '../../policy/policy.ts';
import { replicaTasks, strayCopies } from './plan.ts';
import { replicaTaker, type TakeOptions } from './take.ts';

/** What replicating needs. */
export interface ReplicateOptions extends TakeOptions {
  readonly leaseSeconds: number;
  /** False once this node is draining or stopping: it takes nothing then. */
  readonly isReady: () => boolean;
  /** Queues what nobody else copies to the bucket. */
  readonly copy: (task: CopyTask) => void;
  /** Called with the policy of each look. */
  readonly onPolicy?: (policy: Policy) => void;
}

/** Holdings looked at in one step. */
const mostRows = 2000;
/** Replicas made in one step; the next follows at once where there are more. */
const mostTasks = 32;
/** Pulls at once (of what is rendered one): what is played comes first. */
const pulls = 2;

/**
 * Takes replicas of what only one other node has, as the policy says, and queues for the bucket what nobody else copies. What fails
 * is looked at again in the next step.
 */
export function replicateStep(options: ReplicateOptions): (signal: AbortSignal) => Promise<StepResult> {
  const { catalog, nodeId, leaseSeconds } = options;

  const take = replicaTaker(options);

  return async (signal) => {
    if (!options.isReady()) return 'idle';
    const [policy, rows, nodes] = await Promise.all([
      policyOf(catalog.db),
      uncopiedHoldings(catalog.db, mostRows),
      liveNodes(catalog.db, leaseSeconds),
    ]);
    options.onPolicy?.(policy);
    for (const task of strayCopies({ rows, nodes, nodeId })) options.copy(task);
    const tasks = replicaTasks({ rows, nodes, nodeId, policy, now: Date.now() }, mostTasks);
    if (tasks.length === 0) return 'idle';
    const isRendered = policy.replicas.mode === 'render';
    const queue = new PQueue({ concurrency: isRendered ? 1 : pulls });
    const failed = new Map<string, unknown>();
    for (const task of tasks) {
      void queue.add(async () => {
        // A node that gave nothing gives nothing else in this step; others do.
        if (signal.aborted || failed.has(task.from.id)) return;
        await take(task, isRendered, signal).catch((error: unknown) => failed.set(task.from.id, error));
      });
    }
    await queue.onIdle();
    signal.throwIfAborted();
    for (const [node, cause] of failed)
      throw new SegueError('no_node', `Replicas of what node ${node} has could not be made`, { cause });
    return tasks.length === mostTasks ? 'more' : 'idle';
  };
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
    onPolicy: ({ replicas: { mode } }) => {
      all = mode === 'copy' || mode === 'render';
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
