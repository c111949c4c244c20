import type { RenditionHead, StreamHead } from '../src/catalog/stream-lists.ts';
import { SegueError } from '../src/ops/errors.ts';
import { orRemembered } from './facts.ts';
import type { Ports } from './ports.ts';

/** A stream as it stands; while the catalog is away, as it was last seen. @throws SegueError `not_found` */
export async function streamFacts(ports: Ports, id: string): Promise<StreamHead> {
  const head = await orRemembered<StreamHead | 'unknown'>(
    async () => {
      const found = await ports.catalog.streams.head(id);
      if (found === undefined) return 'unknown';
      ports.facts.streams.set(id, found);
      return found;
    },
    () => ports.facts.streams.get(id),
    ports,
  );
  if (head === 'unknown') throw new SegueError('not_found', 'There is no such stream');
  return head;
}

/** A rendition by its name in a URL. @throws SegueError `not_found` */
export function renditionOf(head: StreamHead, name: string): RenditionHead {
  const rendition = head.renditions.find((one) => one.name === name);
  if (rendition === undefined) throw new SegueError('not_found', 'The stream has no such rendition');
  return rendition;
}

/**
 * Segments that a rendition must have before it is listed: Safari fails on a list of a single CMAF segment, and a list that
 * has not ended is to have three target durations (RFC 8216 6.2.2).
 */
const leastSegments = 3;

/** Whether a rendition can be listed: it has enough segments, or all that it will ever have. */
export function isListable({ state, targetDuration }: StreamHead, { count, ended }: RenditionHead): boolean {
  if (state === 'waiting' || targetDuration === null || count === 0) return false;
  return count >= leastSegments || ended || state !== 'live';
}

/**
 * The renditions that a multivariant playlist lists: all, once all can be listed; one that stays behind by as much again is
 * left out. Empty while it is too early.
 */
export function listableRenditions(head: StreamHead): readonly RenditionHead[] {
  const ready = head.renditions.filter((one) => isListable(head, one));
  const most = Math.max(0, ...ready.map(({ count }) => count));
  const enough = ready.length === head.renditions.length || most >= 2 * leastSegments;
  return enough && ready.some((one) => one.attributes.role === 'variant') ? ready : [];
}
