import type { InitKey, SegmentKey } from '../catalog/foreign.ts';
import type { ForeignFile, ForeignRendition, NewSegment } from '../catalog/streams.ts';
import type { Container } from '../rendition/kind.ts';
import { type Cursor, firstRemembered, resumed, start } from './admission.ts';
import { type Described, describe, type Probed } from './describe.ts';
import { mostRenditions, remember } from './limits.ts';
import { partName, type SourceMedia, type SourceRendition } from './playlist.ts';
import { knownSides, noSides, type SideKind, type Sides } from './sides.ts';

/** What the next segment of a rendition waits for. */
export interface Waiting {
  /** Names of parts, the next first. */
  readonly names: ReadonlySet<string>;
  /** Whether a later segment is at hand. */
  readonly overtaken: boolean;
  /** Whether bytes of one of them are under way. */
  readonly coming: boolean;
  /** Monotonic milliseconds. */
  readonly since: number;
}

/** A rendition of a stream that is taken in, as this node knows it. */
export interface Rendition {
  readonly name: string;
  /** Order of discovery. */
  readonly index: number;
  /** Order in the multivariant playlist: the source's own, else that of discovery. */
  position: number;
  /** Where its media playlist is uploaded. */
  readonly path: string;
  /** What its row said when the stream was opened. */
  readonly stored: Described | undefined;
  entry: SourceRendition | undefined;
  playlist: SourceMedia | undefined;
  /** Order of the upload that was the playlist. */
  order: number;
  cursor: Cursor;
  container: Container | undefined;
  probed: Probed | undefined;
  /** Most bits per second of a segment. */
  peak: number;
  /** The longest segment, in microseconds. */
  longestUs: number;
  /** The row as it was written last. */
  written: string;
  ended: boolean;
  waiting: Waiting | undefined;
  /**
   * Why it does not go on, since when (monotonic milliseconds). What passes is tried again; what lasts waits for the source to
   * send something else.
   */
  trouble: { readonly passes: boolean; readonly since: number } | undefined;
  readonly sides: Record<SideKind, Sides>;
  /** What each init segment, by its number, is encrypted with: as it was listed first. */
  readonly initKeys: Map<number, SegmentKey | null>;
}

/** A rendition of which nothing is listed. */
export function newRendition(index: number, path: string): Rendition {
  return {
    name: `r${index}`,
    index,
    position: mostRenditions + index,
    path,
    stored: undefined,
    entry: undefined,
    playlist: undefined,
    order: 0,
    cursor: start,
    container: undefined,
    probed: undefined,
    peak: 0,
    longestUs: 0,
    written: '',
    ended: false,
    waiting: undefined,
    trouble: undefined,
    sides: { init: noSides(), key: noSides() },
    initKeys: new Map(),
  };
}

/** A rendition that was taken in before, by this node or by another, from its rows. */
export function knownRendition(
  row: ForeignRendition,
  segments: readonly NewSegment[],
  files: readonly ForeignFile[],
): Rendition {
  const { kind, attributes } = row;
  const index = Number(/^r(\d+)$/.exec(row.name)?.[1] ?? 0);
  const rendition = newRendition(index, attributes.source);
  for (const { init, key, source } of segments)
    if (init !== null) remember(rendition.initKeys, init, keyOfInit(key, source.initKey));
  return {
    ...rendition,
    position: row.position,
    stored: { kind, attributes },
    cursor: resumed(segments),
    container: row.container,
    peak: attributes.isMeasured === true ? (attributes.bandwidth ?? 0) : 0,
    longestUs: Math.max(0, ...segments.map(({ durationUs }) => durationUs)),
    ended: row.ended,
    sides: knownSides(files, segments),
  };
}

const keyOfInit = (key: SegmentKey | null, other: InitKey | undefined): SegmentKey | null => {
  if (other === undefined) return key;
  return other.method === 'NONE' ? null : other;
};

/** The row of a rendition as it would be written now. */
export const rowOf = ({ path, stored, entry, probed, peak }: Rendition): Described =>
  describe({ path, stored, entry, probed, peak });

/** Names that a rendition's playlist waits for or may come to. */
export function namesOf({ playlist, cursor }: Rendition): string[] {
  const all = playlist?.segments ?? [];
  return all
    .slice(firstRemembered(all, cursor))
    .flatMap(({ part, map, mapKey, key }) => [
      ...(cursor.known.has(partName(part)) ? [] : [partName(part), part.path]),
      ...(map === undefined ? [] : [partName(map), map.path]),
      ...[mapKey, key].flatMap((each) => (each?.path === undefined ? [] : [each.path])),
    ]);
}
