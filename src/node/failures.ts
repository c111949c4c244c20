import type { Db } from '../catalog/connect.ts';
import { type Lease, noteFailedOn } from '../catalog/leases.ts';
import { liveNodes } from '../catalog/nodes.ts';
import type { Rendition } from '../render/rendition.ts';
import type { HeldRender } from './held-render.ts';

/** Wait after a failure, in milliseconds, times the number of failures. */
const restMs = 500;

/**
 * What was made by the process that failed: something that every viewer gets (`eager`), only what some want (`onDemand`), or
 * both, which says nothing of either: they are tried apart from then on.
 */
type FailureKind = 'eager' | 'onDemand' | 'both';

/** Notes that segment `n` of these renditions failed, and lets it rest. `now`: monotonic milliseconds. */
export function noteFailure(
  held: HeldRender,
  n: number,
  renditions: readonly Rendition[],
  now: number,
): { readonly kind: FailureKind; readonly count: number } {
  const kind = kindOf(held, renditions);
  if (kind === 'both') {
    held.failures.apart.add(n);
    held.resting.set(n, now + restMs);
    return { kind, count: 1 };
  }
  const count = (held.failures[kind].get(n) ?? 0) + 1;
  held.failures[kind].set(n, count);
  held.resting.set(n, now + restMs * count);
  return { kind, count };
}

/** Notes that segment `n` of these renditions was made. */
export function forgetFailures(held: HeldRender, n: number, renditions: readonly Rendition[]): void {
  held.resting.delete(n);
  const kind = kindOf(held, renditions);
  if (kind !== 'onDemand') held.failures.eager.delete(n);
  if (kind !== 'eager') held.failures.onDemand.delete(n);
}

function kindOf(held: HeldRender, renditions: readonly Rendition[]): FailureKind {
  const eager = renditions.filter(({ name }) => held.eager.has(name)).length;
  if (eager === renditions.length) return 'eager';
  return eager === 0 ? 'onDemand' : 'both';
}

/** What became of the last tries to make a segment. */
export interface RecentTries {
  note(succeeded: boolean): void;
  /** Part of them that failed, 0 to 1; 0 while there are few. */
  readonly failed: number;
}

/** Tries that are remembered, and how few say nothing. */
const remembered = 20;
const few = 5;

/** Starts with none. */
export function recentTries(): RecentTries {
  const tries: boolean[] = [];
  return {
    note(succeeded) {
      tries.push(succeeded);
      if (tries.length > remembered) tries.shift();
    },
    get failed() {
      return tries.length < few ? 0 : tries.filter((succeeded) => !succeeded).length / tries.length;
    },
  };
}

/** How often a node may give a render up before nobody tries it any more. */
const mostTurns = 3;

/**
 * Notes that this node has given a render up at segment `n`, and tells whether another one may try it: false once every ready
 * node has, or this one again and again.
 */
export async function mayBeMadeElsewhere(
  db: Db,
  lease: Lease,
  n: number,
  { leaseSeconds }: { readonly leaseSeconds: number },
): Promise<boolean> {
  const turns = await noteFailedOn(db, lease, n);
  if ((turns.get(lease.nodeId) ?? mostTurns) >= mostTurns) return false;
  const nodes = await liveNodes(db, leaseSeconds);
  return nodes.some(({ id, state }) => state === 'ready' && !turns.has(id));
}
