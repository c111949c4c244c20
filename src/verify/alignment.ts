import type { FetchedRendition } from './rendition.ts';
import type { Findings, Place } from './report.ts';
import { leadTrack } from './segment/facts.ts';

/** Seconds that renditions may be apart at both ends. */
const tolerance = 0.05;
/** Seconds that boundaries of variants may be apart: half a frame of 25 a second. */
const boundary = 0.02;

/** When a whole rendition is shown, in seconds. */
interface Span {
  readonly name: string;
  readonly place: Place;
  readonly target: number;
  readonly from: number;
  readonly to: number;
}

/** The first and last segments of a rendition of picture or sound that was fetched to both ends. */
function spanOf({ name, place, segments, playlist }: FetchedRendition): Span[] {
  const [first] = segments;
  const last = segments.at(-1);
  const [start, end] = [leadTrack(first?.facts), leadTrack(last?.facts)];
  const isWhole = first?.listed === playlist.segments[0] && last?.listed === playlist.segments.at(-1);
  if (start === undefined || end === undefined || !playlist.complete || !isWhole || playlist.iframesOnly)
    return [];
  const from = start.shown / start.timescale;
  const breaks = segments.some(({ listed }) => listed.discontinuity);
  const listed = playlist.segments.reduce((total, { duration }) => total + duration, 0);
  // Behind a discontinuity timestamps say nothing of the whole.
  const to = breaks ? from + listed : (end.shown + end.duration) / end.timescale;
  return [{ name, place, target: playlist.targetDuration, from, to }];
}

/** Checks that renditions begin and end together (RFC 8216 6.2.4). */
export function checkEnds(renditions: readonly FetchedRendition[], findings: Findings): void {
  const [reference, ...others] = renditions.flatMap(spanOf);
  if (reference === undefined) return;
  for (const other of others) {
    const told = ({ name, from, to }: Span): string =>
      `${name} lasts from ${from.toFixed(3)} to ${to.toFixed(3)} s`;
    const both = `${told(other)}, ${told(reference)}`;
    const start = Math.abs(other.from - reference.from);
    const end = Math.abs(other.to - reference.to);
    findings.expect('time.starts', other.place, start > tolerance && both);
    // What begins elsewhere ends elsewhere: that is said already.
    if (start > tolerance) continue;
    const long = end > Math.max(other.target, 1);
    findings.expect('time.overhang', other.place, long && both);
    if (!long) findings.expect('time.ends', other.place, end > tolerance && both);
  }
}

/** Checks that growing renditions put the same date at the same timestamp (RFC 8216 6.2.4). */
export function checkDates(renditions: readonly FetchedRendition[], findings: Findings): void {
  const clocks = renditions.flatMap(({ place, segments, playlist }) => {
    const [first] = segments;
    const lead = leadTrack(first?.facts);
    if (playlist.complete || first?.listed.date === undefined || lead === undefined) return [];
    return [{ place, zero: first.listed.date / 1000 - lead.shown / lead.timescale }];
  });
  const [reference, ...others] = clocks;
  for (const { place, zero } of others) {
    const off = zero - (reference?.zero ?? zero);
    const told = `its timestamps are ${off.toFixed(3)} s from those of another rendition at the same date`;
    findings.expect('time.starts', place, Math.abs(off) > 2 * tolerance && told);
  }
}

/** Checks that discontinuities are at the same places, and that video variants are cut at the same times. */
export function checkBoundaries(renditions: readonly FetchedRendition[], findings: Findings): void {
  const timed = renditions.filter(({ playlist }) => !playlist.iframesOnly && !playlist.imagesOnly);
  const [first, ...others] = timed.filter(({ type }) => type !== 'subtitles' && type !== 'images');
  for (const other of others) {
    if (first === undefined) break;
    findings.expect('variant.discontinuity', other.place, breakProblem(first, other));
  }
  const [lead, ...variants] = timed.filter(
    ({ segments, playlist }) => playlist.complete && leadTrack(segments[0]?.facts)?.kind === 'video',
  );
  for (const variant of variants) {
    const problem = lead && cutProblem(lead, variant);
    findings.expect('variant.boundaries', variant.place, problem);
  }
}

function breakProblem(a: FetchedRendition, b: FetchedRendition): string | undefined {
  const together = a.playlist.mediaSequence === b.playlist.mediaSequence;
  const [own, its] = [b.playlist.discontinuitySequence, a.playlist.discontinuitySequence];
  if ((together || b.playlist.complete) && own !== its)
    return `its discontinuity sequence begins at ${own}, that of ${a.name} at ${its}`;
  if (!a.playlist.complete || !b.playlist.complete) return undefined;
  const [ours, theirs] = [breaksOf(b), breaksOf(a)];
  const told = (list: readonly number[]): string =>
    list
      .map((at) => at.toFixed(1))
      .slice(0, 20)
      .join(', ') || 'nowhere';
  const differ =
    ours.length !== theirs.length ||
    ours.some(
      (at, index) => Math.abs(at - (theirs[index] ?? at)) > Math.max(1, b.playlist.targetDuration / 2),
    );
  return differ
    ? `its discontinuities are at ${told(ours)} s, those of ${a.name} at ${told(theirs)} s`
    : undefined;
}

/** Seconds from the start of the playlist to each discontinuity. */
function breaksOf({ playlist }: FetchedRendition): number[] {
  let at = 0;
  return playlist.segments.flatMap(({ discontinuity, duration }) => {
    const here = at;
    at += duration;
    return discontinuity ? [here] : [];
  });
}

function cutProblem(a: FetchedRendition, b: FetchedRendition): string | undefined {
  const { length } = a.playlist.segments;
  if (length !== b.playlist.segments.length)
    return `${b.playlist.segments.length} segments, ${a.name} has ${length}`;
  const byIndex = new Map(a.segments.map((one) => [one.listed.n - a.playlist.mediaSequence, one.facts]));
  for (const { listed, facts } of b.segments) {
    const [own, its] = [leadTrack(facts), leadTrack(byIndex.get(listed.n - b.playlist.mediaSequence))];
    if (own === undefined || its === undefined) continue;
    const off = own.shown / own.timescale - its.shown / its.timescale;
    if (Math.abs(off) > boundary)
      return `#${listed.n} begins ${off.toFixed(3)} s from where it begins in ${a.name}`;
  }
  return undefined;
}
