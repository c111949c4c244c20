import { LRUCache } from 'lru-cache';
import type { CopyRow } from '../src/catalog/copies.ts';
import type { Location } from '../src/catalog/locate.ts';
import type { RenderFacts } from './render-facts.ts';

/**
 * The last known facts, each kind bounded by a number of entries. They are asked again each time the catalog is there; what
 * is remembered keeps known streams going while it is away. Plain data only, so that Workers may share it between requests.
 */
export interface FactCache {
  /** By `videoId` (newest) and `videoId~generation`. */
  readonly renders: LRUCache<string, RenderFacts>;
  /** Init segments by `renderId/rendition`. Set once, never changed. */
  readonly inits: LRUCache<string, Uint8Array<ArrayBuffer>>;
  readonly copies: LRUCache<string, CopyRow[]>;
  /** By `renderId/rendition/n`. */
  readonly locations: LRUCache<string, Location>;
  /** Most segments ever listed in an EVENT playlist, by `renderId/rendition`: a listed line never goes away. */
  readonly listed: LRUCache<string, number>;
}

/** An empty cache; a few megabytes when full. */
export function factCache(): FactCache {
  return {
    renders: new LRUCache({ max: 500 }),
    inits: new LRUCache({ max: 500 }),
    copies: new LRUCache({ max: 500 }),
    locations: new LRUCache({ max: 4000 }),
    listed: new LRUCache({ max: 4000 }),
  };
}
