import type { Catalog } from '../catalog/connect.ts';
import { retireNode } from '../catalog/nodes.ts';
import type { Copying } from '../copy/copying.ts';
import { orAborted } from '../copy/uploader.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { Log } from '../ops/log.ts';
import type { Loop } from '../ops/loop.ts';

import type { NodePolicy } from './policy/start.ts';
import type { Renders } from './renders.ts';
import { whenReplicated } from './replica/safe.ts';

/** What ends, in this order. */
export interface NodeEndOptions {
  readonly nodeId: string;
  readonly leaseSeconds: number;
  /** How long a drain takes at most, where nobody says otherwise. */
  readonly drainSeconds: number;
  readonly catalog: Catalog;
  readonly pulse: Catalog;
  readonly heartbeat: Pick<Loop, 'wake' | 'stop'>;
  readonly ingest: Pick<Ingest, 'stop'>;
  readonly renders: Pick<Renders, 'stop'>;
  readonly policy: Pick<NodePolicy, 'settled'>;
  readonly copying: Pick<Copying, 'idle' | 'pending'>;
  /** Resolves once what an earlier process left uncopied is known. */
  readonly finding: Promise<void>;
  /** Aborted once nothing is to be copied any more. */
  readonly stopped: AbortController;
  /** Called first: the node is not ready any more. */
  readonly onBegin: () => void;
  /** Closes everything that is still open. */
  readonly close: () => Promise<void>;
  readonly log: Log;
}

/** The end of a node. */
export interface NodeEnd {
  /**
   * Takes nothing new, ends or hands over what is rendered, copies what only this node holds, then closes everything: within `seconds` and
   * a few more. Called again, the earlier end counts.
   */
  stop(seconds?: number): Promise<void>;
  /** Resolves once it has stopped, whoever asked for it. */
  readonly ended: Promise<void>;
}

/** Prepares the end of a node that runs. */
export function nodeEnd(options: NodeEndOptions): NodeEnd {
  const { nodeId, leaseSeconds, catalog, pulse, heartbeat, copying, stopped, log } = options;
  const drained = new AbortController();
  const finished = Promise.withResolvers<void>();

  const drain = async (): Promise<void> => {
    options.onBegin();
    // Nobody is to choose this node any more, from now on and not from the next beat.
    heartbeat.wake();
    await options.ingest.stop();
    await options.renders.stop();
    // What an earlier process left uncopied may not even be queued yet.
    await orAborted(options.finding, drained.signal);
    await options.policy.settled(drained.signal);
    // Copied to the bucket, or held by another node: whichever is quicker.
    const safe = AbortSignal.any([
      drained.signal,
      whenReplicated({ catalog, nodeId, leaseSeconds, log }, drained.signal),
    ]);
    await copying.idle(safe);
    stopped.abort();
    await options.finding;
    await heartbeat.stop();
    await retireNode(pulse.db, nodeId).catch((error: unknown) => log.warn({ err: error }, 'not signed off'));
    await options.close();
  };
  let stopping: Promise<void> | undefined;
  return {
    stop(seconds = options.drainSeconds) {
      const over = setTimeout(() => drained.abort(), seconds * 1000);
      drained.signal.addEventListener('abort', () => clearTimeout(over), { once: true });
      stopping ??= drain().finally(() => {
        drained.abort();
        finished.resolve();
      });
      log.info({ seconds, copyQueue: copying.pending }, 'draining');
      return stopping;
    },
    ended: finished.promise,
  };
}
