import type { Catalog } from '../catalog/connect.ts';
import { renewLeases } from '../catalog/leases.ts';
import { heartbeat, type NodeAnnouncement } from '../catalog/nodes.ts';
import type { Log } from '../ops/log.ts';
import { type Loop, type StepResult, startLoop } from '../ops/loop.ts';
import type { Renders } from './renders.ts';

/** What a heartbeat tells and keeps alive. */
export interface HeartbeatOptions {
  readonly catalog: Catalog;
  readonly renders: Renders;
  /** The node as it is now: called for each beat. */
  readonly announcement: () => NodeAnnouncement;
  readonly leaseSeconds: number;
  readonly log: Log;
}

/**
 * Says that the node lives and extends its leases, three times within the lease time. Where a lease was not ours to extend,
 * the render is dropped: another node has fenced us.
 */
export function heartbeatStep(options: HeartbeatOptions): () => Promise<StepResult> {
  const { catalog, renders, leaseSeconds } = options;
  return async () => {
    const held = renders.leases();
    const announcement = options.announcement();
    await heartbeat(catalog.db, announcement);
    const kept = await renewLeases(catalog.db, announcement.id, held, leaseSeconds);
    const lost = held.map((lease) => lease.renderId).filter((renderId) => !kept.has(renderId));
    // Only those still held: a lease given back meanwhile is not a fence.
    const stillHeld = new Set(renders.leases().map((lease) => lease.renderId));
    renders.fenced(lost.filter((renderId) => stillHeld.has(renderId)));
    return 'idle';
  };
}

/** Starts the loop; the first beat has happened when the promise resolves, so that a node is known before it answers. */
export async function startHeartbeat(options: HeartbeatOptions): Promise<Loop> {
  const step = heartbeatStep(options);
  await step();
  return startLoop(step, {
    name: 'heartbeat',
    intervalMs: (options.leaseSeconds * 1000) / 3,
    log: options.log,
    backoffMs: { first: 100, longest: (options.leaseSeconds * 1000) / 3 },
  });
}
