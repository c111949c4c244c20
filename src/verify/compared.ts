import type { ListedRendition } from './playlist/multivariant.ts';
import type { FetchedRendition } from './rendition.ts';

/** A rendition as it is announced and as it is. */
export interface Compared {
  readonly listed: ListedRendition;
  readonly fetched: FetchedRendition;
}
