import { placeRender } from '../src/node/placement.ts';
import type { BucketReads } from './bucket-reads.ts';
import { orAborted } from './flights.ts';
import type { CopyState, NodeClient } from './node-client.ts';
import type { NodeAddress, Ports } from './ports.ts';
import type { SegmentBytes } from './read-whole.ts';
import type { SegmentKey } from './resolve.ts';

/** Looks at one copy in the bucket, while its segment is searched for. */
export interface CopyLooks {
  /** Whether a client may be sent to it. What the public address does not have is confirmed by a node, once a search. */
  isThere(url: string, signal: AbortSignal): Promise<boolean>;
  /** Has a node that holds the segment look after it, while the search goes on: once a search. Only such a node replaces what is damaged. */
  lookAside(holder: NodeAddress): void;
  /**
   * The bytes, through a node, for whoever comes from the public address: once a search. Undefined where the bucket has none
   * (its row is corrected then), or no node can tell.
   */
  read(signal: AbortSignal): Promise<{ node: string; segment: SegmentBytes } | undefined>;
}

/** A look that nobody waits for ends after this long, in milliseconds. */
const asideMs = 10_000;

/** Looks that have not been made yet. Only a node, which has the bucket's credentials, knows what is lost. */
export function suspectCopy(ports: Ports, nodes: NodeClient, reads: BucketReads, key: SegmentKey): CopyLooks {
  let checked: CopyState | 'unknown' | undefined;
  let isRead = false;

  const someNode = async () => placeRender(key.renderId, await ports.catalog.nodes().catch(() => []));
  const check = async (signal: AbortSignal, holder?: NodeAddress): Promise<CopyState | 'unknown'> => {
    const node = holder ?? (await someNode());
    const state = node === undefined ? undefined : await nodes.checkCopy(node, key, signal);
    return state ?? 'unknown';
  };
  return {
    async isThere(url, signal) {
      const answer = await orAborted(reads.answer(url), signal);
      if (answer !== 'missing') return answer === 'there';
      checked ??= await check(signal);
      if (checked === 'there') reads.found(url);
      return checked === 'there';
    },
    lookAside(holder) {
      if (isRead) return;
      isRead = true;
      check(AbortSignal.timeout(asideMs), holder).catch((error: unknown) =>
        ports.onTrouble?.('looking for a lost copy', error),
      );
    },
    async read(signal) {
      if (isRead) return undefined;
      isRead = true;
      if ((await check(signal)) !== 'there') return undefined;
      const node = await someNode();
      const got = node === undefined ? undefined : await nodes.readCopy(node, key, signal);
      return node !== undefined && got?.kind === 'bytes'
        ? { node: node.id, segment: got.segment }
        : undefined;
    },
  };
}
