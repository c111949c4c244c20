import type { Lease } from '../catalog/leases.ts';
import { filesOf, foreignRenditions, lastSegments, type StreamRow } from '../catalog/streams.ts';
import { SegueError } from '../ops/errors.ts';
import { type AdvanceParts, advancer, isDue, isStuck, passes } from './advance.ts';
import type { Arrival, Bodies } from './bodies.ts';
import { streamFiles } from './files.ts';
import { isEnding, isOverlong, streamLife, warnOfOverlong } from './life.ts';
import { mostRenditions, remembered } from './limits.ts';
import { type Part, parsePlaylist, partName, type SourceMedia, type SourceMultivariant } from './playlist.ts';
import { knownRendition, namesOf, newRendition, type Rendition } from './rendition.ts';
import type { SpooledFile } from './spool.ts';
import type { WrittenSegment } from './write.ts';
import { fenced } from './write-side.ts';

/** What taking a stream in needs. */
export interface StreamParts extends AdvanceParts {
  readonly onWritten: (segment: WrittenSegment) => void;
}

/** What an upload led to. */
export interface Received {
  /** Segments that are listed because of it. */
  readonly admitted: number;
  /** Names of parts that the playlist lists and that are not here, the next first: a path, or `path@offset+length`. */
  readonly missing: readonly string[];
}

/**
 * A stream whose lease this node has. One upload is worked on after the other; one that overtook an earlier upload of the same
 * name is not undone by it. What is handed over is this stream's to remove, whatever is thrown.
 */
export interface IngestStream {
  readonly row: StreamRow;
  readonly lease: Lease;
  /** Since when nothing was uploaded, in milliseconds; 0 while something is. */
  readonly silentMs: number;
  /** Whether something is still to be done without another upload: a wait that will be given up, an end, another try. */
  readonly isBusy: boolean;
  /** Whether the source has ended it: nothing more comes. */
  readonly over: boolean;
  /** Takes a playlist in, lists what can be listed. @throws SegueError `invalid_playlist`, `stream_over`, `fenced` */
  playlist(path: string, file: SpooledFile, arrival: Arrival): Promise<Received>;
  /** Takes a file in, or a range of one. Returns how many segments are listed because of it. @throws SegueError `stream_over`, `storage_full`, `fenced` */
  file(part: Part, file: SpooledFile, arrival: Arrival): Promise<number>;
  remove(path: string): Promise<void>;
  /** What is due by the clock: giving up what never comes, ending, trying again. @throws SegueError `fenced` */
  tick(): Promise<void>;
  /** Works off what was handed over before, then takes nothing more in. */
  close(): Promise<void>;
}

const over = (): SegueError =>
  new SegueError('stream_over', 'The stream has ended: its source wrote EXT-X-ENDLIST', {
    hint: 'Make a new stream. A producer that is going to start again must not end its list (ffmpeg: -hls_flags omit_endlist).',
  });

const isFenced = (error: unknown): boolean => error instanceof SegueError && error.code === 'fenced';

/** Opens a stream where it stands: what earlier processes listed stays, what they left on the disk unlisted goes. */
export async function openStream(
  parts: StreamParts,
  row: StreamRow,
  lease: Lease,
  bodies: Bodies,
): Promise<IngestStream> {
  const { catalog, disk, spool, log, now } = parts;
  const { renderId } = row;
  const renditions = new Map<string, Rendition>();
  const files = streamFiles(spool, () => new Set([...renditions.values()].flatMap(namesOf)));
  const life = streamLife(catalog, log, row, lease);
  let multivariant: SourceMultivariant | undefined;
  let usedAt = now();
  let isClosed = false;
  let isUnsettled = false;
  let longestUs = 0;
  let queue: Promise<unknown> = Promise.resolve();

  const sides = await filesOf(catalog.db, renderId);
  for (const known of await foreignRenditions(catalog.db, renderId)) {
    const segments = await lastSegments(catalog.db, renderId, known.name, remembered);
    const own = sides.filter(({ rendition }) => rendition === known.name);
    const rendition = knownRendition(known, segments, own);
    renditions.set(rendition.path, rendition);
    for (const n of disk.held(renderId).get(known.name)?.keys() ?? []) {
      if (n >= rendition.cursor.next) await disk.remove(renderId, known.name, n);
    }
  }

  const advance = advancer(parts, lease, files, bodies, (segment) => {
    const { durationUs } = segment;
    const { targetDuration } = life;
    const isLong = isOverlong(durationUs, targetDuration);
    // Once for each that is longer than all before.
    if (isLong && targetDuration !== null && durationUs > longestUs) {
      longestUs = durationUs;
      warnOfOverlong(log, renderId, durationUs / 1e6, targetDuration);
    }
    parts.onWritten({ ...segment, isOverlong: isLong });
  });

  const enqueue = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(() => {
      if (isClosed) throw fenced(renderId);
      return work();
    });
    queue = result.catch(() => undefined);
    return result;
  };
  const silentMs = (): number => (bodies.count > 0 ? 0 : now() - usedAt);

  /** Lists what can be listed of one rendition; what goes wrong is its own trouble. */
  const goOn = async (rendition: Rendition, giveUp = false): Promise<number> => {
    try {
      const admitted = await advance(rendition, giveUp);
      rendition.trouble = undefined;
      return admitted;
    } catch (error) {
      if (rendition.trouble === undefined)
        log.warn({ renderId, rendition: rendition.name, err: error }, 'rendition does not go on');
      rendition.trouble = { passes: passes(error), since: rendition.trouble?.since ?? now() };
      if (!passes(error)) rendition.waiting = undefined;
      throw error;
    }
  };
  /** One after the other, whatever becomes of each. @throws SegueError `fenced` */
  const goOnWith = async (due: readonly Rendition[], giveUp = false): Promise<number> => {
    let admitted = 0;
    for (const rendition of due) {
      admitted += await goOn(rendition, giveUp).catch((error: unknown) => {
        if (isFenced(error)) throw error;
        return 0;
      });
    }
    return admitted;
  };
  const announced = (): Rendition[] =>
    multivariant === undefined
      ? [...renditions.values()]
      : multivariant.renditions.flatMap(({ path }) => renditions.get(path) ?? []);

  /** What every change may bring about; tried again with each tick. @throws SegueError `fenced` */
  const settle = async (): Promise<void> => {
    try {
      await life.settle(announced(), multivariant !== undefined, silentMs());
      isUnsettled = false;
      if (life.over) await files.clear();
    } catch (error) {
      if (isFenced(error)) throw error;
      if (!isUnsettled) log.warn({ renderId, err: error }, 'stream is not opened or ended yet');
      isUnsettled = true;
    }
  };

  const add = (path: string): Rendition => {
    if (renditions.size >= mostRenditions) {
      throw new SegueError('invalid_playlist', `A stream has at most ${mostRenditions} renditions`);
    }
    const index = Math.max(-1, ...[...renditions.values()].map((each) => each.index)) + 1;
    const rendition = newRendition(index, path);
    renditions.set(path, rendition);
    return rendition;
  };
  const takeMultivariant = async (list: SourceMultivariant): Promise<void> => {
    multivariant = list;
    for (const [position, entry] of list.renditions.entries()) {
      const rendition = renditions.get(entry.path) ?? (life.over ? undefined : add(entry.path));
      if (rendition === undefined) continue;
      rendition.entry = entry;
      rendition.position = position;
    }
    await goOnWith(announced());
  };
  const takeMedia = async (path: string, list: SourceMedia, order: number): Promise<Received> => {
    const none = { admitted: 0, missing: [] };
    if (list.iFramesOnly) return none;
    const known = renditions.get(path);
    if (life.over || known?.ended === true) {
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
    rendition.order = order;
    const admitted = await goOn(rendition);
    return { admitted, missing: [...(rendition.waiting?.names ?? [])] };
  };
  /** Whether a part that has come may be what a rendition waits for. */
  const wants = ({ waiting, trouble }: Rendition, { path, range }: Part): boolean => {
    if (trouble !== undefined) return true;
    const name = partName({ path, range });
    return [...(waiting?.names ?? [])].some((one) => one === name || one.startsWith(`${path}@`));
  };

  return {
    row,
    lease,
    get silentMs() {
      return silentMs();
    },
    get isBusy() {
      const all = [...renditions.values()];
      const isOwed = all.some((each) => isStuck(each) || each.trouble?.passes === true);
      return !life.over && (isUnsettled || isOwed || isEnding(announced()));
    },
    get over() {
      return life.over;
    },
    async playlist(path, file, arrival) {
      usedAt = now();
      try {
        return await enqueue(async () => {
          const list = parsePlaylist(path, (await spool.read(file)).toString());
          let received: Received = { admitted: 0, missing: [] };
          if (arrival.isOvertaken()) return received;
          if (list.type === 'multivariant') await takeMultivariant(list);
          else received = await takeMedia(path, list, arrival.order);
          await settle();
          return received;
        });
      } finally {
        usedAt = now();
        await spool.remove(file);
      }
    },
    async file(part, file, arrival) {
      usedAt = now();
      let isKept = false;
      try {
        return await enqueue(async () => {
          if (life.over) throw over();
          if (arrival.isOvertaken()) return 0;
          isKept = true;
          await files.add(partName(part), file);
          const waiting = [...renditions.values()].filter((each) => wants(each, part));
          const admitted = await goOnWith(waiting);
          if (waiting.length > 0) await settle();
          return admitted;
        });
      } finally {
        usedAt = now();
        if (!isKept) await spool.remove(file);
      }
    },
    remove: (path) => {
      usedAt = now();
      return enqueue(() => files.remove(path));
    },
    tick: () =>
      enqueue(async () => {
        const all = [...renditions.values()];
        const due = all.filter((each) => isDue(each, now()));
        await goOnWith(due, true);
        const again = all.filter(
          ({ trouble, waiting }) => trouble?.passes === true || waiting?.coming === true,
        );
        await goOnWith(again.filter((each) => !due.includes(each)));
        await settle();
      }),
    close: () =>
      enqueue(async () => {
        isClosed = true;
        await files.clear();
      }),
  };
}
