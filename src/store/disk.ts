import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/** One segment on disk. */
export interface DiskSegment {
  readonly bytes: number;
  /** CRC-32 (ISO 3309, as in zlib) of the whole segment. */
  readonly crc32: number;
}

/** A segment read back and found to be what was written. */
export interface VerifiedSegment {
  readonly data: Buffer<ArrayBuffer>;
  readonly crc32: number;
}

/** What a rendition has on disk: segment number -> facts. */
export type DiskRendition = ReadonlyMap<number, DiskSegment>;

/**
 * Segments of one node, as files `<folder>/<renderId>/<rendition>/<n>.<crc32>.m4s`. The checksum is part of the name, so the one
 * rename that makes a segment visible also makes its checksum durable, and a later reader can tell rot from truth.
 */
export interface DiskStore {
  /** Writes a segment: temporary name, fsync, rename, fsync of the folder. Returns when it is durable. */
  put(renderId: string, rendition: string, n: number, data: Uint8Array): Promise<DiskSegment>;
  /**
   * Takes a file in as a segment by renaming it: it has to be durable, to have these facts, and to be on the same file system.
   * As with {@link put}, other bytes that are there already stay.
   */
  adopt(
    renderId: string,
    rendition: string,
    n: number,
    file: string,
    facts: DiskSegment,
  ): Promise<DiskSegment>;
  /** Reads and verifies a segment. A damaged one is removed and counts as absent; `undefined` where there is none. */
  read(renderId: string, rendition: string, n: number): Promise<VerifiedSegment | undefined>;
  /** Facts of a segment without reading it. */
  facts(renderId: string, rendition: string, n: number): DiskSegment | undefined;
  /** What is held of a render, by rendition. */
  held(renderId: string): ReadonlyMap<string, DiskRendition>;
  /** Ids of all renders with at least one segment. */
  renders(): readonly string[];
  /** Removes segments, the name first. */
  remove(renderId: string, rendition: string, n: number): Promise<void>;
  /** Bytes of all segments. */
  readonly bytes: number;
}

const fileName = /^(\d{1,7})\.([0-9a-f]{8})\.m4s$/;

type Index = Map<string, Map<string, Map<number, DiskSegment>>>;

/**
 * Opens the folder and lists what it holds. Temporary files of a process that died are removed: they were never visible.
 * Two files for one n (different bytes) cannot both be right: the older one, which may have been listed and copied, stays the
 * truth, and the newer one is removed.
 */
export async function openDiskStore(folder: string): Promise<DiskStore> {
  await mkdir(folder, { recursive: true });
  const index: Index = new Map();
  let total = 0;

  const rendition = (renderId: string, name: string): Map<number, DiskSegment> => {
    let render = index.get(renderId);
    if (render === undefined) index.set(renderId, (render = new Map()));
    let segments = render.get(name);
    if (segments === undefined) render.set(name, (segments = new Map()));
    return segments;
  };
  const note = (renderId: string, name: string, n: number, segment: DiskSegment): void => {
    const segments = rendition(renderId, name);
    total += segment.bytes - (segments.get(n)?.bytes ?? 0);
    segments.set(n, segment);
  };
  const forget = (renderId: string, name: string, n: number): void => {
    const segments = index.get(renderId)?.get(name);
    total -= segments?.get(n)?.bytes ?? 0;
    segments?.delete(n);
    if (segments?.size === 0) index.get(renderId)?.delete(name);
    if (index.get(renderId)?.size === 0) index.delete(renderId);
  };
  const pathOf = (renderId: string, name: string, n: number, segment: DiskSegment): string =>
    join(folder, renderId, name, `${n}.${hex(segment.crc32)}.m4s`);

  for (const found of await scan(folder)) note(found.renderId, found.rendition, found.n, found.segment);

  const remove = async (renderId: string, name: string, n: number): Promise<void> => {
    const segment = index.get(renderId)?.get(name)?.get(n);
    if (segment === undefined) return;
    forget(renderId, name, n);
    await rm(pathOf(renderId, name, n, segment), { force: true });
  };

  return {
    async put(renderId, name, n, data) {
      const segment = { bytes: data.byteLength, crc32: crc32(data) };
      const home = join(folder, renderId, name);
      await mkdir(home, { recursive: true });
      const before = index.get(renderId)?.get(name)?.get(n);
      await writeDurably(home, `${n}.${hex(segment.crc32)}.m4s`, data);
      // Made again with other bytes (it should not be): the one that was listed first stays the truth.
      if (before !== undefined && before.crc32 !== segment.crc32) {
        await rm(pathOf(renderId, name, n, segment), { force: true });
        return before;
      }
      note(renderId, name, n, segment);
      return segment;
    },
    async adopt(renderId, name, n, file, { bytes, crc32: crc }) {
      const segment = { bytes, crc32: crc };
      const home = join(folder, renderId, name);
      const before = index.get(renderId)?.get(name)?.get(n);
      if (before !== undefined) return before;
      await mkdir(home, { recursive: true });
      await rename(file, join(home, `${n}.${hex(crc)}.m4s`));
      await syncFolder(home);
      note(renderId, name, n, segment);
      return segment;
    },
    async read(renderId, name, n) {
      const segment = index.get(renderId)?.get(name)?.get(n);
      if (segment === undefined) return undefined;
      const data = await readFile(pathOf(renderId, name, n, segment)).catch(absentOrThrow);
      if (data !== undefined && data.byteLength === segment.bytes && crc32(data) === segment.crc32) {
        return { data, crc32: segment.crc32 };
      }
      await remove(renderId, name, n);
      return undefined;
    },
    facts: (renderId, name, n) => index.get(renderId)?.get(name)?.get(n),
    held: (renderId) => index.get(renderId) ?? new Map<string, DiskRendition>(),
    renders: () => [...index.keys()],
    remove,
    get bytes() {
      return total;
    },
  };
}

/** A missing file or a bad sector is damage; too many open files or a lack of memory says nothing about the segment. */
function absentOrThrow(error: unknown): undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'EIO') return undefined;
  throw error;
}

const hex = (crc: number): string => crc.toString(16).padStart(8, '0');

async function writeDurably(folder: string, name: string, data: Uint8Array): Promise<void> {
  const temporary = join(folder, `.${name}.${randomUUID()}`);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(data);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** A rename is durable only once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

interface Found {
  renderId: string;
  rendition: string;
  n: number;
  segment: DiskSegment;
}

async function scan(folder: string): Promise<Found[]> {
  const found = new Map<string, Found & { writtenAt: number; path: string }>();
  for (const renderId of await folders(folder)) {
    for (const rendition of await folders(join(folder, renderId))) {
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

async function folders(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
