import type { FetchedRendition } from './rendition.ts';
import type { Findings } from './report.ts';
import { leadTrack, type TrackFacts } from './segment/facts.ts';
import type { FetchedSegment } from './segments.ts';

/** Seconds that are off by rounding only: EXTINF and joins to the millisecond. Half a microsecond more: decimals are no fractions. */
const exact = 0.001 + 5e-7;
/** Seconds that EXTINF may be off before it matters to a player: less than a frame of 25 a second. */
const audible = 0.03;
/** Seconds that a whole rendition may be off. */
const endTolerance = 0.05;

/** Seconds of a track. */
const secondsOf = (units: number, { timescale }: TrackFacts): number => units / timescale;

/** Checks times along one rendition: joins, EXTINF, total. */
export function checkTimeline(rendition: FetchedRendition, findings: Findings): void {
  const { segments, playlist, place } = rendition;
  if (playlist.iframesOnly) return;
  const first = segments.find(({ facts }) => facts !== undefined)?.facts;
  const hasPicture = leadTrack(first)?.kind === 'video';
  if (hasPicture)
    findings.expect(
      'm3u8.independent',
      place,
      !rendition.independent && 'EXT-X-INDEPENDENT-SEGMENTS is missing',
    );
  let listedAsMade = true;
  for (const [index, segment] of segments.entries()) {
    const lead = leadTrack(segment.facts);
    if (lead === undefined) {
      listedAsMade = false;
      continue;
    }
    listedAsMade &&= checkDuration(segment, lead, findings);
    if (lead.kind === 'video' && lead.firstIsSync !== undefined)
      findings.expect(
        rendition.independent ? 'time.sync' : 'time.idr',
        segment.place,
        !lead.firstIsSync && 'its first sample is not a sync sample',
      );
    checkJoins(segments[index - 1], segment, rendition, findings);
  }
  if (!listedAsMade || segments.length === 0 || segments.length !== playlist.segments.length) return;
  const listed = playlist.segments.reduce((total, segment) => total + segment.duration, 0);
  const made = mediaSeconds(rendition);
  const slack = Math.max(...segments.slice(-1).map(({ facts }) => slackOf(leadTrack(facts))));
  const off = Math.abs(listed - made) > endTolerance + slack;
  findings.expect(
    'time.total',
    place,
    off && `${listed.toFixed(3)} s are listed, ${made.toFixed(3)} s are there`,
  );
}

const slackOf = (track: TrackFacts | undefined): number => {
  const slack = track === undefined ? 0 : secondsOf(track.slack, track);
  return Number.isFinite(slack) ? slack : 0;
};

/** Seconds of media in the segments that were fetched. */
export function mediaSeconds({ segments }: FetchedRendition): number {
  const units = new Map<number, number>();
  for (const { facts } of segments) {
    const lead = leadTrack(facts);
    if (lead !== undefined) units.set(lead.timescale, (units.get(lead.timescale) ?? 0) + lead.duration);
  }
  return [...units].reduce((total, [timescale, sum]) => total + sum / timescale, 0);
}

function checkDuration({ listed, place }: FetchedSegment, lead: TrackFacts, findings: Findings): boolean {
  // A single picture in MPEG-TS does not say how long it lasts.
  if (listed.extinf === '') return false;
  if (!Number.isFinite(lead.slack)) return true;
  const made = secondsOf(lead.duration, lead);
  const off = Math.abs(made - listed.duration);
  const told = `EXTINF is ${listed.duration}, its samples last ${made.toFixed(6)} s`;
  const slack = secondsOf(lead.slack, lead);
  const holds = findings.expect('time.extinf', place, off > audible + slack && told);
  if (holds) findings.expect('time.rounded', place, off > exact + slack && told);
  return holds;
}

/** Checks that each track goes on where it ended in the segment before, or where EXTINF puts it (RFC 8216 3). */
function checkJoins(
  before: FetchedSegment | undefined,
  segment: FetchedSegment,
  { playlist }: FetchedRendition,
  findings: Findings,
): void {
  const { listed, facts, place } = segment;
  if (before?.facts === undefined || facts === undefined) return;
  const first = playlist.segments[0]?.n ?? 0;
  const between = playlist.segments.slice(before.listed.n - first + 1, listed.n - first);
  // Timestamps may begin anew at a discontinuity (RFC 8216 4.3.2.3), and nothing is known of a gap.
  if ([listed, ...between].some(({ discontinuity }) => discontinuity)) return;
  if (between.length === 0) checkCounters(before, segment, findings);
  const skipped = between.reduce((total, { duration }) => total + duration, 0);
  for (const track of facts.tracks) {
    const last = before.facts.tracks.find(({ id, kind }) => id === track.id && kind === track.kind);
    if (last === undefined || !Number.isFinite(last.slack)) continue;
    const end = last.start + last.duration;
    const sameUnit = last.timescale === track.timescale;
    const apart = sameUnit
      ? secondsOf(track.start - end, track)
      : secondsOf(track.start, track) - secondsOf(end, last);
    const gap = unwrap(apart, facts.wrap) - skipped;
    const slack = secondsOf(last.slack, last) + exact * (between.length === 0 ? 1 : between.length + 1);
    const kind = gap > 0 ? 'a gap' : 'an overlap';
    const told = `${kind} of ${Math.abs(gap).toFixed(6)} s: it begins at ${track.start}, #${before.listed.n} ends at ${end}`;
    const skippedTold = `it begins ${gap.toFixed(6)} s from where the playlist puts it`;
    const holds = findings.expect(
      'time.tfdt',
      place,
      Math.abs(gap) > slack && (between.length === 0 ? told : skippedTold),
    );
    if (holds && last.slack === 0 && between.length === 0 && sameUnit)
      findings.expect('time.exact', place, track.start !== end && told);
  }
}

/** A difference of times that are counted modulo `wrap` seconds. */
function unwrap(seconds: number, wrap: number): number {
  return wrap === 0 ? seconds : seconds - wrap * Math.round(seconds / wrap);
}

/** Continuity counters go on from segment to segment (RFC 8216 3). */
function checkCounters(before: FetchedSegment, { facts, place }: FetchedSegment, findings: Findings): void {
  const jumps = [...(facts?.counters ?? [])].flatMap(([pid, [first]]) => {
    const last = before.facts?.counters.get(pid)?.[1];
    return last === undefined || first === ((last + 1) & 15)
      ? []
      : [`PID ${pid} ended at ${last} and begins at ${first}`];
  });
  if ((facts?.counters.size ?? 0) > 0) findings.expect('ts.counters', place, jumps[0]);
}
