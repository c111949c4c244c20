import { checkAgain } from './again.ts';
import { checkAnswer, checkPlaylistCaching } from './answers.ts';
import type { Fetched } from './fetch.ts';
import { type Reach, sizes } from './load.ts';
import type { Variables } from './playlist/define.ts';
import { hasTag } from './playlist/lines.ts';
import type { ListedSegment, MediaPlaylist } from './playlist/media.ts';
import type { RenditionType } from './playlist/multivariant.ts';
import type { Place, WatchReport } from './report.ts';
import { type FetchedSegment, fetchSegment, type Loading } from './segments.ts';
import { Versions } from './versions.ts';
import { watch } from './watch.ts';

/** A rendition that was fetched. */
export interface FetchedRendition {
  readonly name: string;
  readonly url: string;
  readonly place: Place;
  readonly type: RenditionType;
  /** Everything that was ever listed, in order. */
  readonly playlist: MediaPlaylist;
  readonly segments: readonly FetchedSegment[];
  readonly watched: WatchReport | undefined;
  /** The multivariant playlist or this one says EXT-X-INDEPENDENT-SEGMENTS. */
  readonly independent: boolean;
}

/** What is known of a media playlist before it is read. */
export interface Wanted {
  readonly name: string;
  readonly url: string;
  readonly type: RenditionType;
  /** The multivariant playlist declared segments independent. */
  readonly independent: boolean;
  readonly variables: Variables;
}

/** Segments that are fetched: all up to a bound, or for a quick look the first three, the last two and some between. */
function sample(count: number, { quick, maxSegments }: Reach): number[] {
  const all = Array.from({ length: Math.min(count, maxSegments) }, (_, index) => index);
  if (!quick || count <= 12) return all;
  const spread = Array.from({ length: 7 }, (_, index) => Math.round(((index + 1) * count) / 8));
  return [...new Set([0, 1, 2, ...spread, count - 2, count - 1])].sort((a, b) => a - b);
}

/** Fetches and checks a media playlist, its init segments and its segments. Undefined where the playlist cannot be had. */
export async function fetchRendition(wanted: Wanted, reach: Reach): Promise<FetchedRendition | undefined> {
  const place = { where: wanted.name, url: wanted.url };
  const got = await reach.get(wanted.url, place, { maxBytes: sizes.playlist, first: true });
  if (got === undefined || !checkAnswer('media', got, place, reach.findings)) return undefined;
  return readRendition(wanted, got, reach);
}

/** Like {@link fetchRendition}, for a media playlist that was fetched already. */
export async function readRendition(wanted: Wanted, got: Fetched, reach: Reach): Promise<FetchedRendition> {
  const { findings, signal } = reach;
  const { name, type } = wanted;
  const { url } = got.last;
  const place = { where: name, url };
  const versions = new Versions(place, wanted.variables, findings);
  const first = versions.read(got.body, url);
  checkPlaylistCaching('media', got, first, place, findings);

  const loading: Loading = { name, iframes: first.iframesOnly, initials: new Map() };
  const fetches: Promise<FetchedSegment | undefined>[] = [];
  const fetchAll = (segments: readonly ListedSegment[]): void => {
    const chosen = segments.slice(0, Math.max(0, reach.maxSegments - fetches.length));
    reach.onListed(chosen.length);
    for (const listed of chosen) {
      const fetched = reach.queue.add(async () => {
        signal.throwIfAborted();
        const segment = await fetchSegment(listed, loading, reach);
        reach.onSegment(`${name} #${listed.n}`);
        return segment;
      });
      // Awaited below; until then a failure is not unhandled.
      fetched.catch(() => undefined);
      fetches.push(fetched);
    }
  };
  fetchAll(sample(first.segments.length, reach).flatMap((index) => first.segments[index] ?? []));
  const isWatched = !first.complete && reach.watchMs > 0;
  const watched = isWatched
    ? await watch(first, { url: wanted.url, place, versions }, reach, fetchAll)
    : undefined;
  const segments = (await Promise.all(fetches)).filter((segment) => segment !== undefined);
  if (!reach.quick) await checkAgain(segments, reach);
  const playlist = watched?.playlist ?? first;
  const independent = wanted.independent || hasTag(first.lines, 'EXT-X-INDEPENDENT-SEGMENTS');
  return {
    independent,
    name,
    url,
    place,
    type,
    playlist,
    segments,
    watched: watched?.report,
  };
}
