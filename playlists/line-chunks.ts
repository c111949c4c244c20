import { initFile } from '../src/catalog/foreign.ts';
import type { ForeignSegment } from '../src/catalog/streams.ts';
import { foreignSegmentLines, type LineNames, withBase } from '../src/hls/foreign-media.ts';
import { windowStart } from '../src/hls/foreign-window.ts';
import { type Container, extensionOf } from '../src/rendition/kind.ts';

/**
 * The listed segments of a rendition as far as they were read: finished lines, a few hundred segments together, so that a list
 * of a day takes little more memory than its text and is put together as fast as it is sent.
 */
export interface ListedSegments {
  /** The first that is listed; everything before it has left the window. */
  readonly first: number;
  /** The number after the last. */
  readonly end: number;
  /** Discontinuities at or before segments that have left the window. */
  readonly discontinuities: number;
  /** Consecutive. The first one may begin before `first`. */
  readonly chunks: readonly Chunk[];
  /** What the next line follows. */
  readonly last: ForeignSegment | undefined;
}

interface Chunk {
  readonly from: number;
  readonly to: number;
  /** As they follow what is before them, with URIs relative to the list. */
  readonly lines: string;
  /** Whether the segments are encrypted; undefined where some are. */
  readonly encrypted: boolean | undefined;
  /** Only of a list that slides: its first lines say what earlier ones did, wherever it begins. */
  readonly rows: readonly ForeignSegment[];
}

/** How a rendition is listed. */
export interface Listing {
  readonly container: Container;
  /** Of a window; null where everything stays. */
  readonly windowSeconds: number | null;
  readonly targetDuration: number | null;
}

/** Segments of a chunk. */
const chunkSegments = 256;
/** Bytes of a row in memory, apart from texts that it shares with others; and of a chunk without anything in it. */
const rowBytes = 250;
const chunkBytes = 200;

/** A list of nothing, which goes on with segment `first`. */
export const emptyList = (first: number): ListedSegments => ({
  first,
  end: first,
  discontinuities: 0,
  chunks: [],
  last: undefined,
});

/** Memory that a list takes, about. */
export const bytesOf = ({ chunks }: ListedSegments): number =>
  chunks.reduce(
    (sum, { lines, rows }) => sum + lines.length + rows.length * rowBytes + chunkBytes,
    chunkBytes,
  );

/** The list with further rows: those that follow it without a gap, and of a window only what is in it then. */
export function advanced(
  list: ListedSegments,
  rows: readonly ForeignSegment[],
  how: Listing,
): ListedSegments {
  const fresh = rows.filter(({ n }, index) => n >= list.end && n === (rows[0]?.n ?? 0) + index);
  if (fresh[0]?.n !== list.end) return list;
  const chunks = [...list.chunks];
  let { last } = list;
  for (let at = 0; at < fresh.length; ) {
    const open = chunks.at(-1);
    const used = open === undefined ? chunkSegments : open.to - open.from;
    const isOpen = used < chunkSegments;
    const next = fresh.slice(at, at + chunkSegments - (isOpen ? used : 0));
    const more = chunkOf(next, last, how);
    if (isOpen && open !== undefined) chunks[chunks.length - 1] = joined(open, more);
    else chunks.push(more);
    last = next.at(-1);
    at += next.length;
  }
  return slid({ ...list, chunks, last, end: list.end + fresh.length }, how);
}

/** The lines of a list, the URIs of segments below `sealed` under `base`. */
export function linesOf(list: ListedSegments, container: Container, base = '', sealed = 0): string {
  const texts = list.chunks.map(({ from, lines, rows }) => {
    const first = Math.max(from, list.first);
    const isFirst = first === list.first && rows.length > 0;
    const text = isFirst ? foreignSegmentLines(rows.slice(first - from), undefined, names(container)) : lines;
    return sealed > first ? withBase(text, base, sealed - first) : text;
  });
  return texts.join('');
}

/** Whether a segment is encrypted; undefined where that is not known of it. */
export function isEncrypted({ chunks }: ListedSegments, n: number): boolean | undefined {
  return chunks.find(({ from, to }) => n >= from && n < to)?.encrypted;
}

const names = (container: Container): LineNames => ({
  segmentUri: (n) => `${n}.${extensionOf(container)}`,
  initUri: initFile,
});

function chunkOf(rows: readonly ForeignSegment[], before: ForeignSegment | undefined, how: Listing): Chunk {
  const from = rows[0]?.n ?? 0;
  const keys = rows.filter(({ key }) => key !== null).length;
  return {
    from,
    to: from + rows.length,
    lines: foreignSegmentLines(rows, before, names(how.container)),
    encrypted: keys === 0 || keys === rows.length ? keys > 0 : undefined,
    rows: how.windowSeconds === null ? [] : rows,
  };
}

const joined = (one: Chunk, other: Chunk): Chunk => ({
  from: one.from,
  to: other.to,
  lines: [one.lines, other.lines].join(''),
  encrypted: one.encrypted === other.encrypted ? one.encrypted : undefined,
  rows: [...one.rows, ...other.rows],
});

/** The list without what has left its window. */
function slid(list: ListedSegments, { windowSeconds, targetDuration }: Listing): ListedSegments {
  if (windowSeconds === null) return list;
  const rows = list.chunks.flatMap((chunk) => chunk.rows).filter(({ n }) => n >= list.first);
  const durations = rows.map(({ durationUs }) => durationUs);
  const first = windowStart(list.first, durations, windowSeconds * 1e6, targetDuration ?? 0);
  const gone = rows.slice(0, first - list.first).filter(({ discontinuity }) => discontinuity).length;
  return {
    ...list,
    first,
    discontinuities: list.discontinuities + gone,
    chunks: list.chunks.filter(({ to }) => to > first),
  };
}
