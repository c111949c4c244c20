import type { Db } from '../../src/catalog/connect.ts';
import { type EventRow, eventsAfter, newestEvents } from '../../src/catalog/events.ts';
import { type HistoryPoint, historyOf } from '../../src/catalog/history.ts';
import {
  type ListedVideo,
  type ListPosition,
  listVideos,
  rendersSince,
  videosOfRenders,
  watchedLeases,
} from '../../src/catalog/video-list.ts';
import { watchedMs } from './playheads.ts';

/** What operators' overviews need from the catalog. Every call may throw while the database is away. */
export interface OverviewCatalog {
  /** Newest first. */
  videos(
    limit: number,
    from: { readonly after?: ListPosition; readonly idPrefix?: string },
  ): Promise<ListedVideo[]>;
  videosOfRenders(renderIds: readonly string[]): Promise<ListedVideo[]>;
  /** Made since this moment, in microseconds since 1970; oldest first. */
  rendersSince(sinceUs: number): Promise<ListPosition[]>;
  /** Where nodes say that viewers are. */
  watched(): Promise<{ readonly renderId: string; readonly playhead: number }[]>;
  /** Newest first. */
  events(limit: number, before?: number): Promise<EventRow[]>;
  eventsAfter(id: number): Promise<EventRow[]>;
  history(hours: number, stepSeconds: number): Promise<HistoryPoint[]>;
}

/** As much is asked for at once. */
const most = { renders: 500, watched: 5000, events: 500 };

/** The catalog's overviews; `within` bounds the time of a query. */
export function overviewCatalog(db: Db, within: <T>(query: PromiseLike<T>) => Promise<T>): OverviewCatalog {
  return {
    videos: (limit, from) => within(listVideos(db, limit, from)),
    videosOfRenders: (renderIds) => within(videosOfRenders(db, renderIds)),
    rendersSince: (sinceUs) => within(rendersSince(db, sinceUs, most.renders)),
    watched: () => within(watchedLeases(db, watchedMs / 1000, most.watched)),
    events: (limit, before) => within(newestEvents(db, limit, before)),
    eventsAfter: (id) => within(eventsAfter(db, id, most.events)),
    history: (hours, stepSeconds) => within(historyOf(db, hours, stepSeconds)),
  };
}
