import { type InitKey, initFile, keyFile, type SegmentKey } from '../catalog/foreign.ts';
import type { ForeignFile, ForeignRendition, NewSegment } from '../catalog/streams.ts';
import type { Container } from '../rendition/kind.ts';
import { type Cursor, resumed, start } from './admission.ts';
import type { Probed } from './describe.ts';
import { mostRenditions } from './limits.ts';
import type { SourceMedia, SourceRendition } from './playlist.ts';
import type { SpooledFile } from './spool.ts';

/** A rendition of a stream that is taken in, as this node knows it. */
export interface Rendition {
  readonly name: string;
  /** Order of discovery. */
  readonly index: number;
  /** Order in the multivariant playlist: the source's own, else that of discovery. */
  position: number;
  /** Where its media playlist is uploaded. */
  readonly path: string;
  entry: SourceRendition | undefined;
  playlist: SourceMedia | undefined;
  cursor: Cursor;
  container: Container | undefined;
  probed: Probed | undefined;
  /** Most bits per second of a segment. */
  peak: number;
  /** The row as it was written last. */
  written: string;
  ended: boolean;
  /** What its next segment waits for, since when (monotonic milliseconds). */
  waiting:
    | { readonly names: ReadonlySet<string>; readonly overtaken: boolean; readonly since: number }
    | undefined;
  readonly inits: Numbered;
  readonly keys: Numbered;
  /** What each init segment, by its number, is encrypted with: as it was listed first. */
  readonly initKeys: Map<number, SegmentKey | null>;
}

/** Small files that segments share, kept in the catalog under numbers of ours. */
export interface Numbered {
  /** By the name in the source that they were last used under. */
  readonly byName: Map<string, number>;
  /** By what they are: the same bytes are the same file. */
  readonly byContent: Map<string, number>;
}

/** What tells the content of a small file. */
export const contentOf = ({ crc32, bytes }: Pick<SpooledFile, 'crc32' | 'bytes'>): string =>
  `${crc32}-${bytes}`;

const nothing = (): Numbered => ({ byName: new Map(), byContent: new Map() });

/** A rendition of which nothing is listed. */
export function newRendition(index: number, path: string, entry: SourceRendition | undefined): Rendition {
  return {
    name: `r${index}`,
    index,
    position: mostRenditions + index,
    path,
    entry,
    playlist: undefined,
    cursor: start,
    container: undefined,
    probed: undefined,
    peak: 0,
    written: '',
    ended: false,
    waiting: undefined,
    inits: nothing(),
    keys: nothing(),
    initKeys: new Map(),
  };
}

/** A rendition that was taken in before, by this node or by another, from its rows. `crc32` reads a file's checksum. */
export function knownRendition(
  row: ForeignRendition,
  segments: readonly NewSegment[],
  files: readonly ForeignFile[],
  crc32: (bytes: Uint8Array) => number,
): Rendition {
  const index = Number(/^r(\d+)$/.exec(row.name)?.[1] ?? 0);
  const rendition = newRendition(index, row.attributes.source, undefined);
  for (const { name, bytes } of files) {
    const [, kind, number] = /^(init|key)-(\d+)\./.exec(name) ?? [];
    const content = contentOf({ crc32: crc32(bytes), bytes: bytes.byteLength });
    (kind === 'init' ? rendition.inits : rendition.keys).byContent.set(content, Number(number));
  }
  for (const { init, key, source } of segments) {
    if (init !== null && source.map !== undefined) rendition.inits.byName.set(source.map, init);
    if (init !== null) rendition.initKeys.set(init, keyOfInit(key, source.initKey));
    const number = /^key-(\d+)\.key$/.exec(key?.file ?? '')?.[1];
    if (number !== undefined && source.keyPath !== undefined)
      rendition.keys.byName.set(source.keyPath, Number(number));
  }
  return {
    ...rendition,
    position: row.position,
    cursor: resumed(segments),
    container: row.container,
    peak: row.attributes.bandwidth ?? 0,
    ended: row.ended,
  };
}

const keyOfInit = (key: SegmentKey | null, other: InitKey | undefined): SegmentKey | null => {
  if (other === undefined) return key;
  return other.method === 'NONE' ? null : other;
};

/** The number of a small file, and whether it is a new one. `file` is what is uploaded now, if anything is. */
export function numberOf(
  numbered: Numbered,
  name: string,
  file: SpooledFile | undefined,
): { readonly number: number; readonly isNew: boolean } | undefined {
  if (file === undefined) {
    const number = numbered.byName.get(name);
    return number === undefined ? undefined : { number, isNew: false };
  }
  const known = numbered.byContent.get(contentOf(file));
  return { number: known ?? numbered.byContent.size, isNew: known === undefined };
}

/** How a small file is named and typed in the catalog. */
export const sideFile = {
  init: (number: number, isAudio: boolean) => ({
    name: initFile(number),
    contentType: isAudio ? 'audio/mp4' : 'video/mp4',
  }),
  key: (number: number) => ({ name: keyFile(number), contentType: 'application/octet-stream' }),
};
