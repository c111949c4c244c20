import { isDeepStrictEqual } from 'node:util';
import type { Catalog } from '../catalog/connect.ts';
import { type InitKey, keyFile, type SegmentKey } from '../catalog/foreign.ts';
import type { Lease } from '../catalog/leases.ts';
import { writeFile } from '../catalog/streams.ts';
import { SegueError } from '../ops/errors.ts';
import type { DiskStore } from '../store/disk.ts';
import type { Files } from './files.ts';
import { initBytes, remember } from './limits.ts';
import { type Part, partName, wholeFile } from './playlist.ts';
import { type Rendition, rowOf } from './rendition.ts';
import { contentOf, type SideKind, sideFile } from './sides.ts';
import type { SourceKey } from './source-key.ts';
import type { Spool } from './spool.ts';

/** What writing needs. */
export interface WriterParts {
  readonly catalog: Catalog;
  readonly disk: DiskStore;
  readonly spool: Spool;
}

/** Another node has the stream, or this one has let go of it. */
export const fenced = (renderId: string): SegueError =>
  new SegueError('fenced', `Stream ${renderId} is taken in by another node now`, {
    hint: 'Send it to that node, or ask again: a node lets go of a stream that is silent.',
    retryable: true,
  });

/** Writes what segments of a rendition share. */
export interface SideWriter {
  /** Number of an init segment, which is written where it is new. */
  init(map: Part): Promise<number>;
  /** A key as it is written: its file becomes one of ours. */
  key(key: SourceKey | undefined): Promise<SegmentKey | null>;
  /** What is written of an init segment's key beside the segment's own: nothing where they are the same. */
  initKey(init: number, key: SourceKey | undefined, own: SegmentKey | null): Promise<InitKey | undefined>;
}

/** A writer for one rendition. @throws SegueError `too_large`, `fenced` */
export function sideWriter(
  { catalog, spool }: WriterParts,
  lease: Lease,
  rendition: Rendition,
  files: Files,
): SideWriter {
  const { renderId } = lease;

  /** The number of a small file. It is read and compared once an upload. */
  const numberOf = async (kind: SideKind, part: Part): Promise<number> => {
    const sides = rendition.sides[kind];
    const name = partName(part);
    const upload = files.sourceOf(part);
    const known = sides.byName.get(name);
    if (known !== undefined && (upload === undefined || upload === known.upload)) return known.number;
    if (upload === undefined) throw new SegueError('internal', `The ${kind} ${name} is gone`);
    if ((part.range?.length ?? upload.bytes) > initBytes)
      throw new SegueError('too_large', `${name} has more than ${initBytes} bytes`);
    const bytes = await spool.read(upload, part.range);
    const content = contentOf(bytes);
    const number = sides.byContent.get(content) ?? (await write(kind, bytes));
    remember(sides.byContent, content, number);
    remember(sides.byName, name, { number, upload });
    return number;
  };
  const write = async (kind: SideKind, bytes: Uint8Array): Promise<number> => {
    const sides = rendition.sides[kind];
    const number = sides.next;
    // Used up even where the answer gets lost: other bytes may be there next time.
    sides.next += 1;
    const isAudio = rowOf(rendition).kind === 'audio';
    const named = kind === 'init' ? sideFile.init(number, isAudio) : sideFile.key(number);
    if (!(await writeFile(catalog.db, renderId, rendition.name, lease, { ...named, bytes })))
      throw fenced(renderId);
    return number;
  };
  const keyRow = async (key: SourceKey | undefined): Promise<SegmentKey | null> => {
    if (key === undefined) return null;
    const { path, ...row } = key;
    return path === undefined ? row : { ...row, file: keyFile(await numberOf('key', wholeFile(path))) };
  };

  return {
    init: (map) => numberOf('init', map),
    key: keyRow,
    async initKey(init, source, own) {
      // As it was listed first: the source may have written another key under that name since.
      const known = rendition.initKeys.get(init);
      const key = known === undefined ? await keyRow(source) : known;
      remember(rendition.initKeys, init, key);
      return isDeepStrictEqual(key, own) ? undefined : (key ?? { method: 'NONE' });
    },
  };
}
