import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import {
  type DiskFolder,
  type DiskRendition,
  type DiskSegment,
  fileNameOf,
  openDiskFolder,
} from './disk-folder.ts';
import { syncFolder, writeDurably } from './durable.ts';

/** A segment read back and found to be what was written. */
export interface VerifiedSegment {
  readonly data: Buffer<ArrayBuffer>;
  readonly crc32: number;
}

/** One file of a segment. */
export interface DiskFile extends DiskSegment {
  /** The store's folder that it is in. */
  readonly folder: string;
  readonly renderId: string;
  readonly rendition: string;
  readonly n: number;
}

/**
 * Segments of one node, as files `<folder>/<renderId>/<rendition>/<n>.<crc32>.m4s`. The checksum is part of the name, so the one
 * rename that makes a segment visible also makes its checksum durable, and a later reader can tell rot from truth.
 *
 * There may be several folders: the node's own, into which everything is written, and adopted ones, from which is read and
 * removed. A segment that several have is that of the first one, and the others are its spares.
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
  /** Reads and verifies a segment. A damaged file is removed and counts as absent; `undefined` where there is none. */
  read(renderId: string, rendition: string, n: number): Promise<VerifiedSegment | undefined>;
  /** Facts of a segment without reading it. */
  facts(renderId: string, rendition: string, n: number): DiskSegment | undefined;
  /** What is held of a render, by rendition. */
  held(renderId: string): ReadonlyMap<string, DiskRendition>;
  /** Ids of all renders with at least one segment. */
  renders(): readonly string[];
  /** Removes segments, the name first, with every spare. */
  remove(renderId: string, rendition: string, n: number): Promise<void>;
  /** Every file of a segment, the one that is read first. */
  files(renderId: string, rendition: string, n: number): readonly DiskFile[];
  /** Everything that one of the folders has, render by render. Removing what was yielded is allowed meanwhile. */
  filesIn(folder: string): Iterable<DiskFile>;
  /** Spares that have other bytes than the segment itself: one of both is wrong. */
  conflicts(): Iterable<DiskFile>;
  /** Reads a file and says whether it has the bytes that its name tells. Throws where it cannot be read for another reason. */
  isWhole(file: DiskFile): Promise<boolean>;
  /** Says whether a file is there in its length, without reading it. Throws where that cannot be told. */
  isThere(file: DiskFile): Promise<boolean>;
  /** Removes one file of a segment; its next spare takes its place. False where that has been done already. */
  discard(file: DiskFile): Promise<boolean>;
  /** Bytes of all segments, spares included. */
  readonly bytes: number;
  /** The same without those of adopted folders, which are on other disks. */
  readonly ownBytes: number;
}

/** Opens the folders, of which only the first is made where it is not there, and lists what they hold: {@link openDiskFolder}. */
export async function openDiskStore(folder: string, adopted: readonly string[] = []): Promise<DiskStore> {
  await mkdir(folder, { recursive: true });
  const own = await openDiskFolder(folder);
  const folders = [own];
  for (const path of adopted) folders.push(await openDiskFolder(path));

  const facts: DiskStore['facts'] = (renderId, name, n) => {
    for (const one of folders) {
      const segment = one.get(renderId, name, n);
      if (segment !== undefined) return segment;
    }
    return undefined;
  };
  const files: DiskStore['files'] = (renderId, rendition, n) =>
    folders.flatMap((one) => {
      const segment = one.get(renderId, rendition, n);
      return segment === undefined ? [] : [{ ...segment, folder: one.path, renderId, rendition, n }];
    });
  const discard: DiskStore['discard'] = async (file) => {
    const { renderId, rendition, n } = file;
    const home = folders.find(({ path }) => path === file.folder);
    if (home?.get(renderId, rendition, n)?.crc32 !== file.crc32) return false;
    home.forget(renderId, rendition, n);
    await removeFile(pathOf(file));
    return true;
  };
  const remove: DiskStore['remove'] = async (renderId, name, n) => {
    for (const file of files(renderId, name, n)) await discard(file);
  };

  return {
    async put(renderId, name, n, data) {
      const segment = { bytes: data.byteLength, crc32: crc32(data) };
      const home = join(folder, renderId, name);
      await mkdir(home, { recursive: true });
      const before = facts(renderId, name, n);
      await writeDurably(home, fileNameOf(n, segment), data);
      // Made again with other bytes (it should not be): the one that was listed first stays the truth.
      if (before !== undefined && before.crc32 !== segment.crc32) {
        await rm(join(home, fileNameOf(n, segment)), { force: true });
        return before;
      }
      own.note(renderId, name, n, segment);
      return segment;
    },
    async adopt(renderId, name, n, file, { bytes, crc32: crc }) {
      const segment = { bytes, crc32: crc };
      const home = join(folder, renderId, name);
      const before = facts(renderId, name, n);
      if (before !== undefined) return before;
      await mkdir(home, { recursive: true });
      await rename(file, join(home, fileNameOf(n, segment)));
      await syncFolder(home);
      own.note(renderId, name, n, segment);
      return segment;
    },
    async read(renderId, name, n) {
      for (const file of files(renderId, name, n)) {
        const data = await wholeData(file);
        if (data !== undefined) return { data, crc32: file.crc32 };
        await discard(file);
      }
      return undefined;
    },
    facts,
    held(renderId) {
      const all = folders.map((one) => one.held(renderId)).filter((held) => held !== undefined);
      return all.length > 1 ? merged(all) : (all[0] ?? new Map<string, DiskRendition>());
    },
    renders: () => [...new Set(folders.flatMap((one) => [...one.renders()]))],
    remove,
    files,
    *filesIn(path) {
      const home = folders.find((one) => one.path === path);
      if (home !== undefined) yield* filesOf(home);
    },
    *conflicts() {
      for (const one of folders.slice(1)) {
        for (const file of filesOf(one)) {
          if (facts(file.renderId, file.rendition, file.n)?.crc32 !== file.crc32) yield file;
        }
      }
    },
    isWhole: async (file) => (await wholeData(file)) !== undefined,
    isThere: async (file) => (await stat(pathOf(file)).catch(absentOrThrow))?.size === file.bytes,
    discard,
    get bytes() {
      return folders.reduce((sum, one) => sum + one.bytes, 0);
    },
    get ownBytes() {
      return own.bytes;
    },
  };
}

function* filesOf(home: DiskFolder): Generator<DiskFile> {
  for (const renderId of home.renders()) {
    for (const [rendition, segments] of home.held(renderId) ?? []) {
      for (const [n, segment] of segments) yield { ...segment, folder: home.path, renderId, rendition, n };
    }
  }
}

/** What several folders have of one render: of the same segment, what the first has. */
function merged(all: readonly ReadonlyMap<string, DiskRendition>[]): ReadonlyMap<string, DiskRendition> {
  const result = new Map<string, Map<number, DiskSegment>>();
  for (const [name, segments] of all.toReversed().flatMap((held) => [...held])) {
    result.set(name, new Map([...(result.get(name) ?? []), ...segments]));
  }
  return result;
}

const pathOf = (file: DiskFile): string =>
  join(file.folder, file.renderId, file.rendition, fileNameOf(file.n, file));

/** The bytes of a file; undefined where it is missing or damaged. */
async function wholeData(file: DiskFile): Promise<Buffer<ArrayBuffer> | undefined> {
  const data = await readFile(pathOf(file)).catch(absentOrThrow);
  return data?.byteLength === file.bytes && crc32(data) === file.crc32 ? data : undefined;
}

/** A missing file or a bad sector is damage; too many open files or a lack of memory says nothing about the segment. */
function absentOrThrow(error: unknown): undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'EIO') return undefined;
  throw error;
}

/** A disk that fails turns read-only: what cannot be removed from it is forgotten, which is enough for as long as it serves. */
async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true }).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'EIO' && code !== 'EROFS') throw error;
  });
}
