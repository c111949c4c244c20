import type { Catalog } from '../catalog/connect.ts';
import { foreign } from '../catalog/foreign.ts';
import { type Acquired, acquireLease, type HeldLease, releaseLeases } from '../catalog/leases.ts';
import { renderById } from '../catalog/videos.ts';
import { segmentCount } from '../grid/grid.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import { encodersOf, profileNamed } from '../render/profile.ts';
import { heldLease } from './demand.ts';
import type { DiskRoom } from './disk-room.ts';
import { type HeldRender, openHeldRender } from './held-render.ts';

/** What taking leases needs. */
export interface LeasedRendersOptions {
  readonly catalog: Catalog;
  readonly nodeId: string;
  readonly log: Log;
  readonly leaseSeconds: number;
  /** Monotonic clock in milliseconds. */
  readonly now: () => number;
  /** What may still be written to the disk. Default: everything. */
  readonly room?: () => DiskRoom;
  /** Whether this node's ffmpeg has an encoder. */
  readonly hasEncoder: (name: string) => boolean;
  /** Resolves once nothing that was started for this render runs any more. */
  readonly ended: (renderId: string) => Promise<void>;
}

/** The renders whose lease a node has: taken, kept, lost and given back. */
export interface LeasedRenders {
  /** By id. Changes only through the calls below. */
  readonly held: ReadonlyMap<string, HeldRender>;
  /**
   * The render, under our lease; or who holds it.
   * @throws SegueError `no_node` where this node is stopping or cannot make it, `not_found`, `render_failed`
   */
  hold(renderId: string): Promise<HeldRender | { ours: false; holder: string }>;
  /** Ends the encoders of a render and forgets it: its lease has passed on. */
  drop(render: HeldRender): void;
  /**
   * Drops it and ends the lease, in the background: what fails ends by itself within the lease time. `handOver`: another node
   * is to go on with it, where somebody watches.
   */
  giveBack(render: HeldRender, handOver?: boolean): void;
  /** Leaves a render to other nodes for a while: this machine could not make it. */
  refuse(renderId: string): void;
  /** Takes nothing any more. */
  refuseAll(): void;
  /** Gives everything back. */
  close(): Promise<void>;
}

/** A render that this machine could not make is left to others for so long, in milliseconds. */
const refuseMs = 10_000;

/** Starts with no lease. */
export function leasedRenders(options: LeasedRendersOptions): LeasedRenders {
  const { catalog, nodeId, log, leaseSeconds, now } = options;
  const held = new Map<string, HeldRender>();
  const taking = new Map<string, Promise<Acquired>>();
  const refused = new Map<string, number>();
  const releasing = new Set<Promise<void>>();
  let closing = false;

  const mayTake = (renderId: string): void => {
    if (closing) throw new SegueError('no_node', 'This node is stopping', { hint: 'Ask another node.' });
    if (options.room?.() === 'full') {
      throw new SegueError('no_node', "This node's disk is full: it makes nothing more", {
        hint: 'Free space on it, or lower SEGUE_DISK_RESERVE_BYTES; what it holds is served.',
      });
    }
    for (const [id, until] of refused) if (until <= now()) refused.delete(id);
    if (!refused.has(renderId)) return;
    throw new SegueError('no_node', `This node could not make render ${renderId}`, {
      hint: 'Ask another node; the log of this one says why.',
    });
  };

  const release = (leases: readonly HeldLease[]): void => {
    const work = releaseLeases(catalog.db, leases)
      .catch((error: unknown) => log.warn({ err: error }, 'leases not released; they end by themselves'))
      .finally(() => releasing.delete(work));
    releasing.add(work);
  };

  const acquire = async (renderId: string): Promise<Acquired> => {
    await options.ended(renderId);
    const row = await renderById(catalog.db, renderId);
    if (row === undefined) throw new SegueError('not_found', `There is no render ${renderId}`);
    if (row.state !== 'active') {
      const why = row.failure ?? 'no reason given';
      throw new SegueError('render_failed', `Render ${renderId} is ${row.state}: ${why}`, {
        retryable: false,
      });
    }
    refuseUnmakeable(row.profile, options.hasEncoder);
    const acquired = await acquireLease(catalog.db, renderId, nodeId, leaseSeconds);
    if (!acquired.ours) return acquired;
    try {
      const clock = { now: now(), liveSeconds: leaseSeconds };
      const render = await openHeldRender(catalog.db, row, acquired.lease, clock);
      mayTake(renderId);
      held.set(renderId, render);
      const { epoch } = acquired.lease;
      log.info({ renderId, epoch, segments: segmentCount(render.grid) }, 'lease taken');
      return acquired;
    } catch (error) {
      release([acquired.lease]);
      throw error;
    }
  };

  const drop = (render: HeldRender): void => {
    for (const making of render.making.values()) making.abort();
    if (held.get(render.row.renderId) === render) held.delete(render.row.renderId);
  };

  return {
    held,
    async hold(renderId) {
      mayTake(renderId);
      const known = held.get(renderId);
      if (known !== undefined) return known;
      // Requests that come at once share one acquisition.
      const acquiring = taking.get(renderId) ?? acquire(renderId).finally(() => taking.delete(renderId));
      taking.set(renderId, acquiring);
      const acquired = await acquiring;
      if (!acquired.ours) return acquired;
      const render = held.get(renderId);
      if (render !== undefined) return render;
      throw new SegueError('no_node', `The lease of render ${renderId} was lost again`, {
        hint: 'Ask again.',
      });
    },
    drop,
    giveBack(render, handOver = false) {
      drop(render);
      const lease = heldLease(render, now());
      release([handOver ? lease : { ...lease, watchedSeconds: null }]);
    },
    refuse(renderId) {
      refused.set(renderId, now() + refuseMs);
    },
    refuseAll() {
      closing = true;
    },
    async close() {
      closing = true;
      await Promise.allSettled(taking.values());
      // What somebody watches is handed over: another node goes on with it at once.
      const leases = [...held.values()].map((render) => heldLease(render, now()));
      held.clear();
      release(leases);
      await Promise.all(releasing);
    },
  };
}

/** @throws SegueError `no_node` for a profile whose encoders are not there: another node may have them */
function refuseUnmakeable(profileName: string, hasEncoder: (name: string) => boolean): void {
  if (profileName === foreign) {
    throw new SegueError(
      'no_node',
      'A foreign stream is made by its source: no node can make its segments again',
      {
        hint: 'Bring back the node that holds the segment, or wait for its copy in the bucket.',
      },
    );
  }
  const profile = profileNamed(profileName);
  const missing = profile === undefined ? [] : encodersOf(profile).filter((name) => !hasEncoder(name));
  if (missing.length === 0) return;
  throw new SegueError(
    'no_node',
    `This node's ffmpeg has no ${missing.join(', ')}, which the profile ${profileName} needs`,
    {
      hint: 'Run a node whose ffmpeg has it, or set FFMPEG_PATH on this one; `segue doctor` says what an ffmpeg can make.',
    },
  );
}
