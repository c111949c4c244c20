import type { Location } from '../src/catalog/locate.ts';
import type { Container } from '../src/rendition/kind.ts';
import type { NodeAddress } from './ports.ts';

/** One segment of one rendition. */
export interface SegmentKey {
  readonly renderId: string;
  readonly rendition: string;
  readonly n: number;
  readonly container: Container;
  /** Nobody can make it again: where no live node has it, it is waited for. */
  readonly irreplaceable?: boolean;
}

/** What to do next for a segment that somebody asks for. */
export type Step =
  /** It is in the bucket: send the client there. */
  | { readonly kind: 'bucket' }
  /** A live node has it: pass its bytes through. */
  | { readonly kind: 'fetch'; readonly node: NodeAddress }
  /** Nobody has it: the holder of the lease is to make it, or, without one, whoever is chosen. */
  | { readonly kind: 'make'; readonly holder: NodeAddress | undefined };

/**
 * The resolve order: bucket, then a live node, then somebody makes it. `excluded` are nodes that just failed at this very
 * segment; they may still be asked to make others.
 */
export function nextStep(location: Location, excluded: ReadonlySet<string>): Step {
  if (location.inBucket) return { kind: 'bucket' };
  const node = location.holders.find(({ id }) => !excluded.has(id));
  if (node !== undefined) return { kind: 'fetch', node };
  const { lease } = location;
  const holder =
    lease === undefined || excluded.has(lease.nodeId) ? undefined : { id: lease.nodeId, url: lease.url };
  return { kind: 'make', holder };
}

/** A node as far as choosing one is concerned. */
export interface Candidate extends NodeAddress {
  readonly state: 'ready' | 'draining' | 'dead';
  readonly load: { readonly renders: number };
}

/**
 * The node that a render without a holder goes to: the least loaded of the ready ones; among equals by rendezvous hashing,
 * so that two services asked at once choose the same. Undefined where no node is ready.
 */
export function placeRender<T extends Candidate>(
  renderId: string,
  nodes: readonly T[],
  excluded: ReadonlySet<string>,
): T | undefined {
  const ready = nodes.filter(({ id, state }) => state === 'ready' && !excluded.has(id));
  return ready.sort(
    (a, b) => a.load.renders - b.load.renders || score(renderId, b.id) - score(renderId, a.id),
  )[0];
}

/** FNV-1a with a final mix: even enough to spread renders over nodes. */
function score(renderId: string, nodeId: string): number {
  let hash = 0x811c9dc5;
  for (const character of `${renderId}\n${nodeId}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
