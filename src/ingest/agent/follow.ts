import type { SegueError } from '../../ops/errors.ts';
import type { Delivery } from './deliver.ts';
import type { Folder } from './folder.ts';
import { type FollowedList, followList } from './list.ts';

/** How far a folder is delivered. */
export interface FollowProgress {
  /** Segments that nodes listed because of us. */
  readonly segments: number;
  readonly bytes: number;
  /** Media playlists that were read, and how many of them had ended and were delivered. */
  readonly playlists: number;
  readonly ended: number;
}

/** Follows the playlists in a folder. */
export interface Following {
  /**
   * Delivers what has changed since the last step: what a playlist lists, then the playlist. A file counts as complete when a
   * playlist lists it. `last`: nothing is written any more, so what cannot be read is broken. What is wrong with one playlist is
   * told, and the others go on. @throws SegueError where nothing can be delivered any more
   */
  step(signal: AbortSignal, last?: boolean): Promise<FollowProgress>;
  /** Whether every media playlist has ended, and is delivered or never will be. */
  readonly done: boolean;
  /** Whether a playlist has ended and nodes still wait for files of it: they give up what never comes. */
  readonly awaited: boolean;
  /** Whether something of what was listed is not delivered. */
  readonly failed: boolean;
}

/** How a folder is followed. */
export interface FollowOptions {
  /** Called with what is wrong with one playlist, or with what it lists. */
  readonly onProblem?: (problem: SegueError) => void;
  /** Monotonic clock in milliseconds. */
  readonly now?: () => number;
}

const hasEnded = ({ media }: FollowedList): boolean => media?.ended === true;

/** Follows a folder from now on; what its nodes have already is not sent again. */
export function followFolder(folder: Folder, delivery: Delivery, options: FollowOptions = {}): Following {
  const { onProblem = () => undefined, now = () => performance.now() } = options;
  const lists = new Map<string, FollowedList>();
  let segments = 0;
  let bytes = 0;
  const onDelivered = (moreSegments: number, moreBytes: number): void => {
    segments += moreSegments;
    bytes += moreBytes;
  };
  const listAt = (path: string): FollowedList => {
    const known = lists.get(path) ?? followList(path, { folder, delivery, now, onDelivered, onProblem });
    lists.set(path, known);
    return known;
  };
  const media = (): FollowedList[] => [...lists.values()].filter((list) => list.media !== undefined);

  /** A stream that somebody has ended takes nothing more, whatever is written. */
  const refuseOver = (): void => {
    const open = media().filter((list) => !(hasEnded(list) && list.complete));
    if (open.length === 0 || open.some(({ failure }) => failure?.code !== 'stream_over')) return;
    throw open[0]?.failure as SegueError;
  };

  return {
    async step(signal, last = false) {
      for (const path of await folder.playlists()) await listAt(path).step(signal, last);
      refuseOver();
      const all = media();
      const ended = all.filter((list) => hasEnded(list) && list.complete).length;
      return { segments, bytes, playlists: all.length, ended };
    },
    get done() {
      const isSettled = (list: FollowedList): boolean =>
        list.failure !== undefined || (list.media === undefined ? !list.unread : list.complete);
      return media().length > 0 && media().every(hasEnded) && [...lists.values()].every(isSettled);
    },
    get awaited() {
      return media().some((list) => hasEnded(list) && !list.complete && list.failure === undefined);
    },
    get failed() {
      return [...lists.values()].some(({ failure, lossy }) => lossy || failure !== undefined);
    },
  };
}
