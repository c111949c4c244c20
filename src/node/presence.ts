import { bucketPlace } from '../catalog/bucket-place.ts';
import type { Catalog } from '../catalog/connect.ts';
import { copiesOfAll } from '../catalog/copies.ts';
import { liveNodes } from '../catalog/nodes.ts';
import type { Log } from '../ops/log.ts';
import { type Loop, type StepResult, startLoop } from '../ops/loop.ts';
import { type HeldRender, presentIn } from './held-render.ts';
import { correctPresent } from './wants.ts';

/** What looking for copies again needs. */
export interface PresenceOptions {
  readonly catalog: Catalog;
  readonly nodeId: string;
  readonly leaseSeconds: number;
  readonly log: Log;
  /** The renders held now. */
  readonly held: () => readonly HeldRender[];
  /** Called where more or less is to be made than before. */
  readonly onCorrected: () => void;
}

/**
 * Looks again at which segments of the renders held here need no making. Nodes die, come back without their disk, and pull
 * copies; buckets lose objects: what was true when a lease was taken does not stay so, and what nobody has any more is to be
 * made before a viewer comes to it.
 */
export function presenceStep(options: PresenceOptions): () => Promise<StepResult> {
  const { catalog, nodeId, leaseSeconds } = options;
  return async () => {
    const looked = options.held().map((held) => ({ held, version: held.presentVersion }));
    if (looked.length === 0) return 'idle';
    const [copies, nodes] = await Promise.all([
      copiesOfAll(
        catalog.db,
        looked.map(({ held }) => held.row.renderId),
      ),
      liveNodes(catalog.db, leaseSeconds),
    ]);
    const places = new Set([bucketPlace, nodeId, ...nodes.map(({ id }) => id)]);
    const byRender = Map.groupBy(copies, ({ renderId }) => renderId);
    for (const { held, version } of looked) {
      // Something was made or asked for meanwhile, and the rows may not say so: the next look does.
      if (held.presentVersion !== version) continue;
      correctPresent(held, presentIn(byRender.get(held.row.renderId) ?? [], places));
    }
    options.onCorrected();
    return 'idle';
  };
}

/** Starts the loop: a look each lease time, which is how long a dead node counts as living. */
export function startPresence(options: PresenceOptions): Loop {
  return startLoop(presenceStep(options), {
    name: 'presence',
    intervalMs: options.leaseSeconds * 1000,
    log: options.log,
  });
}
