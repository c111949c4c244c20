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
  /** Whoever asks comes from the bucket, which did not give it: it must not be sent back there. */
  readonly notFromBucket?: boolean;
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
