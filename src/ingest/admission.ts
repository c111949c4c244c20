import type { SegmentSource } from '../catalog/foreign.ts';
import { remember, remembered } from './limits.ts';
import { type Part, partName, type SourceMedia, type SourceSegment, wholeFile } from './playlist.ts';

/**
 * Which segments of a source's playlist are new, in which order, and what comes between them and what is listed already. Pure:
 * what it is given are facts, what it answers is a plan; the caller writes bytes and rows, then says what it wrote.
 *
 * A source's own numbers are not trusted: it may start again from 0, repeat itself, send an old list late, or drop segments that
 * were never uploaded. So a segment is known by its number, its name and its bytes together, and what is listed only ever grows.
 */

/** An uploaded part that is at hand: whole, on this node's disk, not yet used for a segment. */
export interface Upload {
  /** CRC-32 of its bytes. */
  readonly crc32: number;
}

/** What a rendition has listed so far: everything that admission needs to go on. */
export interface Cursor {
  /** Number of the next segment. */
  readonly next: number;
  /** Where the last listed segment came from. */
  readonly last: SegmentSource | undefined;
  /** Names of listed segments, the newest {@link remembered} of them, with where each was listed last. */
  readonly known: ReadonlyMap<string, SegmentSource>;
}

/** Nothing is listed. */
export const start: Cursor = { next: 0, last: undefined, known: new Map() };

/** A segment that can be listed now. */
export interface Admitted {
  readonly n: number;
  readonly segment: SourceSegment;
  readonly discontinuity: boolean;
}

/** What to do with a playlist now. */
export interface Plan {
  /** In order, consecutive from the cursor's next number. */
  readonly admitted: readonly Admitted[];
  /** Names of the parts that the next segments wait for, first ones first; empty where nothing is waited for. */
  readonly missing: readonly string[];
  /** Whether a segment after those that are missing is at hand: its producer has gone on without them. */
  readonly overtaken: boolean;
  /** How many segments were passed over because their bytes never came. */
  readonly skipped: number;
  /** Whether the source has ended the playlist, and all of it is listed. */
  readonly ended: boolean;
}

/** What is at hand. */
export interface AtHand {
  /** An upload under the very name of a part that no segment has used. */
  upload(name: string): Upload | undefined;
  /** Whether the bytes of a segment are there: uploaded as such, or inside a file that was uploaded as a whole. */
  has(part: Part): boolean;
  /** Whether an init segment or a key is there; these are used again and again. */
  side(part: Part): boolean;
}

/** Names that an answer lists at most. */
const mostMissing = 100;

/** Remembers that a segment is listed. */
export function listed(cursor: Cursor, source: SegmentSource): Cursor {
  const known = new Map(cursor.known);
  remember(known, source.uri, source);
  return { next: cursor.next + 1, last: source, known };
}

/** A cursor from the last rows of a rendition. `next`: the number after the last of them. */
export function resumed(rows: readonly { readonly n: number; readonly source: SegmentSource }[]): Cursor {
  const known = new Map(rows.slice(-remembered).map(({ source }) => [source.uri, source]));
  return { next: (rows.at(-1)?.n ?? -1) + 1, last: rows.at(-1)?.source, known };
}

/** Where to go on in a playlist, and whether what follows is not what would have followed in the source. */
interface Place {
  readonly index: number;
  readonly broken: boolean;
}

/** Whether bytes have come under the name of a listed segment that are not those that were listed. */
function isRewritten(name: string, cursor: Cursor, atHand: AtHand): boolean {
  const upload = atHand.upload(name);
  return upload !== undefined && upload.crc32 !== cursor.known.get(name)?.crc32;
}

/** Where what is remembered begins in a list: what is older was listed too. */
export function firstRemembered(segments: readonly SourceSegment[], { known }: Cursor): number {
  if (known.size < remembered) return 0;
  const index = segments.findIndex(({ part, sequence }) => known.get(partName(part))?.sequence === sequence);
  return Math.max(0, index);
}

/** How many listed segments before the place are looked at for new bytes: a producer that starts again rewrites them in order. */
const lookBack = 64;

function placeIn({ segments }: SourceMedia, cursor: Cursor, atHand: AtHand): Place {
  const { last, known } = cursor;
  const first = segments[0];
  if (last === undefined || first === undefined) return { index: 0, broken: false };
  const at = last.sequence - first.sequence;
  if (at < -1) return { index: 0, broken: true };
  if (at === -1 && !segments.some(({ part, sequence }) => known.get(partName(part))?.sequence === sequence)) {
    return { index: 0, broken: false };
  }
  const before = segments.slice(Math.max(0, at + 1 - lookBack), at + 1);
  const goesOn =
    before.at(-1)?.sequence === last.sequence &&
    partName(before.at(-1)?.part ?? first.part) === last.uri &&
    !before.some(({ part }) => isRewritten(partName(part), cursor, atHand));
  if (goesOn) return { index: at + 1, broken: false };
  // Another run of the source, or an old list that came late: what is listed already is passed over.
  const oldest = firstRemembered(segments, cursor);
  const index = segments.findIndex(({ part, sequence }, at) => {
    const name = partName(part);
    return at >= oldest && (known.get(name)?.sequence !== sequence || isRewritten(name, cursor, atHand));
  });
  return { index: index < 0 ? segments.length : index, broken: true };
}

/** Parts that a segment needs beside its own bytes. */
const sidesOf = ({ map, mapKey, key }: SourceSegment): Part[] => [
  ...(map === undefined ? [] : [map]),
  ...[mapKey, key].flatMap((each) => (each?.path === undefined ? [] : [wholeFile(each.path)])),
];

/**
 * What of a playlist can be listed now. `giveUp`: what is missing has been waited for long enough, and is passed over where
 * something comes after it or the list has ended.
 */
export function admit(playlist: SourceMedia, cursor: Cursor, atHand: AtHand, giveUp = false): Plan {
  const place = placeIn(playlist, cursor, atHand);
  const rest = playlist.segments.slice(place.index);
  const lacking = (segment: SourceSegment): string[] => {
    const parts = sidesOf(segment).filter((side) => !atHand.side(side));
    if (!atHand.has(segment.part)) parts.unshift(segment.part);
    return parts.map(partName);
  };
  const isThere = (segment: SourceSegment): boolean => !segment.gap && lacking(segment).length === 0;
  const lastThere = giveUp ? rest.findLastIndex(isThere) : -1;

  const admitted: Admitted[] = [];
  let missing: readonly SourceSegment[] = [];
  let skipped = 0;
  let broken = place.broken;
  for (const [index, segment] of rest.entries()) {
    if (isThere(segment)) {
      const n = cursor.next + admitted.length;
      admitted.push({ n, segment, discontinuity: n > 0 && (broken || segment.discontinuity) });
      broken = false;
      continue;
    }
    if (!segment.gap && !(giveUp && (playlist.ended || index < lastThere))) {
      missing = rest.slice(index, index + mostMissing).filter((each) => !each.gap);
      break;
    }
    skipped += 1;
    broken = true;
  }
  const names = [...new Set(missing.flatMap(lacking))].slice(0, mostMissing);
  return {
    admitted,
    missing: names,
    overtaken: missing.some(isThere),
    skipped,
    ended: playlist.ended && names.length === 0,
  };
}
