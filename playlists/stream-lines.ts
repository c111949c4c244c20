import type { RenditionHead, StreamHead } from '../src/catalog/stream-lists.ts';
import { type ForeignSegment, mostSegments } from '../src/catalog/streams.ts';
import { windowStart } from '../src/hls/foreign-window.ts';
import type { ListedSegments } from './fact-cache.ts';
import type { Ports } from './ports.ts';

/**
 * Whether the stream is over and nothing that is listed can be lost any more: of every rendition, each listed segment is in the
 * bucket. Segments that have left a window long ago do not count.
 */
export async function isOver(ports: Ports, head: StreamHead): Promise<boolean> {
  if (head.state !== 'ended') return false;
  for (const rendition of head.renditions) {
    const last = rendition.stored.find(([from, to]) => from < rendition.count && to >= rendition.count);
    if (rendition.count > 0 && last === undefined) return false;
    // Asked only where it matters: a stream that was stored as a whole has one range.
    const from = last?.[0] ?? 0;
    if (from > 0 && from > startOf(await listedSegments(ports, head, rendition))) return false;
  }
  return true;
}

/** Segments that are read first where nothing is known: more than most windows have. */
const firstRead = 256;

/**
 * What is listed of a rendition now. Rows never change, so only those are asked for that have come since the last time; where
 * the catalog is away, what is remembered is the answer.
 */
export async function listedSegments(
  ports: Ports,
  head: StreamHead,
  rendition: RenditionHead,
): Promise<ListedSegments> {
  const key = `${head.renderId}/${rendition.name}`;
  let known = ports.facts.streamLines.get(key);
  known ??= head.windowSeconds === null ? nothing : await windowOf(ports, head, rendition);
  for (;;) {
    const end = endOf(known);
    if (end >= rendition.count) break;
    const rows = await ports.catalog.streams.segments(head.renderId, rendition.name, end);
    // Another request may have read them meanwhile.
    known = advanced(longer(known, ports.facts.streamLines.get(key)), rows, head);
    ports.facts.streamLines.set(key, known);
    if (rows.length < mostSegments) break;
  }
  return known;
}

const nothing: ListedSegments = { discontinuities: 0, segments: [] };
const startOf = ({ segments }: ListedSegments): number => segments[0]?.n ?? 0;
const endOf = ({ segments }: ListedSegments): number => (segments.at(-1)?.n ?? -1) + 1;
const longer = (one: ListedSegments, other: ListedSegments | undefined): ListedSegments =>
  other !== undefined && endOf(other) > endOf(one) ? other : one;

/** The list with further rows: those that follow it without a gap, and only what is in the window now. */
function advanced(known: ListedSegments, rows: readonly ForeignSegment[], head: StreamHead): ListedSegments {
  const segments = [...known.segments];
  for (const row of rows) if (row.n === (segments.at(-1)?.n ?? -1) + 1) segments.push(row);
  return inWindow({ ...known, segments }, head);
}

function inWindow(list: ListedSegments, { windowSeconds, targetDuration }: StreamHead): ListedSegments {
  if (windowSeconds === null) return list;
  const first = startOf(list);
  const durations = list.segments.map(({ durationUs }) => durationUs);
  const start = windowStart(first, durations, windowSeconds * 1e6, targetDuration ?? 0);
  const gone = list.segments.slice(0, start - first);
  return {
    discontinuities: list.discontinuities + gone.filter(({ discontinuity }) => discontinuity).length,
    segments: list.segments.slice(start - first),
  };
}

/** The window of a rendition that nothing is known of: read from its end, further back until it is whole. */
async function windowOf(ports: Ports, head: StreamHead, rendition: RenditionHead): Promise<ListedSegments> {
  for (let read = firstRead; ; read *= 4) {
    const from = Math.max(0, rendition.count - Math.min(read, mostSegments));
    const segments = await ports.catalog.streams.segments(head.renderId, rendition.name, from);
    const window = inWindow({ discontinuities: 0, segments }, head);
    if (from > 0 && startOf(window) === from && read < mostSegments) continue;
    const start = startOf(window);
    const discontinuities =
      start === 0
        ? 0
        : await ports.catalog.streams.discontinuitiesBefore(head.renderId, rendition.name, start);
    return { ...window, discontinuities };
  }
}
