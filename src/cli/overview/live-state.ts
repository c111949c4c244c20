import type { ServiceAccess } from '../service-access.ts';
import { type FeedMessage, follow } from './feed.ts';
import {
  type Event,
  type Node,
  type Point,
  readEvents,
  readHistory,
  type Video,
  videosNamed,
} from './service.ts';

/** What `segue top` knows. */
export interface LiveState {
  readonly nodes: readonly Node[];
  /** The busiest first. */
  readonly videos: readonly LiveVideo[];
  /** Newest first. */
  readonly events: readonly Event[];
  /** The last figures of the history. */
  readonly point: Point | undefined;
  /** Why what is shown may be old. */
  readonly broken: string | undefined;
}

/** A video, and at how many places it is watched. */
export type LiveVideo = Video & { readonly viewers: number };

/** Of the newest videos, so many are read first; so many are kept in mind, and read again. */
const most = { first: 100, kept: 1000, again: 20, events: 50 };
/** Between two looks at the history, which has a row each quarter of a minute, in milliseconds. */
const historyMs = 5000;

/** Follows the service. */
export interface LiveFollower {
  state(): LiveState;
  /** Everything was read once. */
  readonly ready: Promise<void>;
  /** Ends when the signal aborts. Throws what no further try would mend. */
  readonly ended: Promise<void>;
}

/** Begins to follow. */
export function followLive(access: ServiceAccess, signal: AbortSignal): LiveFollower {
  let nodes: readonly Node[] = [];
  let events: readonly Event[] = [];
  let point: Point | undefined;
  let pointAt = Number.NEGATIVE_INFINITY;
  let broken: string | undefined = 'connecting';
  const videos = new Map<string, Video>();
  const viewers = new Map<string, number>();
  const first = Promise.withResolvers<void>();

  const live = (video: Video): LiveVideo => ({ ...video, viewers: viewers.get(video.renderId) ?? 0 });
  const busiest = (): LiveVideo[] => [...videos.values()].map(live).sort(busierFirst);
  const keep = (rows: readonly Video[]): void => {
    for (const row of rows) videos.set(row.id, row);
    if (videos.size > most.kept) for (const { id } of busiest().slice(most.kept / 2)) videos.delete(id);
  };
  const readVideos = async (): Promise<void> => {
    keep(await videosNamed(access, '', most.first));
    for (const { id } of busiest().slice(0, most.again)) keep(await videosNamed(access, id, 1));
  };
  const readPoint = async (): Promise<void> => {
    pointAt = performance.now();
    point = (await readHistory(access)).at(-1) ?? point;
  };

  const take = async (message: FeedMessage): Promise<void> => {
    if (message.event === 'open') {
      viewers.clear();
      events = await readEvents(access, most.events);
      await Promise.all([readVideos(), readPoint()]);
      broken = undefined;
    } else if (message.event === 'nodes') {
      nodes = message.nodes;
      first.resolve();
      if (performance.now() - pointAt > historyMs) await readPoint();
    } else if (message.event === 'videos') keep(message.videos);
    else if (message.event === 'log') {
      const known = new Map([...message.events, ...events].map((event) => [event.id, event]));
      events = [...known.values()].sort((a, b) => b.id - a.id).slice(0, most.events);
    } else if (message.event === 'playheads') {
      for (const [renderId, heads] of Object.entries(message.heads))
        if (heads.length > 0) viewers.set(renderId, heads.length);
        else viewers.delete(renderId);
    } else if (message.event === 'stale') await readVideos();
    else if (message.event === 'broken') broken = message.why;
    if (message.event !== 'broken') broken = message.event === 'away' ? 'the database is away' : undefined;
  };

  const run = async (): Promise<void> => {
    for await (const message of follow(access, signal)) {
      // What cannot be read now is read after the next break, or with the next news.
      await take(message).catch((error: unknown) => {
        if (!signal.aborted) broken = error instanceof Error ? error.message : String(error);
      });
    }
  };
  return {
    state: () => ({ nodes, videos: busiest(), events, point, broken }),
    ready: first.promise,
    ended: run(),
  };
}

/** Watched most, then being rendered, then with most at risk, then newest. */
export function busierFirst(a: LiveVideo, b: LiveVideo): number {
  const isRendering = ({ holder }: LiveVideo): number => (holder === null ? 0 : 1);
  return (
    b.viewers - a.viewers ||
    isRendering(b) - isRendering(a) ||
    b.exposureSeconds - a.exposureSeconds ||
    b.createdAt.localeCompare(a.createdAt)
  );
}
