import { SegueError } from '../ops/errors.ts';
import { playlistSegments, rangeReuse, spoolBytes, spoolFiles } from './limits.ts';
import { type Part, partName } from './playlist.ts';
import type { Spool, SpooledFile } from './spool.ts';

/** What a producer has uploaded to one stream and no segment has used: by name, bounded in number and bytes. */
export interface Files {
  /** What is there under the very name of a part. */
  get(name: string): SpooledFile | undefined;
  /** The upload that a part is, or lies in. Another object once it was sent again. */
  sourceOf(part: Part): SpooledFile | undefined;
  /** Whether a part is there that no segment has used. */
  has(part: Part): boolean;
  /**
   * A part as a file of its own. Cut out of the upload that it lies in only now, when it becomes a segment: what a playlist
   * lists takes no room. @throws SegueError `invalid_playlist` where ranges overlap without end
   */
  take(part: Part): Promise<SpooledFile | undefined>;
  /** Keeps an upload, in place of an earlier one of that name. Makes room where it must. @throws SegueError `storage_full` */
  add(name: string, file: SpooledFile): Promise<void>;
  /** The file of that name has become a segment. */
  used(name: string): void;
  /** Forgets a file, and the ranges that were cut out of it. */
  remove(path: string): Promise<void>;
  clear(): Promise<void>;
}

/** Ranges that were cut out of an upload, and their bytes. */
interface Cuts {
  readonly names: Set<string>;
  bytes: number;
}

/** `listed`: the parts that playlists in force name and no segment has used; everything else goes when room is needed. */
export function streamFiles(spool: Spool, listed: () => ReadonlySet<string>): Files {
  const files = new Map<string, SpooledFile>();
  const cuts = new Map<string, Cuts>();
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
    const ranges = [...(cuts.get(path)?.names ?? [])];
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
  /** The upload of a whole file that a range lies in. */
  const wholeOf = ({ path, range }: Part): SpooledFile | undefined => {
    const whole = files.get(path);
    if (whole === undefined || range === undefined) return undefined;
    return range.offset + range.length <= whole.bytes ? whole : undefined;
  };
  const cutsOf = ({ path }: Part, whole: SpooledFile, length: number): Cuts => {
    const done = cuts.get(path) ?? { names: new Set(), bytes: 0 };
    if (done.bytes + length <= rangeReuse * whole.bytes && done.names.size < playlistSegments) return done;
    throw new SegueError('invalid_playlist', `Ranges of ${path} overlap: they have more bytes than it has`, {
      hint: `Each byte of an upload can be listed ${rangeReuse} times.`,
    });
  };

  return {
    get: (name) => files.get(name),
    sourceOf: (part) => files.get(partName(part)) ?? wholeOf(part),
    has: (part) =>
      files.has(partName(part)) ||
      (wholeOf(part) !== undefined && cuts.get(part.path)?.names.has(partName(part)) !== true),
    async take(part) {
      const name = partName(part);
      const whole = wholeOf(part);
      const own = files.get(name);
      if (own !== undefined || whole === undefined || part.range === undefined) return own;
      const done = cutsOf(part, whole, part.range.length);
      const file = await spool.cut(whole, part.range);
      done.names.add(name);
      done.bytes += file.bytes;
      cuts.set(part.path, done);
      keep(name, file);
      return file;
    },
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
    used(name) {
      forget(name);
    },
    remove,
    async clear() {
      for (const name of files.keys()) await drop(name);
      cuts.clear();
    },
  };
}
