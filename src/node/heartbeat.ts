import type { Catalog } from '../catalog/connect.ts';
import { type HeldLease, type Lease, renewLeases } from '../catalog/leases.ts';
import { heartbeat, type NodeAnnouncement } from '../catalog/nodes.ts';
import type { Log } from '../ops/log.ts';
import { type Loop, type StepResult, startLoop } from '../ops/loop.ts';

/** Whoever holds leases: renders, and streams that are taken in. */
export interface LeaseHolder {
  leases(): readonly HeldLease[];
  /** These are somebody else's now. Ones that are not held any more are ignored. */
  fenced(lost: readonly Lease[]): void;
}

/** What a heartbeat tells and keeps alive. */
export interface HeartbeatOptions {
  readonly catalog: Catalog;
  readonly holders: readonly LeaseHolder[];
  /** The node as it is now: called for each beat. */
  readonly announcement: () => NodeAnnouncement;
  readonly leaseSeconds: number;
  readonly log: Log;
  /** Called for each beat that the catalog has heard. */
  readonly onBeat?: () => void;
}

/**
 * Says that the node lives and extends its leases, three times within the lease time. Where a lease was not ours to extend,
 * the render is dropped: another node has fenced us.
 */
export function heartbeatStep(options: HeartbeatOptions): () => Promise<StepResult> {
  const { catalog, holders, leaseSeconds } = options;
  return async () => {
    const held = holders.flatMap((holder) => holder.leases());
    const announcement = options.announcement();
    await heartbeat(catalog.db, announcement);
    const kept = await renewLeases(catalog.db, announcement.id, held, leaseSeconds);
    const lost = held.filter((lease) => !kept.has(lease.renderId));
    for (const holder of holders) holder.fenced(lost);
    options.onBeat?.();
    return 'idle';
  };
}

/** How often the first beat is tried: on a busy machine the first connection may take longer than a beat may. */
const firstTries = 5;

/**
 * Starts the loop; the first beat has happened when the promise resolves, so that a node is known before it answers. Throws
 * what the last of a few tries threw.
 */
export async function startHeartbeat(options: HeartbeatOptions): Promise<Loop> {
  const step = heartbeatStep(options);
  for (let tries = 1; ; tries += 1) {
    try {
      await step();
      break;
    } catch (error) {
      if (tries === firstTries) throw error;
    }
  }
  return startLoop(step, {
    name: 'heartbeat',
    intervalMs: (options.leaseSeconds * 1000) / 3,
    log: options.log,
    backoffMs: { first: 100, longest: (options.leaseSeconds * 1000) / 3 },
  });
}
