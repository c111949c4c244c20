import type { Catalog } from '../catalog/connect.ts';
import { type AbandonedRender, abandonedRenders } from '../catalog/leases.ts';
import { liveNodes } from '../catalog/nodes.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import { type Loop, type StepResult, startLoop } from '../ops/loop.ts';
import { watchedMs } from './demand.ts';
import { placeRender } from './placement.ts';

/** What taking over needs. */
export interface TakeoverOptions {
  readonly catalog: Catalog;
  readonly nodeId: string;
  readonly leaseSeconds: number;
  readonly log: Log;
  /** False once this node is draining or stopping: it takes nothing then. */
  readonly isReady: () => boolean;
  /** Goes on with a render; false where another node was quicker. */
  readonly takeOver: (abandoned: AbandonedRender) => Promise<boolean>;
  /** Called for each render that was taken over. */
  readonly onTaken?: () => void;
  /** Monotonic clock in milliseconds. */
  readonly now?: () => number;
}

/** Renders looked at in one step: what is left is seen in the next. */
const most = 50;

/**
 * Looks for renders that somebody watches and whose holder is gone, and goes on with those that placement gives to this node.
 * What the chosen node has not taken within another lease time is anybody's. Viewers do not depend on this (a request for a
 * missing segment finds a node by itself); it is what keeps rendering ahead of them.
 *
 * While the catalog is away nobody can renew a lease, and whoever looked first afterwards would have everything: so after an
 * interruption (a look that failed, or took long, or came late because this process stood still) holders get a lease time to renew.
 */
export function takeoverStep(options: TakeoverOptions): () => Promise<StepResult> {
  const { catalog, nodeId, leaseSeconds, log } = options;
  const now = options.now ?? (() => performance.now());
  const leaseMs = leaseSeconds * 1000;
  let interruptedAt = Number.NEGATIVE_INFINITY;
  let lookedAt: number | undefined;

  const look = async (): Promise<AbandonedRender[]> => {
    const begun = now();
    const wasLate = begun - (lookedAt ?? begun) > leaseMs;
    try {
      const list = await abandonedRenders(catalog.db, watchedMs / 1000, most);
      lookedAt = now();
      if (wasLate || lookedAt - begun > leaseMs / 2) interruptedAt = lookedAt;
      return list;
    } catch (error) {
      interruptedAt = now();
      throw error;
    }
  };

  return async () => {
    if (!options.isReady()) return 'idle';
    const list = await look();
    if (list.length === 0 || now() - interruptedAt < leaseMs) return 'idle';
    const nodes = await liveNodes(catalog.db, leaseSeconds);
    for (const abandoned of list) {
      const { renderId, playhead, sinceSeconds } = abandoned;
      const isOurs = placeRender(renderId, nodes)?.id === nodeId;
      if (!isOurs && sinceSeconds < leaseSeconds) continue;
      try {
        if (!(await options.takeOver(abandoned))) continue;
        options.onTaken?.();
        log.warn(
          { renderId, playhead, sinceSeconds },
          'taken over: its holder is gone, and somebody watches',
        );
      } catch (error) {
        // This node cannot make it; another one may.
        if (!(error instanceof SegueError)) throw error;
        log.debug({ renderId, err: error }, 'not taken over');
      }
    }
    return 'idle';
  };
}

/** Starts the loop: four looks within a lease time. */
export function startTakeover(options: TakeoverOptions): Loop {
  return startLoop(takeoverStep(options), {
    name: 'takeover',
    intervalMs: (options.leaseSeconds * 1000) / 4,
    log: options.log,
  });
}
