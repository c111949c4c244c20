import { type Dirent, type FSWatcher, openAsBlob, watch } from 'node:fs';
import { open as openFile, readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Part } from '../playlist.ts';

/** A file in a folder as it is now. */
export interface FoundFile {
  readonly size: number;
  /** Changes when the file is written anew. */
  readonly stamp: string;
  readonly inode: string;
}

/** A folder that somebody else writes. */
export interface Folder extends AsyncDisposable {
  /** Paths of all playlists below it, with `/`. */
  playlists(): Promise<string[]>;
  /** Undefined where there is none. */
  look(path: string): Promise<FoundFile | undefined>;
  /** The file, read when it is sent, or a range of it, read now; undefined where it is not there, or not all of the range. */
  open(path: string, range?: Part['range']): Promise<Blob | undefined>;
}

/** Opens a folder; `onChange` is called when a playlist below it may have changed. It need not be called for every change. */
export function watchFolder(root: string, onChange: () => void): Folder {
  let watcher: FSWatcher | undefined;
  let found: string[] = [];
  try {
    watcher = watch(root, { recursive: true }, (_, name) => {
      // A segment is written in many small steps, and matters only once a playlist lists it.
      if (name === null || /\.m3u8?$/i.test(name)) onChange();
    });
    // A folder that cannot be watched any more is still looked at from time to time.
    watcher.on('error', () => watcher?.close());
  } catch {
    watcher = undefined;
  }
  return {
    async playlists() {
      const entries = await listed(root);
      // A folder below went while it was read: what was there a moment ago is as good.
      if (entries === undefined) return found;
      found = entries
        .filter((entry) => entry.isFile() && /\.m3u8?$/i.test(entry.name))
        .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .toSorted();
      return found;
    },
    async look(path) {
      const facts = await stat(join(root, path)).catch(() => undefined);
      if (facts === undefined || !facts.isFile()) return undefined;
      const inode = String(facts.ino);
      return { size: facts.size, inode, stamp: `${inode}-${facts.size}-${facts.mtimeMs}` };
    },
    async open(path, range) {
      const file = join(root, path);
      // A blob of a file cannot be read any more once the file has grown, so a range is read at once: a segment, at the most.
      return unlessGone(() => (range === undefined ? openAsBlob(file) : readRange(file, range)));
    },
    async [Symbol.asyncDispose]() {
      watcher?.close();
    },
  };
}

async function readRange(path: string, range: NonNullable<Part['range']>): Promise<Blob | undefined> {
  await using file = await openFile(path);
  const bytes = new Uint8Array(range.length);
  const { bytesRead } = await file.read(bytes, 0, range.length, range.offset);
  return bytesRead < range.length ? undefined : new Blob([bytes]);
}

/** Everything below a folder; undefined where a part of it went meanwhile. */
async function listed(root: string): Promise<Dirent[] | undefined> {
  const entries = await unlessGone(() => readdir(root, { recursive: true, withFileTypes: true }));
  if (entries === undefined) await stat(root);
  return entries;
}

async function unlessGone<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // The last one is what openAsBlob says of any file that it cannot open.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ERR_INVALID_ARG_VALUE') return undefined;
    throw error;
  }
}
