import { hash } from 'node:crypto';
import { initFile, keyFile } from '../catalog/foreign.ts';
import type { ForeignFile, NewSegment } from '../catalog/streams.ts';
import { remember } from './limits.ts';
import type { SpooledFile } from './spool.ts';

/** The two kinds of small files that segments share. They are kept in the catalog under numbers of ours. */
export type SideKind = 'init' | 'key';

/** The init segments or keys of a rendition. The oldest are forgotten: one that comes back gets another number. */
export interface Sides {
  /** By the name in the source that it was last used under: its number, and the upload that it was read from, if it is here. */
  readonly byName: Map<string, { readonly number: number; readonly upload: SpooledFile | undefined }>;
  /** Numbers by SHA-256: a shorter checksum is met by accident, or on purpose. */
  readonly byContent: Map<string, number>;
  /** Number of the next one. */
  next: number;
}

/** What tells the content of a small file. */
export const contentOf = (bytes: Uint8Array): string => hash('sha256', bytes);

/** No init segments or keys are known. */
export const noSides = (): Sides => ({ byName: new Map(), byContent: new Map(), next: 0 });

/** What the rows of a rendition tell of its init segments and keys. */
export function knownSides(
  files: readonly ForeignFile[],
  segments: readonly NewSegment[],
): Record<SideKind, Sides> {
  const sides = { init: noSides(), key: noSides() };
  for (const { name, bytes } of files) {
    const [, kind, digits] = /^(init|key)-(\d+)\./.exec(name) ?? [];
    if (digits === undefined) continue;
    const known = kind === 'init' ? sides.init : sides.key;
    const number = Number(digits);
    remember(known.byContent, contentOf(bytes), number);
    known.next = Math.max(known.next, number + 1);
  }
  for (const { init, key, source } of segments) {
    if (init !== null && source.map !== undefined)
      remember(sides.init.byName, source.map, { number: init, upload: undefined });
    const number = /^key-(\d+)\.key$/.exec(key?.file ?? '')?.[1];
    if (number !== undefined && source.keyPath !== undefined)
      remember(sides.key.byName, source.keyPath, { number: Number(number), upload: undefined });
  }
  return sides;
}

/** How a small file is named and typed in the catalog. */
export const sideFile = {
  init: (number: number, isAudio: boolean) => ({
    name: initFile(number),
    contentType: isAudio ? 'audio/mp4' : 'video/mp4',
  }),
  key: (number: number) => ({ name: keyFile(number), contentType: 'application/octet-stream' }),
};
