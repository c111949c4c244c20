import type { Catalog } from '../catalog/connect.ts';
import type { Lease } from '../catalog/leases.ts';
import { admitSegments, type NewSegment, writeRendition } from '../catalog/streams.ts';
import { SegueError } from '../ops/errors.ts';
import type { Container, Packing } from '../rendition/kind.ts';
import type { DiskStore } from '../store/disk.ts';
import { type Admitted, listed } from './admission.ts';
import { containerByName, containerOf } from './container.ts';
import type { Files } from './files.ts';
import { initBytes } from './limits.ts';
import { partName } from './playlist.ts';
import { probe } from './probe.ts';
import { probeBytes } from './probe-ts.ts';
import { type Rendition, rowOf } from './rendition.ts';
import type { Spool, SpooledFile } from './spool.ts';
import { fenced, sideWriter, type WriterParts } from './write-side.ts';

/** A segment that is on the disk and recorded. */
export interface WrittenSegment extends Packing {
  readonly renderId: string;
  readonly rendition: string;
  readonly n: number;
  readonly bytes: number;
  readonly durationUs: number;
  readonly discontinuity: boolean;
  /** Whether it lasts longer than the target duration of its stream, which is fixed (RFC 8216, 4.3.3.1). */
  readonly isOverlong: boolean;
}

/** Most segments of one row statement: what is listed together. */
const batch = 64;

/**
 * Makes segments of uploads: bytes to the disk, then rows, then the cursor. A crash or an error in between leaves at most a file
 * that no row names, which the next try takes as it is or replaces. `onWritten` is told of each. Writes at least one, and not
 * all where they are many, where one cannot be written or an upload is listed twice: whoever calls looks again.
 */
export async function writeSegments(
  parts: WriterParts,
  lease: Lease,
  rendition: Rendition,
  files: Files,
  admitted: readonly Admitted[],
  onWritten: (segment: Omit<WrittenSegment, 'isOverlong'>) => void,
): Promise<void> {
  const { catalog, disk, spool } = parts;
  const { renderId } = lease;
  const sides = sideWriter(parts, lease, rendition, files);
  const onDisk = async (each: Admitted): Promise<NewSegment> => {
    const { segment, n } = each;
    const { map, durationUs, programDateTime } = segment;
    const uri = partName(segment.part);
    const file = await files.take(segment.part);
    if (file === undefined) throw new SegueError('internal', `${uri} is gone`);
    const container = await settle(parts, lease, rendition, files, each, file);
    const init = container === 'fmp4' && map !== undefined ? await sides.init(map) : null;
    const key = await sides.key(segment.key);
    const initKey = init === null ? undefined : await sides.initKey(init, segment.mapKey, key);
    await adopt(disk, spool, renderId, rendition.name, n, file);
    const { bytes, crc32 } = file;
    const source = {
      sequence: segment.sequence,
      uri,
      crc32,
      ...(map === undefined ? {} : { map: partName(map) }),
      ...(segment.key?.path === undefined ? {} : { keyPath: segment.key.path }),
      ...(initKey === undefined ? {} : { initKey }),
    };
    return { n, durationUs, discontinuity: each.discontinuity, init, key, programDateTime, bytes, source };
  };
  const rows = new Map<string, NewSegment>();
  for (const each of admitted.slice(0, batch)) {
    const uri = partName(each.segment.part);
    if (rows.has(uri)) break;
    try {
      rows.set(uri, await onDisk(each));
    } catch (error) {
      // What comes before it is listed all the same; it is thrown when it is the next.
      if (rows.size === 0) throw error;
      break;
    }
  }
  const written = [...rows.values()];
  if (!(await admitSegments(catalog.db, renderId, rendition.name, lease, written))) throw fenced(renderId);
  for (const { n, bytes, durationUs, discontinuity, source } of written) {
    rendition.cursor = listed(rendition.cursor, source);
    files.used(source.uri);
    rendition.peak = Math.max(rendition.peak, durationUs > 100_000 ? (bytes * 8e6) / durationUs : 0);
    rendition.longestUs = Math.max(rendition.longestUs, durationUs);
    const { kind } = rowOf(rendition);
    const { name, container = 'mpegts' } = rendition;
    onWritten({ renderId, rendition: name, kind, container, n, bytes, durationUs, discontinuity });
  }
}

/** The file as segment n. What is there of a try that wrote no row goes, unless it is this very file. */
async function adopt(
  disk: DiskStore,
  spool: Spool,
  renderId: string,
  rendition: string,
  n: number,
  file: SpooledFile,
): Promise<void> {
  const left = disk.facts(renderId, rendition, n);
  if (left !== undefined && left.crc32 !== file.crc32) await disk.remove(renderId, rendition, n);
  await disk.adopt(renderId, rendition, n, file.file, { bytes: file.bytes, crc32: file.crc32 });
  // The same bytes in another file were there already.
  if (left !== undefined) await spool.remove(file);
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
  const { map } = segment;
  const upload = map && files.sourceOf(map);
  const isSmall = (map?.range?.length ?? upload?.bytes ?? 0) <= initBytes;
  const init = upload !== undefined && isSmall ? await spool.read(upload, map?.range) : undefined;
  const shownBytes = { offset: 0, length: Math.min(file.bytes, probeBytes) };
  const data = encrypted ? undefined : await spool.read(file, shownBytes);
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
