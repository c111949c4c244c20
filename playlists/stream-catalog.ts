import type { Db } from '../src/catalog/connect.ts';
import type { Ranges } from '../src/catalog/ranges.ts';
import {
  discontinuitiesBefore,
  durationsOf,
  endStream,
  newestStreams,
  type StreamHead,
  streamHead,
} from '../src/catalog/stream-lists.ts';
import {
  createStream,
  type ForeignFile,
  type ForeignSegment,
  fileOf,
  type NewStream,
  type StreamRow,
  segmentsOf,
} from '../src/catalog/streams.ts';

/** What the service needs from the catalog for foreign streams. Every call may throw while the database is away. */
export interface StreamCatalog {
  create(stream: NewStream): Promise<void>;
  head(videoId: string): Promise<StreamHead | undefined>;
  /** Segments `from` (inclusive) to `to` (exclusive) of a rendition; at most {@link mostSegments} of them. */
  segments(renderId: string, rendition: string, from: number, to?: number): Promise<ForeignSegment[]>;
  discontinuitiesBefore(renderId: string, rendition: string, n: number): Promise<number>;
  /** Microseconds that these segments last, by rendition. */
  durations(renderId: string, segments: ReadonlyMap<string, Ranges>): Promise<Map<string, number>>;
  file(renderId: string, rendition: string, name: string): Promise<ForeignFile | undefined>;
  newest(): Promise<StreamRow[]>;
  end(renderId: string): Promise<void>;
}

/** As many streams are listed to operators. */
const newest = 200;

/** The catalog's foreign streams; `within` bounds the time of a query. */
export function streamCatalog(db: Db, within: <T>(query: PromiseLike<T>) => Promise<T>): StreamCatalog {
  return {
    create: (stream) => within(createStream(db, stream)),
    head: (videoId) => within(streamHead(db, videoId)),
    segments: (renderId, rendition, from, to) => within(segmentsOf(db, renderId, rendition, from, to)),
    discontinuitiesBefore: (renderId, rendition, n) =>
      within(discontinuitiesBefore(db, renderId, rendition, n)),
    durations: (renderId, segments) => within(durationsOf(db, renderId, segments)),
    file: (renderId, rendition, name) => within(fileOf(db, renderId, rendition, name)),
    newest: () => within(newestStreams(db, newest)),
    end: (renderId) => within(endStream(db, renderId)),
  };
}
