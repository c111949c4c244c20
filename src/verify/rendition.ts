import type PQueue from 'p-queue';
import { checkAnswer, checkMediaCaching, checkPlaylistCaching, sourceOf } from './answers.ts';
import { BoxError } from './boxes.ts';
import type { Fetched } from './fetch.ts';
import { readInit, type Track } from './init-segment.ts';
import { checkText } from './lines.ts';
import { checkMediaPlaylist, type ListedSegment, type MediaPlaylist } from './media-playlist.ts';
import { type MediaFacts, readSegment } from './media-segment.ts';
import type { Findings, Source } from './report.ts';

/** How a stream is fetched. */
export interface Reach {
  /** GET; undefined when nothing answered, which is a finding already. */
  readonly get: (url: string, where: string) => Promise<Fetched | undefined>;
  readonly queue: PQueue;
  /** Fetch only a sample of the segments. */
  readonly quick: boolean;
  readonly onSegment: (where: string) => void;
  /** Called once the number of segments to fetch is known. */
  readonly onListed: (segments: number) => void;
  readonly findings: Findings;
}

/** A segment that was fetched. */
export interface FetchedSegment {
  readonly listed: ListedSegment;
  readonly status: number;
  readonly bytes: number;
  readonly ms: number;
  readonly source: Source;
  /** Undefined where the body could not be read. */
  readonly facts: MediaFacts | undefined;
}

/** A rendition that was fetched. */
export interface FetchedRendition {
  readonly name: string;
  readonly url: string;
  readonly playlist: MediaPlaylist;
  /** Track of the first init segment. */
  readonly track: Track | undefined;
  readonly segments: readonly FetchedSegment[];
}

/** Segments that a quick look fetches: the first three, the last two and some between. */
function sample(count: number, quick: boolean): number[] {
  const all = Array.from({ length: count }, (_, index) => index);
  if (!quick || count <= 12) return all;
  const spread = Array.from({ length: 7 }, (_, index) => Math.round(((index + 1) * count) / 8));
  const chosen = new Set([0, 1, 2, ...spread, count - 2, count - 1]);
  return all.filter((index) => chosen.has(index));
}

/** Fetches and checks a media playlist, its init segments and its segments. Undefined where the playlist cannot be had. */
export async function fetchRendition(
  { name, url }: { readonly name: string; readonly url: string },
  independent: boolean,
  reach: Reach,
): Promise<FetchedRendition | undefined> {
  const got = await reach.get(url, name);
  if (got === undefined || !checkAnswer('media', got, name, reach.findings)) return undefined;
  return readRendition(name, got, independent, reach);
}

/** Like {@link fetchRendition}, for a media playlist that was fetched already. */
export async function readRendition(
  name: string,
  got: Fetched,
  independent: boolean,
  reach: Reach,
): Promise<FetchedRendition> {
  const { findings } = reach;
  const { text, lines } = checkText(got.body, name, findings);
  const playlist = checkMediaPlaylist(text, lines, got.last.url, name, independent, findings);
  checkPlaylistCaching('media', got, playlist, name, findings);
  const chosen = sample(playlist.segments.length, reach.quick).flatMap(
    (index) => playlist.segments[index] ?? [],
  );
  reach.onListed(chosen.length);
  const tracks = await fetchInits(name, chosen, reach);
  const segments = await Promise.all(
    chosen.map((listed) =>
      reach.queue.add(async () => {
        const where = `${name} #${listed.n}`;
        const segment = await fetchSegment(listed, where, listed.initUrl, tracks, reach);
        reach.onSegment(where);
        return segment;
      }),
    ),
  );
  return {
    name,
    url: got.last.url,
    playlist,
    track: [...tracks.values()].find((track) => track !== undefined),
    segments: segments.filter((segment) => segment !== undefined),
  };
}

async function fetchInits(
  name: string,
  segments: readonly ListedSegment[],
  { get, findings }: Reach,
): Promise<Map<string, Track | undefined>> {
  const tracks = new Map<string, Track | undefined>();
  for (const { initUrl } of segments) {
    if (initUrl === undefined || tracks.has(initUrl)) continue;
    const where = `${name} init`;
    tracks.set(initUrl, undefined);
    const got = await get(initUrl, where);
    if (got === undefined || !checkAnswer('init', got, where, findings)) continue;
    checkMediaCaching(got, false, where, findings);
    const track = attempt(() => readInit(got.body));
    findings.expect('box.init', where, track instanceof BoxError && track.message);
    if (track instanceof BoxError) continue;
    findings.expect('box.elst', where, track.hasEditList && 'the track has an edit list');
    tracks.set(initUrl, track);
  }
  return tracks;
}

async function fetchSegment(
  listed: ListedSegment,
  where: string,
  initUrl: string | undefined,
  tracks: ReadonlyMap<string, Track | undefined>,
  { get, findings }: Reach,
): Promise<FetchedSegment | undefined> {
  const got = await get(listed.url, where);
  if (got === undefined) return undefined;
  const readable = checkAnswer('segment', got, where, findings);
  const track = initUrl === undefined ? undefined : tracks.get(initUrl);
  const facts = readable && track !== undefined ? checkBoxes(got.body, track, where, findings) : undefined;
  if (readable) checkMediaCaching(got, (facts?.leadingFree ?? 0) > 0, where, findings);
  return {
    listed,
    status: got.last.status,
    bytes: got.wireBytes,
    ms: Math.round(got.ms),
    source: sourceOf(got),
    facts,
  };
}

function checkBoxes(
  body: Uint8Array,
  track: Track,
  where: string,
  findings: Findings,
): MediaFacts | undefined {
  const facts = attempt(() => readSegment(body, track));
  findings.expect('box.structure', where, facts instanceof BoxError && facts.message);
  if (facts instanceof BoxError) return undefined;
  findings.expect('box.samples', where, facts.samplesProblem);
  const stranger = facts.trackId !== track.id;
  findings.expect(
    'box.track',
    where,
    stranger && `track ${facts.trackId}, but the init segment has track ${track.id}`,
  );
  if (track.kind === 'video') {
    findings.expect('time.sync', where, !facts.firstIsSync && 'its first sample is not a sync sample');
  }
  return facts;
}

function attempt<T>(read: () => T): T | BoxError {
  try {
    return read();
  } catch (error) {
    if (error instanceof BoxError) return error;
    throw error;
  }
}
