import type { RenditionHead, StreamHead } from '../src/catalog/stream-lists.ts';
import { type ForeignSegment, mostSegments } from '../src/catalog/streams.ts';
import { advanced, emptyList, type ListedSegments, type Listing } from './line-chunks.ts';
import type { Ports } from './ports.ts';

/**
 * Whether the stream is over and nothing that is listed can be lost any more: of every rendition, each listed segment is in the
 * bucket. Segments that have left a window long ago do not count.
 */
export async function isOver(ports: ListPorts, head: StreamHead): Promise<boolean> {
  if (head.state !== 'ended') return false;
  for (const rendition of head.renditions) {
    const last = rendition.stored.find(([from, to]) => from < rendition.count && to >= rendition.count);
    if (rendition.count > 0 && last === undefined) return false;
    // Asked only where it matters: a stream that was stored as a whole has one range.
    const from = last?.[0] ?? 0;
    if (from > 0 && from > (await listedSegments(ports, head, rendition)).first) return false;
  }
  return true;
}

/** What reading lists takes. */
export interface ListPorts {
  readonly facts: Pick<Ports['facts'], 'streamLines'>;
  readonly catalog: {
    readonly streams: Pick<Ports['catalog']['streams'], 'segments' | 'discontinuitiesBefore'>;
  };
}

/** Segments that are read first where nothing is known: more than most windows have. */
const firstRead = 256;

/**
 * What is listed of a rendition now. Rows never change, so only those are asked for that have come since the last time; where
 * the catalog is away, what is remembered is the answer.
 */
export async function listedSegments(
  ports: ListPorts,
  head: StreamHead,
  rendition: RenditionHead,
): Promise<ListedSegments> {
  const key = `${head.renderId}/${rendition.name}`;
  const how = { ...head, container: rendition.container };
  let known = ports.facts.streamLines.get(key);
  known ??= head.windowSeconds === null ? emptyList(0) : await windowOf(ports, head, rendition, how);
  while (known.end < rendition.count) {
    const rows = await ports.catalog.streams.segments(head.renderId, rendition.name, known.end);
    // Another request may have read them meanwhile.
    known = advanced(longer(known, ports.facts.streamLines.get(key)), rows, how);
    ports.facts.streamLines.set(key, known);
    if (rows.length < mostSegments) break;
  }
  return known;
}

const longer = (one: ListedSegments, other: ListedSegments | undefined): ListedSegments =>
  other !== undefined && other.end > one.end ? other : one;

/** The window of a rendition that nothing is known of: read from its end, further back until it is whole. */
async function windowOf(
  ports: ListPorts,
  head: StreamHead,
  { name, count }: RenditionHead,
  how: Listing,
): Promise<ListedSegments> {
  for (let read = firstRead; ; read *= 4) {
    const from = Math.max(0, count - read);
    let window = emptyList(from);
    let rows: readonly ForeignSegment[];
    do {
      rows = await ports.catalog.streams.segments(head.renderId, name, window.end);
      window = advanced(window, rows, how);
    } while (rows.length === mostSegments);
    if (from > 0 && window.first === from) continue;
    if (window.first === 0) return window;
    const discontinuities = await ports.catalog.streams.discontinuitiesBefore(
      head.renderId,
      name,
      window.first,
    );
    return { ...window, discontinuities };
  }
}
