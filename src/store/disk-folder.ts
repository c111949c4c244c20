import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** One segment on disk. */
export interface DiskSegment {
  readonly bytes: number;
  /** CRC-32 (ISO 3309, as in zlib) of the whole segment. */
  readonly crc32: number;
}

/** What a rendition has on disk: segment number -> facts. */
export type DiskRendition = ReadonlyMap<number, DiskSegment>;

/** One folder of segments, and what it holds by its names. */
export interface DiskFolder {
  readonly path: string;
  /** Bytes of all segments. */
  readonly bytes: number;
  get(renderId: string, rendition: string, n: number): DiskSegment | undefined;
  /** What is held of a render, by rendition; undefined where nothing is. */
  held(renderId: string): ReadonlyMap<string, DiskRendition> | undefined;
  renders(): Iterable<string>;
  note(renderId: string, rendition: string, n: number, segment: DiskSegment): void;
  forget(renderId: string, rendition: string, n: number): void;
}

/** Name of a segment's file. The checksum is part of it, so that one rename makes both durable. */
export const fileNameOf = (n: number, { crc32 }: DiskSegment): string =>
  `${n}.${crc32.toString(16).padStart(8, '0')}.m4s`;

/** What {@link fileNameOf} makes: number and CRC-32. */
export const fileName = /^(\d{1,7})\.([0-9a-f]{8})\.m4s$/;

/**
 * Lists what a folder holds. Temporary files of a process that died are removed: they were never visible.
 * Two files for one n (different bytes) cannot both be right: the older one, which may have been listed and copied, stays the
 * truth, and the newer one is removed.
 */
export async function openDiskFolder(path: string): Promise<DiskFolder> {
  const index = new Map<string, Map<string, Map<number, DiskSegment>>>();
  let total = 0;

  const segmentsOf = (renderId: string, name: string): Map<number, DiskSegment> => {
    let render = index.get(renderId);
    if (render === undefined) index.set(renderId, (render = new Map()));
    let segments = render.get(name);
    if (segments === undefined) render.set(name, (segments = new Map()));
    return segments;
  };
  const note: DiskFolder['note'] = (renderId, name, n, segment) => {
    const segments = segmentsOf(renderId, name);
    total += segment.bytes - (segments.get(n)?.bytes ?? 0);
    segments.set(n, segment);
  };
  for (const { renderId, rendition, n, segment } of await scan(path)) note(renderId, rendition, n, segment);
  return {
    path,
    get bytes() {
      return total;
    },
    get: (renderId, name, n) => index.get(renderId)?.get(name)?.get(n),
    held: (renderId) => index.get(renderId),
    renders: () => index.keys(),
    note,
    forget(renderId, name, n) {
      const segments = index.get(renderId)?.get(name);
      total -= segments?.get(n)?.bytes ?? 0;
      segments?.delete(n);
      if (segments?.size === 0) index.get(renderId)?.delete(name);
      if (index.get(renderId)?.size === 0) index.delete(renderId);
    },
  };
}

interface Found {
  renderId: string;
  rendition: string;
  n: number;
  segment: DiskSegment;
}

async function scan(folder: string): Promise<Found[]> {
  const found = new Map<string, Found & { writtenAt: number; path: string }>();
  for (const renderId of await foldersIn(folder)) {
    for (const rendition of await foldersIn(join(folder, renderId))) {
      const home = join(folder, renderId, rendition);
      for (const file of await readdir(home)) {
        const match = fileName.exec(file);
        if (match === null) {
          if (file.startsWith('.')) await rm(join(home, file), { force: true });
          continue;
        }
        const facts = await stat(join(home, file));
        const n = Number(match[1]);
        const key = `${renderId}/${rendition}/${n}`;
        const other = found.get(key);
        const segment = { bytes: facts.size, crc32: Number.parseInt(match[2] ?? '', 16) };
        const here = { renderId, rendition, n, segment, writtenAt: facts.mtimeMs, path: join(home, file) };
        const [first, second] =
          other !== undefined && other.writtenAt <= here.writtenAt ? [other, here] : [here, other];
        if (second !== undefined) await rm(second.path, { force: true });
        found.set(key, first);
      }
    }
  }
  return [...found.values()];
}

/** Names of the folders in a folder, without hidden ones. */
export async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((one) => one.isDirectory() && !one.name.startsWith('.')).map((one) => one.name);
}
