import { SegueError } from '../ops/errors.ts';
import type { Upload } from './admission.ts';
import { spoolBytes, spoolFiles } from './limits.ts';
import { type Part, partName } from './playlist.ts';
import type { Spool, SpooledFile } from './spool.ts';

/** What a producer has uploaded to one stream and no segment has used: by name, bounded in number and bytes. */
export interface Files {
  /** What is there under the name of a part. */
  get(name: string): (SpooledFile & Upload) | undefined;
  /** Keeps an upload, in place of an earlier one of that name. Makes room where it must. @throws SegueError `storage_full` */
  add(name: string, file: SpooledFile): Promise<void>;
  /** Makes files of the ranges that lie in uploads of whole files, so that every part that is there has a name. */
  cut(parts: readonly Part[]): Promise<void>;
  /** The file of that name has become a segment. */
  used(name: string): void;
  /** Forgets a file, and the ranges that were cut out of it. */
  remove(path: string): Promise<void>;
  clear(): Promise<void>;
  readonly count: number;
}

/** `listed`: the parts that playlists in force name and no segment has used; everything else goes when room is needed. */
export function streamFiles(spool: Spool, listed: () => ReadonlySet<string>): Files {
  const files = new Map<string, SpooledFile>();
  /** Ranges of a whole file that were cut out of it already. */
  const cuts = new Map<string, Set<string>>();
  let bytes = 0;

  const forget = (name: string): SpooledFile | undefined => {
    const file = files.get(name);
    if (file === undefined) return undefined;
    files.delete(name);
    bytes -= file.bytes;
    return file;
  };
  const drop = async (name: string): Promise<void> => {
    const file = forget(name);
    if (file !== undefined) await spool.remove(file);
  };
  const remove = async (path: string): Promise<void> => {
    const ranges = [...(cuts.get(path) ?? [])];
    cuts.delete(path);
    for (const name of [path, ...ranges]) await drop(name);
  };
  const makeRoom = async (wanted: number): Promise<boolean> => {
    const isRoom = (): boolean => files.size < spoolFiles && bytes + wanted <= spoolBytes;
    if (isRoom()) return true;
    const kept = listed();
    for (const name of files.keys()) {
      if (isRoom()) return true;
      if (!kept.has(name)) await remove(name);
    }
    return isRoom();
  };
  const keep = (name: string, file: SpooledFile): void => {
    files.set(name, file);
    bytes += file.bytes;
  };

  return {
    get: (name) => files.get(name),
    async add(name, file) {
      await remove(name);
      if (await makeRoom(file.bytes)) return keep(name, file);
      await spool.remove(file);
      throw new SegueError(
        'storage_full',
        `The stream has ${files.size} files of ${bytes} bytes that wait for others`,
        {
          hint: 'Upload what the playlists list first, or delete what is not needed.',
        },
      );
    },
    async cut(parts) {
      for (const part of parts) {
        const { path, range } = part;
        const name = partName(part);
        const whole = files.get(path);
        const done = cuts.get(path) ?? new Set();
        if (range === undefined || whole === undefined || done.has(name)) continue;
        if (range.offset + range.length > whole.bytes) continue;
        keep(name, await spool.cut(whole, range));
        cuts.set(path, done.add(name));
      }
    },
    used(name) {
      forget(name);
    },
    remove,
    async clear() {
      for (const name of files.keys()) await drop(name);
      cuts.clear();
    },
    get count() {
      return files.size;
    },
  };
}
