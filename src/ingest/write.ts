import { isDeepStrictEqual } from 'node:util';
import type { Catalog } from '../catalog/connect.ts';
import { type InitKey, keyFile, type SegmentKey } from '../catalog/foreign.ts';
import type { Lease } from '../catalog/leases.ts';
import { admitSegments, type NewSegment, writeFile, writeRendition } from '../catalog/streams.ts';
import { SegueError } from '../ops/errors.ts';
import type { Container, Packing } from '../rendition/kind.ts';
import type { DiskStore } from '../store/disk.ts';
import { type Admitted, listed } from './admission.ts';
import { containerByName, containerOf } from './container.ts';
import { describe } from './describe.ts';
import type { Files } from './files.ts';
import { initBytes } from './limits.ts';
import { partName } from './playlist.ts';
import { probe } from './probe.ts';
import { probeBytes } from './probe-ts.ts';
import { contentOf, type Numbered, numberOf, type Rendition, sideFile } from './rendition.ts';
import type { SourceKey } from './source-key.ts';
import type { Spool, SpooledFile } from './spool.ts';

/** What writing needs. */
export interface WriterParts {
  readonly catalog: Catalog;
  readonly disk: DiskStore;
  readonly spool: Spool;
}

/** A segment that is on the disk and recorded. */
export interface WrittenSegment extends Packing {
  readonly renderId: string;
  readonly rendition: string;
  readonly n: number;
  readonly bytes: number;
  readonly durationUs: number;
  readonly discontinuity: boolean;
}

const fenced = (renderId: string): SegueError =>
  new SegueError('fenced', `Stream ${renderId} is taken in by another node now`, {
    hint: 'Send it to that node, or ask again: a node lets go of a stream that is silent.',
    retryable: true,
  });

/** Segments of one row statement: what is listed together. */
const batch = 64;

/**
 * Makes segments of uploads: bytes to the disk, then rows, then the cursor. A crash or an error in between leaves at most a file
 * that no row names, which the next try takes as it is or replaces.
 */
export async function writeSegments(
  { catalog, disk, spool }: WriterParts,
  lease: Lease,
  rendition: Rendition,
  files: Files,
  admitted: readonly Admitted[],
  onWritten: (segment: WrittenSegment) => void,
): Promise<void> {
  const { renderId } = lease;
  for (let at = 0; at < admitted.length; at += batch) {
    const rows: NewSegment[] = [];
    for (const each of admitted.slice(at, at + batch)) {
      const { segment, n } = each;
      const name = partName(segment.part);
      const file = files.get(name);
      if (file === undefined) break;
      const container = await settle({ catalog, spool }, lease, rendition, files, each, file);
      const init =
        container === 'fmp4' && segment.map !== undefined ? await side('init', partName(segment.map)) : null;
      const key = await keyRow(segment.key);
      const initKey = init === null ? undefined : await keyOfInit(init, segment.mapKey, key);
      await adopt(disk, renderId, rendition.name, n, file);
      rows.push({
        n,
        durationUs: segment.durationUs,
        discontinuity: each.discontinuity,
        init,
        key,
        programDateTime: segment.programDateTime,
        bytes: file.bytes,
        source: {
          sequence: segment.sequence,
          uri: name,
          crc32: file.crc32,
          ...(segment.map === undefined ? {} : { map: partName(segment.map) }),
          ...(segment.key?.path === undefined ? {} : { keyPath: segment.key.path }),
          ...(initKey === undefined ? {} : { initKey }),
        },
      });
    }
    if (rows.length === 0) return;
    if (!(await admitSegments(catalog.db, renderId, rendition.name, lease, rows))) throw fenced(renderId);
    for (const row of rows) {
      rendition.cursor = listed(rendition.cursor, row.source);
      files.used(row.source.uri);
      rendition.peak = Math.max(
        rendition.peak,
        row.durationUs > 100_000 ? (row.bytes * 8e6) / row.durationUs : 0,
      );
      const { kind } = rowOf(rendition);
      const { n, bytes, durationUs, discontinuity } = row;
      const container = rendition.container ?? 'mpegts';
      onWritten({
        renderId,
        rendition: rendition.name,
        kind,
        container,
        n,
        bytes,
        durationUs,
        discontinuity,
      });
    }
  }

  /** A key as it is written: its file becomes one of ours. */
  async function keyRow(key: SourceKey | undefined): Promise<SegmentKey | null> {
    if (key === undefined) return null;
    const { path, ...row } = key;
    return path === undefined ? row : { ...row, file: keyFile(await side('key', path)) };
  }

  /** What is written of an init segment's key beside the segment's own: nothing where they are the same. */
  async function keyOfInit(
    init: number,
    source: SourceKey | undefined,
    own: SegmentKey | null,
  ): Promise<InitKey | undefined> {
    // As it was listed first: the source may have written another key under that name since.
    const known = rendition.initKeys.get(init);
    const key = known === undefined ? await keyRow(source) : known;
    rendition.initKeys.set(init, key);
    return isDeepStrictEqual(key, own) ? undefined : (key ?? { method: 'NONE' });
  }

  async function side(kind: 'init' | 'key', name: string): Promise<number> {
    const numbered: Numbered = kind === 'init' ? rendition.inits : rendition.keys;
    const file = files.get(name);
    const found = numberOf(numbered, name, file);
    if (found === undefined) throw new SegueError('internal', `The ${kind} ${name} is gone`);
    const { number, isNew } = found;
    if (isNew && file !== undefined) {
      if (file.bytes > initBytes)
        throw new SegueError('too_large', `${name} has more than ${initBytes} bytes`);
      const isAudio = rowOf(rendition).kind === 'audio';
      const named = kind === 'init' ? sideFile.init(number, isAudio) : sideFile.key(number);
      const bytes = await spool.read(file);
      if (!(await writeFile(catalog.db, renderId, rendition.name, lease, { ...named, bytes })))
        throw fenced(renderId);
      numbered.byContent.set(contentOf(file), number);
    }
    numbered.byName.set(name, number);
    return number;
  }
}

/** The file as segment n. What is there of a try that wrote no row goes, unless it is this very file. */
async function adopt(
  disk: DiskStore,
  renderId: string,
  rendition: string,
  n: number,
  file: SpooledFile,
): Promise<void> {
  const left = disk.facts(renderId, rendition, n);
  if (left !== undefined && left.crc32 !== file.crc32) await disk.remove(renderId, rendition, n);
  await disk.adopt(renderId, rendition, n, file.file, { bytes: file.bytes, crc32: file.crc32 });
}

/** The row of a rendition as it would be written now. */
function rowOf(rendition: Rendition) {
  return describe(rendition.path, rendition.entry, rendition.probed, rendition.peak);
}

/** Finds out how the rendition's segments are packed, and writes its row before the first of them. */
async function settle(
  { catalog, spool }: Pick<WriterParts, 'catalog' | 'spool'>,
  lease: Lease,
  rendition: Rendition,
  files: Files,
  { segment }: Admitted,
  file: SpooledFile,
): Promise<Container> {
  const encrypted = segment.key?.method === 'AES-128';
  const shown = encrypted ? undefined : containerOf(file.head);
  const container =
    shown ?? rendition.container ?? containerByName(segment.part.path, segment.map !== undefined);
  if (rendition.container !== undefined && container !== rendition.container) {
    throw new SegueError(
      'invalid_playlist',
      `${segment.part.path} is ${container}, and the segments before it are ${rendition.container}`,
      { hint: 'A rendition keeps its container. Make a new stream for the other one.' },
    );
  }
  if (rendition.container !== undefined) return container;
  const map = segment.map && files.get(partName(segment.map));
  const init = map === undefined || map.bytes > initBytes ? undefined : await spool.read(map);
  const data = encrypted ? undefined : (await spool.read(file)).subarray(0, probeBytes);
  rendition.probed = data && probe(container, data, init);
  if (file.bytes > 0 && segment.durationUs > 0) rendition.peak = (file.bytes * 8e6) / segment.durationUs;
  await writeRow(catalog, lease, rendition, container);
  rendition.container = container;
  return container;
}

/** Writes the rendition's row, where it says something else than before. @throws SegueError `fenced` */
export async function writeRow(
  catalog: Catalog,
  lease: Lease,
  rendition: Rendition,
  container: Container,
): Promise<void> {
  const { name, position } = rendition;
  const row = { name, position, container, ...rowOf(rendition) };
  const text = JSON.stringify(row);
  if (text === rendition.written) return;
  if (!(await writeRendition(catalog.db, lease.renderId, lease, row))) throw fenced(lease.renderId);
  rendition.written = text;
}
