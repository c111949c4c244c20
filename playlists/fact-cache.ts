import { LRUCache } from 'lru-cache';
import type { CopyRow } from '../src/catalog/copies.ts';
import type { Location } from '../src/catalog/locate.ts';
import type { StreamHead } from '../src/catalog/stream-lists.ts';
import type { SubtitleTrack } from '../src/description/subtitles.ts';
import type { Rates } from '../src/hls/rates.ts';
import { bytesOf, type ListedSegments } from './line-chunks.ts';
import type { RenderFacts } from './render-facts.ts';

/**
 * The last known facts, each kind bounded by a number of entries or bytes. They are asked again each time the catalog is there; what
 * is remembered keeps known streams going while it is away. Plain data only, so that Workers may share it between requests.
 */
export interface FactCache {
  /** By `videoId` (newest) and `videoId~generation`. */
  readonly renders: LRUCache<string, RenderFacts>;
  /** Init segments by `renderId/rendition`. Set once, never changed. */
  readonly inits: LRUCache<string, Uint8Array<ArrayBuffer>>;
  readonly copies: LRUCache<string, CopyRow[]>;
  /** Measured rates by `renderId/rendition`, once it is completely made. */
  readonly rates: LRUCache<string, Rates>;
  /** Subtitles by `renderId`, bounded by the length of their text. */
  readonly subtitles: LRUCache<string, readonly SubtitleTrack[]>;
  /** By `renderId/rendition/n`. */
  readonly locations: LRUCache<string, Location>;
  /** By `renderId`: who had the last segment that was looked up, and the lease. While the catalog is away they are likely to have the next. */
  readonly holders: LRUCache<string, Location>;
  /** Most segments ever listed in an EVENT playlist, by `renderId/rendition`: a listed line never goes away. */
  readonly listed: LRUCache<string, number>;
  /** Foreign streams by their id. */
  readonly streams: LRUCache<string, StreamHead>;
  /** Listed segments of a foreign stream by `renderId/rendition`, bounded by their memory. */
  readonly streamLines: LRUCache<string, ListedSegments>;
  /** Finished texts of its media playlists, by everything that they depend on; bounded by their length. */
  readonly streamTexts: LRUCache<string, string>;
  /** Init segments and keys of foreign streams by `renderId/rendition/name`, bounded by their bytes. Set once, never changed. */
  readonly streamFiles: LRUCache<string, { bytes: Uint8Array<ArrayBuffer>; contentType: string }>;
}

/** An empty cache; 60 MB when full, most of it for streams. */
export function factCache(): FactCache {
  return {
    renders: new LRUCache({ max: 500 }),
    inits: new LRUCache({ max: 500 }),
    copies: new LRUCache({ max: 500 }),
    rates: new LRUCache({ max: 2000 }),
    subtitles: new LRUCache({ maxSize: 2_000_000, sizeCalculation: charactersOf }),
    locations: new LRUCache({ max: 4000 }),
    holders: new LRUCache({ max: 1000 }),
    listed: new LRUCache({ max: 4000 }),
    streams: new LRUCache({ max: 500 }),
    // A day of five renditions with segments of 2 s, each with a date.
    streamLines: new LRUCache({ maxSize: 32_000_000, sizeCalculation: bytesOf }),
    streamTexts: new LRUCache({ maxSize: 8_000_000, sizeCalculation: (text) => text.length }),
    streamFiles: new LRUCache({ maxSize: 16_000_000, sizeCalculation: ({ bytes }) => bytes.length + 200 }),
  };
}

const charactersOf = (tracks: readonly SubtitleTrack[]): number =>
  tracks.flatMap(({ cues }) => cues).reduce((sum, { text }) => sum + text.length + 50, 1);
