import type { Location } from '../src/catalog/locate.ts';
import { SegueError } from '../src/ops/errors.ts';
import { segmentName } from '../src/store/names.ts';
import type { BucketReads } from './bucket-reads.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { CdnSigner } from './cdn.ts';
import { flights, orAborted, pause } from './flights.ts';
import { makeRequests } from './make-requests.ts';
import type { NodeClient } from './node-client.ts';
import type { NodeAddress, Ports } from './ports.ts';
import { readWhole, type SegmentBytes } from './read-whole.ts';
import { nextStep, type SegmentKey } from './resolve.ts';
import { suspect } from './suspect.ts';
import { type CopyLooks, suspectCopy } from './suspect-copy.ts';

/** Where a segment was found. Whoever gets bytes calls `release` once they are sent. */
export type Found =
  | { readonly kind: 'bucket'; readonly url: string }
  | { readonly kind: 'bytes'; readonly node: string; readonly segment: SegmentBytes };

/** Finds segments, has missing ones made, and waits for them. */
export interface SegmentSource {
  /**
   * Resolves once the segment is in the bucket or its bytes are here, however long that takes: the caller bounds it with
   * `signal`. Requests for the same segment share one search and one fetch.
   * @throws SegueError `render_failed` when nobody can make it
   */
  find(key: SegmentKey, signal: AbortSignal): Promise<Found>;
  /** The bytes of an object in the bucket. @throws SegueError `bucket_unavailable` after a few tries */
  download(url: string, signal: AbortSignal): Promise<SegmentBytes>;
}

/** A node that failed at a segment is not asked for it again for so long, in milliseconds. */
const excludedMs = 1000;
const downloadTries = 4;

/** A download is over within this, in milliseconds: so long its signature holds. */
const signedMs = 300_000;

/** What a {@link SegmentSource} is made of. */
interface SegmentSourceParts {
  readonly ports: Ports;
  readonly nodes: NodeClient;
  readonly budget: ByteBudget;
  readonly reads: BucketReads;
  readonly cdn: CdnSigner | undefined;
}

/** A source over the given ports. */
export function segmentSource({ ports, nodes, budget, reads, cdn }: SegmentSourceParts): SegmentSource {
  const shared = flights<SharedFound>((found) => found.discard());
  return {
    find: async (key, signal) => {
      const begin = (flightSignal: AbortSignal) => search(ports, nodes, reads, key, flightSignal);
      if (ports.runtime === 'isolate') return (await begin(signal)).claim();
      const found = await shared.join(
        `${key.renderId}/${key.rendition}/${key.n}/${key.notFromBucket === true}`,
        begin,
        signal,
      );
      return found.claim();
    },
    download: async (url, signal) => {
      const signed = await cdn?.signed(url, ports.now() + signedMs);
      return download(ports, budget, signed ?? url, signal);
    },
  };
}

/** A find of several requests: the bytes go back to the budget when the last of them has sent them. */
interface SharedFound {
  claim(): Found;
  /** Nobody wants it any more. */
  discard(): void;
}

function share(found: Found): SharedFound {
  if (found.kind === 'bucket') return { claim: () => found, discard: () => undefined };
  const { segment } = found;
  let claims = 0;
  return {
    claim: () => {
      claims += 1;
      let claimed = true;
      const release = (): void => {
        if (!claimed) return;
        claimed = false;
        claims -= 1;
        if (claims === 0) segment.release();
      };
      return { ...found, segment: { ...segment, release } };
    },
    discard: () => segment.release(),
  };
}

async function search(
  ports: Ports,
  nodes: NodeClient,
  reads: BucketReads,
  key: SegmentKey,
  signal: AbortSignal,
): Promise<SharedFound> {
  const watch = ports.changes.watch(key.renderId);
  const excluded = new Map<string, number>();
  const { renderId, rendition, n } = key;
  const requests = makeRequests(ports, nodes, { renderId, rendition, n });
  const copies = suspectCopy(ports, nodes, reads, key);
  try {
    for (;;) {
      signal.throwIfAborted();
      const now = ports.now();
      for (const [id, until] of excluded) if (until <= now) excluded.delete(id);
      const location = await reachable(ports, copies, key, await locate(ports, key, signal), signal);
      const step = location === undefined ? undefined : nextStep(location, new Set(excluded.keys()));
      if (step?.kind === 'bucket') return share({ kind: 'bucket', url: bucketUrl(ports, key) });
      if (step?.kind === 'fetch') {
        const segment = await fetchFrom(ports, nodes, step.node, key, signal);
        if (segment !== undefined) return share({ kind: 'bytes', node: step.node.id, segment });
        // Without the catalog nobody knows what is made: the node is told what is waited for.
        if (location?.guessed === true && key.irreplaceable !== true)
          await requests.ask(step.node, new Set(), signal);
        excluded.set(step.node.id, ports.now() + excludedMs);
        continue;
      }
      if (step?.kind === 'make' && key.notFromBucket === true) {
        const segment = await copies.read(signal);
        if (segment !== undefined) return share({ kind: 'bytes', ...segment });
      }
      if (step?.kind === 'make' && key.irreplaceable !== true) {
        const failed = await requests.ask(step.holder, new Set(excluded.keys()), signal);
        if (failed !== undefined) {
          excluded.set(failed, ports.now() + excludedMs);
          continue;
        }
      }
      await watch.next(ports.settings.pollMs, signal);
    }
  } finally {
    watch.stop();
  }
}

/**
 * A copy in a bucket that does not answer is none, nor is one that the bucket has lost: a node that has the segment, or makes it
 * again, is asked instead.
 */
async function reachable(
  ports: Ports,
  copies: CopyLooks,
  key: SegmentKey,
  location: Whereabouts | undefined,
  signal: AbortSignal,
): Promise<Whereabouts | undefined> {
  if (location?.inBucket !== true) return location;
  const elsewhere = { ...location, inBucket: false };
  if (key.notFromBucket === true) {
    // Where a node gives the bytes nobody waits for what is wrong with the copy.
    const [holder] = location.holders;
    if (holder !== undefined) copies.lookAside(holder);
    return elsewhere;
  }
  return (await copies.isThere(bucketUrl(ports, key), signal)) ? location : elsewhere;
}

/** Public URL of a segment in the bucket. */
export function bucketUrl(
  ports: Pick<Ports, 'settings'>,
  { renderId, rendition, n, container }: SegmentKey,
): string {
  return `${ports.settings.bucketPublicUrl}/${segmentName(renderId, rendition, n, container)}`;
}

/** Where a segment is. `guessed`: the catalog is away, and these nodes had others of the same render. */
type Whereabouts = Location & { readonly guessed?: true };

/**
 * Where the segment is; while the catalog is away, where it was last, or else who had another one of the same render; undefined where
 * even that is not known.
 */
async function locate(
  ports: Ports,
  { renderId, rendition, n }: SegmentKey,
  signal: AbortSignal,
): Promise<Whereabouts | undefined> {
  const key = `${renderId}/${rendition}/${n}`;
  const { locations, holders } = ports.facts;
  try {
    const location = await orAborted(ports.catalog.locate(renderId, rendition, n), signal);
    if (location.inBucket || location.holders.length > 0) locations.set(key, location);
    if (location.holders.length > 0) holders.set(renderId, { ...location, inBucket: false });
    return location;
  } catch (error) {
    signal.throwIfAborted();
    ports.onTrouble?.('catalog query', error);
    const likely = holders.get(renderId);
    return locations.get(key) ?? (likely && { ...likely, guessed: true });
  }
}

/** The segment from this node; undefined where the node cannot give it now. A node that is gone loses its leases at once. */
async function fetchFrom(
  ports: Ports,
  nodes: NodeClient,
  node: NodeAddress,
  key: SegmentKey,
  signal: AbortSignal,
): Promise<SegmentBytes | undefined> {
  const fetched = await nodes.segment(node, key, signal);
  if (fetched.kind === 'bytes') return fetched.segment;
  if (fetched.kind !== 'absent') ports.onTrouble?.(`segment from node ${node.id}`, fetched.cause);
  if (fetched.kind === 'gone') await suspect(ports, node);
  return undefined;
}

async function download(
  ports: Ports,
  budget: ByteBudget,
  url: string,
  signal: AbortSignal,
): Promise<SegmentBytes> {
  let cause: unknown;
  for (let attempt = 0; attempt < downloadTries; attempt += 1) {
    if (attempt > 0) await pause(100 * 2 ** attempt, signal);
    try {
      const response = await ports.fetch(url, { signal });
      const whole = await readWhole(response, { budget, crc32: ports.crc32 }, false, signal);
      if (response.ok && whole.kind === 'bytes') return whole.segment;
      if (whole.kind === 'bytes') whole.segment.release();
      cause = `status ${response.status}, ${whole.kind}`;
    } catch (error) {
      signal.throwIfAborted();
      cause = error;
    }
  }
  throw new SegueError('bucket_unavailable', 'The bucket does not give a segment that it holds', { cause });
}
