import type { FetchedRendition, FetchedSegment } from './rendition.ts';
import type { Findings } from './report.ts';

/** Difference in seconds that EXTINF may have from the media it describes. */
const extinfTolerance = 0.001;
/** Difference in seconds that tracks may have at both ends, and media from the whole playlist. */
const endTolerance = 0.05;

/** Checks times along one rendition: joins, EXTINF, total. */
export function checkTimeline(rendition: FetchedRendition, findings: Findings): void {
  const { track, segments, name, playlist } = rendition;
  if (track === undefined) return;
  const { timescale } = track;
  let listedAsMade = true;
  for (const [index, { listed, facts }] of segments.entries()) {
    if (facts === undefined) {
      listedAsMade = false;
      continue;
    }
    const where = `${name} #${listed.n}`;
    const made = facts.duration / timescale;
    // Half a microsecond more than a millisecond: EXTINF has decimals, not fractions.
    const off = Math.abs(made - listed.duration) > extinfTolerance + 5e-7;
    const held = findings.expect(
      'time.extinf',
      where,
      off && `EXTINF is ${listed.duration}, its samples last ${made.toFixed(6)} s`,
    );
    listedAsMade &&= held;
    findings.expect('time.tfdt', where, facts.joinProblem);
    checkJoin(segments[index - 1], { listed, facts }, rendition, findings);
  }
  if (!listedAsMade || segments.length !== playlist.segments.length) return;
  const listedSeconds = playlist.segments.reduce((total, segment) => total + segment.duration, 0);
  const madeSeconds = mediaSeconds(rendition);
  findings.expect(
    'time.total',
    name,
    Math.abs(listedSeconds - madeSeconds) > endTolerance &&
      `${listedSeconds.toFixed(3)} s are listed, ${madeSeconds.toFixed(3)} s are there`,
  );
}

/** Seconds of media in the segments that were fetched. */
export function mediaSeconds({ track, segments }: FetchedRendition): number {
  if (track === undefined) return 0;
  return segments.reduce((total, { facts }) => total + (facts?.duration ?? 0), 0) / track.timescale;
}

function checkJoin(
  before: FetchedSegment | undefined,
  {
    listed,
    facts,
  }: Required<Pick<FetchedSegment, 'listed'>> & { readonly facts: NonNullable<FetchedSegment['facts']> },
  { name, playlist, track }: FetchedRendition,
  findings: Findings,
): void {
  if (before?.facts === undefined || track === undefined) return;
  const first = playlist.segments[0]?.n ?? 0;
  const from = before.listed.n - first + 1;
  const between = playlist.segments.slice(from, listed.n - first);
  // Timestamps may begin anew at a discontinuity (RFC 8216 4.3.2.3).
  if (listed.discontinuity || between.some((one) => one.discontinuity)) return;
  const end = before.facts.start + BigInt(before.facts.duration);
  const where = `${name} #${listed.n}`;
  if (between.length === 0) {
    const gap = Number(facts.start - end) / track.timescale;
    const kind = gap > 0 ? 'a gap' : 'an overlap';
    const told = `${kind} of ${Math.abs(gap).toFixed(6)} s: it begins at ${facts.start}, #${before.listed.n} ends at ${end}`;
    findings.expect('time.tfdt', where, facts.start !== end && told);
    return;
  }
  // What lies between was not fetched: its EXTINF says how long it is, each to a millisecond.
  const skipped = between.reduce((total, one) => total + one.duration, 0);
  const gap = Number(facts.start - end) / track.timescale - skipped;
  const off = Math.abs(gap) > extinfTolerance * (between.length + 1);
  findings.expect('time.tfdt', where, off && `it begins ${gap.toFixed(6)} s from where the playlist puts it`);
}

/** Checks that tracks begin and end together. */
export function checkEnds(renditions: readonly FetchedRendition[], findings: Findings): void {
  const spans = renditions.flatMap(({ name, track, segments, playlist }) => {
    const first = segments[0]?.facts;
    const last = segments.at(-1)?.facts;
    const isWhole =
      segments[0]?.listed === playlist.segments[0] && segments.at(-1)?.listed === playlist.segments.at(-1);
    if (track === undefined || first === undefined || last === undefined || !playlist.complete || !isWhole)
      return [];
    const from = Number(first.start) / track.timescale;
    const to = (Number(last.start) + last.duration) / track.timescale;
    return [{ name, from, to }];
  });
  const [reference, ...others] = spans;
  for (const other of others) {
    const apart = (what: 'from' | 'to'): number => Math.abs(other[what] - (reference?.[what] ?? 0));
    const words = `${reference?.name} lasts from ${reference?.from.toFixed(3)} to ${reference?.to.toFixed(3)} s`;
    findings.expect(
      'time.ends',
      other.name,
      Math.max(apart('from'), apart('to')) > endTolerance &&
        `it lasts from ${other.from.toFixed(3)} to ${other.to.toFixed(3)} s, ${words}`,
    );
  }
}
