import { crc32 } from 'node:zlib';
import type { Lease } from '../catalog/leases.ts';
import {
  closeStream,
  endRendition,
  filesOf,
  foreignRenditions,
  goLive,
  lastSegments,
  type StreamRow,
} from '../catalog/streams.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import { type AtHand, admit } from './admission.ts';
import { streamFiles } from './files.ts';
import { mostRenditions, remembered } from './limits.ts';
import { type Part, parsePlaylist, partName, type SourceMedia, type SourceMultivariant } from './playlist.ts';
import { knownRendition, newRendition, type Rendition } from './rendition.ts';
import type { SpooledFile } from './spool.ts';
import { type WriterParts, type WrittenSegment, writeRow, writeSegments } from './write.ts';

/** What taking a stream in needs. */
export interface StreamParts extends WriterParts {
  readonly log: Log;
  /** Monotonic clock in milliseconds. */
  readonly now: () => number;
  readonly onWritten: (segment: WrittenSegment) => void;
  /** Segments that were passed over because their bytes never came. */
  readonly onSkipped: (count: number) => void;
}

/** What an upload led to. */
export interface Received {
  /** Segments that are listed because of it. */
  readonly admitted: number;
  /** Names of parts that the playlist lists and that are not here, the next first: a path, or `path@offset+length`. */
  readonly missing: readonly string[];
}

/**
 * A stream whose lease this node has. One upload is worked on after the other. `order` grows with the time at which an upload
 * began: one that overtook an earlier upload of the same name is not undone by it.
 */
export interface IngestStream {
  readonly row: StreamRow;
  readonly lease: Lease;
  /** When something was last uploaded (monotonic milliseconds). */
  readonly usedAt: number;
  /** Whether the source has ended it: nothing more comes. */
  readonly over: boolean;
  /** Takes a playlist in, lists what can be listed. @throws SegueError `invalid_playlist`, `stream_over`, `fenced` */
  playlist(path: string, text: string, order: number): Promise<Received>;
  /** Takes a file in, or a range of one. Returns how many segments are listed because of it. @throws SegueError `stream_over`, `storage_full` */
  file(part: Part, file: SpooledFile, order: number): Promise<number>;
  remove(path: string): Promise<void>;
  /** What is due by the clock: giving up what never comes, ending, trying again. */
  tick(): Promise<void>;
  close(): Promise<void>;
}

/** How long listed bytes are waited for: after later ones have come, and at the end of a list, in milliseconds. */
const overtakenMs = 10_000;
const endedMs = 30_000;
/** A stream without a multivariant playlist ends so long after its last list did: another rendition may follow. */
const endGraceMs = 2000;
/** A rendition that has not begun holds the opening up until another one has this many segments. */
const openingSegments = 3;

const over = (): SegueError =>
  new SegueError('stream_over', 'The stream has ended: its source wrote EXT-X-ENDLIST', {
    hint: 'Make a new stream. A producer that is going to start again must not end its list (ffmpeg: -hls_flags omit_endlist).',
  });

/** Opens a stream where it stands: what earlier processes listed stays, what they left on the disk unlisted goes. */
export async function openStream(parts: StreamParts, row: StreamRow, lease: Lease): Promise<IngestStream> {
  const { catalog, disk, log, now } = parts;
  const { renderId } = row;
  const renditions = new Map<string, Rendition>();
  const files = streamFiles(parts.spool, () => new Set([...renditions.values()].flatMap(names)));
  let multivariant: SourceMultivariant | undefined;
  let isLive = row.state !== 'waiting';
  let isOver = row.state === 'ended' || row.state === 'failed';
  let usedAt = now();
  let dirty = false;
  let queue: Promise<unknown> = Promise.resolve();
  const newest = new Map<string, number>();

  const sides = await filesOf(catalog.db, renderId);
  for (const known of await foreignRenditions(catalog.db, renderId)) {
    const segments = await lastSegments(catalog.db, renderId, known.name, remembered);
    const own = sides.filter(({ rendition }) => rendition === known.name);
    const rendition = knownRendition(known, segments, own, (bytes) => crc32(bytes));
    renditions.set(rendition.path, rendition);
    for (const n of disk.held(renderId).get(known.name)?.keys() ?? []) {
      if (n >= rendition.cursor.next) await disk.remove(renderId, known.name, n);
    }
  }

  const enqueue = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  };
  /** Whether a later upload of that name has been worked on already. */
  const isOvertaken = (name: string, order: number): boolean => {
    if ((newest.get(name) ?? 0) > order) return true;
    newest.delete(name);
    newest.set(name, order);
    for (const oldest of newest.keys()) {
      if (newest.size <= remembered) break;
      newest.delete(oldest);
    }
    return false;
  };
  const atHand = (rendition: Rendition): AtHand => ({
    upload: (name) => files.get(name),
    side: (name) =>
      files.get(name) !== undefined || rendition.inits.byName.has(name) || rendition.keys.byName.has(name),
  });

  /** Lists what can be listed of one rendition now. */
  const advance = async (rendition: Rendition, giveUp = false): Promise<number> => {
    const { playlist } = rendition;
    if (playlist === undefined || rendition.ended) return 0;
    await files.cut(rangesOf(playlist, rendition));
    const first = rendition.cursor.next;
    let plan = admit(playlist, rendition.cursor, atHand(rendition), giveUp);
    while (plan.admitted.length > 0) {
      if (plan.skipped > 0) {
        log.warn(
          { renderId, rendition: rendition.name, skipped: plan.skipped },
          'segments never came: passed over',
        );
        parts.onSkipped(plan.skipped);
      }
      await writeSegments(parts, lease, rendition, files, plan.admitted, parts.onWritten);
      plan = admit(playlist, rendition.cursor, atHand(rendition), giveUp);
    }
    const key = plan.missing[0];
    const before = rendition.waiting;
    const same =
      before !== undefined &&
      key !== undefined &&
      [...before.names][0] === key &&
      before.overtaken === plan.overtaken;
    rendition.waiting =
      key === undefined
        ? undefined
        : { names: new Set(plan.missing), overtaken: plan.overtaken, since: same ? before.since : now() };
    if (rendition.container !== undefined) await writeRow(catalog, lease, rendition, rendition.container);
    if (plan.ended && rendition.cursor.next > 0) {
      await endRendition(catalog.db, renderId, rendition.name, lease);
      rendition.ended = true;
      log.info({ renderId, rendition: rendition.name, segments: rendition.cursor.next }, 'rendition ended');
    }
    return rendition.cursor.next - first;
  };

  const announced = (): Rendition[] =>
    multivariant === undefined
      ? [...renditions.values()]
      : multivariant.renditions.flatMap(({ path }) => renditions.get(path) ?? []);

  const open = async (): Promise<void> => {
    if (isLive) return;
    const all = announced();
    const begun = all.filter(({ cursor }) => cursor.next > 0);
    if (begun.length === 0) return;
    if (begun.length < all.length && !begun.some(({ cursor }) => cursor.next >= openingSegments)) return;
    const target = Math.max(...all.map(({ playlist }) => (playlist === undefined ? 1 : targetOf(playlist))));
    isLive = (await goLive(catalog.db, renderId, lease, target)) || isLive;
    if (isLive) log.info({ renderId, targetDuration: target, renditions: all.length }, 'stream is live');
  };

  const end = async (): Promise<void> => {
    const all = announced();
    if (isOver || all.length === 0 || all.some(({ ended }) => !ended)) return;
    if (multivariant === undefined && now() - usedAt < endGraceMs) return;
    isLive = true;
    isOver = true;
    if (!(await closeStream(catalog.db, renderId, lease, { state: 'ended' }))) return;
    log.info({ renderId }, 'stream ended');
    await files.clear();
  };

  /** What every change may bring about. */
  const settle = async (): Promise<void> => {
    await open();
    await end();
  };

  const takeMultivariant = async (list: SourceMultivariant): Promise<void> => {
    multivariant = list;
    for (const [position, entry] of list.renditions.entries()) {
      const rendition = renditions.get(entry.path) ?? (isOver ? undefined : add(entry.path));
      if (rendition === undefined) continue;
      rendition.entry = entry;
      rendition.position = position;
      if (rendition.container !== undefined) await writeRow(catalog, lease, rendition, rendition.container);
    }
  };
  const add = (path: string): Rendition => {
    if (renditions.size >= mostRenditions) {
      throw new SegueError('invalid_playlist', `A stream has at most ${mostRenditions} renditions`);
    }
    const index = Math.max(-1, ...[...renditions.values()].map((each) => each.index)) + 1;
    const rendition = newRendition(index, path, undefined);
    renditions.set(path, rendition);
    return rendition;
  };

  const takeMedia = async (path: string, list: SourceMedia): Promise<Received> => {
    const none = { admitted: 0, missing: [] };
    if (list.iFramesOnly) return none;
    const known = renditions.get(path);
    if (isOver || known?.ended === true) {
      // A list that says the same again is no harm; one that goes on is.
      if (list.ended) return none;
      throw over();
    }
    if (known === undefined && multivariant !== undefined) {
      log.warn({ renderId, playlist: path }, 'the multivariant playlist does not list this one: passed over');
      return none;
    }
    const rendition = known ?? add(path);
    rendition.playlist = list;
    const admitted = await advance(rendition);
    return { admitted, missing: [...(rendition.waiting?.names ?? [])] };
  };

  const retry = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
      dirty = false;
    } catch (error) {
      if (!dirty) log.warn({ renderId, err: error }, 'stream does not go on');
      dirty = true;
    }
  };

  return {
    row,
    lease,
    get usedAt() {
      return usedAt;
    },
    get over() {
      return isOver;
    },
    playlist: (path, text, order) => {
      usedAt = now();
      return enqueue(async () => {
        const list = parsePlaylist(path, text);
        let received: Received = { admitted: 0, missing: [] };
        if (isOvertaken(path, order)) return received;
        if (list.type === 'multivariant') await takeMultivariant(list);
        else received = await takeMedia(path, list);
        await settle();
        return received;
      });
    },
    file: (part, file, order) => {
      usedAt = now();
      return enqueue(async () => {
        if (isOver) {
          await parts.spool.remove(file);
          throw over();
        }
        const name = partName(part);
        if (isOvertaken(name, order)) {
          await parts.spool.remove(file);
          return 0;
        }
        await files.add(name, file);
        const waiting = [...renditions.values()].filter(
          (each) =>
            each.waiting !== undefined &&
            [...each.waiting.names].some((one) => one === name || one.startsWith(`${part.path}@`)),
        );
        let admitted = 0;
        await retry(async () => {
          for (const rendition of waiting) admitted += await advance(rendition);
          if (waiting.length > 0) await settle();
        });
        return admitted;
      });
    },
    remove: (path) => {
      usedAt = now();
      return enqueue(async () => {
        await files.remove(path);
      });
    },
    tick: () =>
      enqueue(() =>
        retry(async () => {
          for (const rendition of renditions.values()) {
            const { waiting, playlist } = rendition;
            const patience = waiting?.overtaken === true ? patienceMs(playlist) : endedMs;
            const isStuck = waiting !== undefined && (waiting.overtaken || playlist?.ended === true);
            if (isStuck && now() - waiting.since >= patience) await advance(rendition, true);
            else if (dirty) await advance(rendition);
          }
          await settle();
        }),
      ),
    close: () => enqueue(() => files.clear()),
  };
}

/** Names that a rendition's playlist waits for or may come to. */
function names({ playlist, cursor }: Rendition): string[] {
  const all = playlist?.segments ?? [];
  return all.flatMap(({ part, map, mapKey, key }) => [
    ...(cursor.known.has(partName(part)) ? [] : [partName(part), part.path]),
    ...(map === undefined ? [] : [partName(map), map.path]),
    ...[mapKey, key].flatMap((each) => (each?.path === undefined ? [] : [each.path])),
  ]);
}

/** Ranges that the playlist lists and no segment has used yet. */
function rangesOf({ segments }: SourceMedia, { cursor }: Rendition): Part[] {
  return segments.flatMap(({ part, map }) => [
    ...(part.range === undefined || cursor.known.has(partName(part)) ? [] : [part]),
    ...(map?.range === undefined ? [] : [map]),
  ]);
}

const targetOf = ({ targetDuration, segments }: SourceMedia): number =>
  segments.reduce((most, { durationUs }) => Math.max(most, Math.round(durationUs / 1e6)), targetDuration);

const patienceMs = (playlist: SourceMedia | undefined): number =>
  Math.max(overtakenMs, 3000 * (playlist?.targetDuration ?? 0));
