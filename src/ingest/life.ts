import type { Catalog } from '../catalog/connect.ts';
import type { Lease } from '../catalog/leases.ts';
import { closeStream, goLive, type StreamRow, streamOfRender } from '../catalog/streams.ts';
import type { Log } from '../ops/log.ts';
import type { SourceMedia } from './playlist.ts';
import type { Rendition } from './rendition.ts';
import { fenced } from './write-side.ts';

/** When a stream opens to viewers, and when it is over. */
export interface Life {
  /** Whether nothing more comes. */
  readonly over: boolean;
  /** Seconds; null until it is fixed. */
  readonly targetDuration: number | null;
  /** Opens or ends the stream where it is time. `silentMs`: since when nothing was uploaded. @throws SegueError `fenced` */
  settle(renditions: readonly Rendition[], isAnnounced: boolean, silentMs: number): Promise<void>;
}

/** What a rendition has to have before it is listed: the playlist service does not list fewer of a list that has not ended. */
const openingSegments = 3;
/** The playlist service does not wait any longer for the other renditions when one has so many. */
const enoughSegments = 6;
/** A stream without a multivariant playlist ends so long after its last list did: another rendition may follow. In milliseconds. */
const endGraceMs = 2000;
/** Renditions that are announced, and of which nothing ever came, hold the end of all others up for so long, in milliseconds. */
const unbegunMs = 30_000;

const hasBegun = ({ cursor }: Rendition): boolean => cursor.next > 0;

/** Whether all that has begun has ended: the stream is going to end, at the latest when what is announced has been waited for. */
export const isEnding = (renditions: readonly Rendition[]): boolean => {
  const open = renditions.filter(({ ended }) => !ended);
  return open.length < renditions.length && !open.some(hasBegun);
};

/** From where the stream stands. */
export function streamLife(catalog: Catalog, log: Log, row: StreamRow, lease: Lease): Life {
  const { renderId } = row;
  let { state, targetDuration } = row;
  const isOver = (): boolean => state === 'ended' || state === 'failed';

  /** A statement that changed nothing was done before, and its answer lost, or is not ours to make any more. */
  const note = async (isChanged: boolean, next: StreamRow['state']): Promise<void> => {
    const now = isChanged ? { state: next, targetDuration } : await streamOfRender(catalog.db, renderId);
    if (now === undefined || now.state === state) throw fenced(renderId);
    ({ state, targetDuration } = now);
    log.info({ renderId, state, targetDuration }, `stream is ${state}`);
  };

  const open = async (all: readonly Rendition[], isEnd: boolean): Promise<void> => {
    if (state !== 'waiting' || !all.some(hasBegun)) return;
    const isReady = all.every(({ cursor, ended }) => cursor.next >= openingSegments || ended);
    if (!isReady && !isEnd && !all.some(({ cursor }) => cursor.next >= enoughSegments)) return;
    const target = Math.max(...all.map(targetOf));
    const isChanged = await goLive(catalog.db, renderId, lease, target);
    if (isChanged) targetDuration ??= target;
    await note(isChanged, 'live');
    const longest = Math.max(...all.map(({ longestUs }) => rounded(longestUs)));
    if (targetDuration !== null && longest > targetDuration)
      warnOfOverlong(log, renderId, longest, targetDuration);
  };

  return {
    get over() {
      return isOver();
    },
    get targetDuration() {
      return targetDuration;
    },
    async settle(all, isAnnounced, silentMs) {
      if (isOver()) return;
      const isWhole = all.every(({ ended }) => ended) && (isAnnounced || silentMs >= endGraceMs);
      const isEnd = isEnding(all) && (isWhole || silentMs >= unbegunMs);
      await open(all, isEnd);
      if (!isEnd || isOver()) return;
      const end = all.some(hasBegun)
        ? ({ state: 'ended' } as const)
        : ({ state: 'failed', failure: 'its source ended it without a segment' } as const);
      await note(await closeStream(catalog.db, renderId, lease, end), end.state);
    },
  };
}

const rounded = (durationUs: number): number => Math.round(durationUs / 1e6);

/** What a list of the rendition needs: what its source says, what it lists, and what was listed of it. */
const targetOf = ({ playlist, longestUs }: Rendition): number =>
  Math.max(1, rounded(longestUs), playlist === undefined ? 1 : longestListed(playlist));

const longestListed = ({ targetDuration, segments }: SourceMedia): number =>
  segments.reduce((most, { durationUs }) => Math.max(most, rounded(durationUs)), targetDuration);

/** Whether a segment is longer than lists may have it (RFC 8216, 4.3.3.1). */
export const isOverlong = (durationUs: number, targetDuration: number | null): boolean =>
  targetDuration !== null && rounded(durationUs) > targetDuration;

/** Says what is wrong with the segments of a stream, and what helps. */
export function warnOfOverlong(log: Log, renderId: string, seconds: number, targetDuration: number): void {
  log.warn(
    { renderId, seconds, targetDuration },
    'segments are longer than the target duration, which is fixed: players may stall. Make the stream with --target-duration',
  );
}
