import { type FSWatcher, openAsBlob, watch } from 'node:fs';
import { open as openFile, readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

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
  /** The file, read when it is sent, or a range of it, read now. */
  open(path: string, range?: { readonly offset: number; readonly length: number }): Promise<Blob>;
}

/** Opens a folder; `onChange` is called when a playlist below it may have changed. It need not be called for every change. */
export function watchFolder(root: string, onChange: () => void): Folder {
  let watcher: FSWatcher | undefined;
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
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile() && /\.m3u8?$/i.test(entry.name))
        .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .toSorted();
    },
    async look(path) {
      const facts = await stat(join(root, path)).catch(() => undefined);
      if (facts === undefined || !facts.isFile()) return undefined;
      const inode = String(facts.ino);
      return { size: facts.size, inode, stamp: `${inode}-${facts.size}-${facts.mtimeMs}` };
    },
    async open(path, range) {
      if (range === undefined) return openAsBlob(join(root, path));
      // A blob of a file cannot be read any more once the file has grown, so a range is read at once: a segment, at the most.
      await using file = await openFile(join(root, path));
      const bytes = new Uint8Array(range.length);
      const { bytesRead } = await file.read(bytes, 0, range.length, range.offset);
      return new Blob([bytes.subarray(0, bytesRead)]);
    },
    async [Symbol.asyncDispose]() {
      watcher?.close();
    },
  };
}
