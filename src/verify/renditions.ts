import { ratesOf } from './bandwidth.ts';
import { codecProblem } from './codecs.ts';
import type { Compared } from './compared.ts';
import type { Findings } from './report.ts';
import { leadTrack, type SegmentFacts } from './segment/facts.ts';
import type { FetchedSegment } from './segments.ts';

/** Checks I-frame streams: one key picture a segment, as announced (RFC 8216 4.3.3.6, 4.3.4.3). */
export function checkIframes({ listed, fetched }: Compared, findings: Findings): void {
  const { playlist, place, segments } = fetched;
  findings.expect('iframe.only', place, !playlist.iframesOnly && 'EXT-X-I-FRAMES-ONLY is missing');
  for (const [index, segment] of segments.entries()) {
    const lead = leadTrack(segment.facts);
    if (lead === undefined) continue;
    // A byte range of a longer segment has the header of all its pictures.
    const many = lead.samples !== 1 && segment.listed.range === undefined && `${lead.samples} samples`;
    const problem =
      lead.firstIsSync === false ? 'it is no I-frame' : many || stepProblem(segment, segments[index + 1]);
    findings.expect('iframe.single', segment.place, problem);
  }
  const facts = segments.find((segment) => segment.facts !== undefined)?.facts;
  const lead = leadTrack(facts);
  if (lead === undefined || facts === undefined) return;
  findings.expect('iframe.attributes', listed.place, announcedProblem(listed, lead, facts));
  const peak = ratesOf(fetched)?.peak;
  const { bandwidth } = listed;
  if (peak === undefined || bandwidth === undefined || !playlist.complete) return;
  const told = `peak of ${fetched.name} is ${Math.ceil(peak)} bit/s, BANDWIDTH says ${bandwidth}`;
  findings.expect('variant.bandwidth', listed.place, peak > bandwidth && told);
}

function announcedProblem(
  { codecs, resolution }: Compared['listed'],
  lead: { readonly codec: string; readonly width: number; readonly height: number },
  { container }: SegmentFacts,
): string | undefined {
  const codec =
    codecs.length > 0 && lead.codec !== '' ? codecProblem(lead.codec, codecs, container) : undefined;
  if (codec !== undefined || resolution === undefined || lead.width === 0) return codec;
  const [width, height] = resolution;
  if (lead.width === width && lead.height === height) return undefined;
  return `it is ${lead.width}x${lead.height}, RESOLUTION says ${width}x${height}`;
}

/** EXTINF of an I-frame lasts until the next one. */
function stepProblem(segment: FetchedSegment, next: FetchedSegment | undefined): string | undefined {
  const [own, its] = [leadTrack(segment.facts), leadTrack(next?.facts)];
  if (
    own === undefined ||
    its === undefined ||
    next?.listed.n !== segment.listed.n + 1 ||
    next.listed.discontinuity
  )
    return undefined;
  const step = its.shown / its.timescale - own.shown / own.timescale;
  const off = Math.abs(step - segment.listed.duration);
  return off > 0.1 && off < 1e6
    ? `the next I-frame comes ${step.toFixed(3)} s later, EXTINF says ${segment.listed.duration}`
    : undefined;
}

/** Checks that an image stream has images. */
export function checkImages({ listed, fetched }: Compared, findings: Findings): void {
  const { playlist, segments } = fetched;
  findings.expect(
    'image.attributes',
    listed.place,
    !playlist.imagesOnly && 'EXT-X-IMAGES-ONLY is missing in its playlist',
  );
  for (const { facts, place } of segments) {
    if (facts !== undefined)
      findings.expect('image.format', place, facts.container !== 'image' && `it is ${facts.container}`);
  }
}

/** Seconds that a cue may lie outside of its segment. */
const tolerance = 0.1;

/** Checks that the cues of each segment overlap it (RFC 8216 3.5). `zero`: timestamp of the first picture, in seconds. */
export function checkCues({ fetched }: Compared, zero: number, wrap: number, findings: Findings): void {
  let from = zero;
  const spans = new Map(
    fetched.playlist.segments.map((listed) => {
      const start = from;
      from += listed.duration;
      return [listed.n, [start, from] as const];
    }),
  );
  const breaks = fetched.playlist.segments.some(({ discontinuity }) => discontinuity);
  if (breaks) return;
  for (const { listed, facts, place } of fetched.segments) {
    const span = spans.get(listed.n);
    if (facts?.container !== 'webvtt' || span === undefined || facts.cues.length === 0) continue;
    const [start, end] = span;
    const turns = wrap === 0 ? 0 : wrap * Math.round(((facts.cues[0]?.from ?? 0) - start) / wrap);
    const stray = facts.cues.find(
      (cue) => cue.to - turns < start - tolerance || cue.from - turns > end + tolerance,
    );
    const told =
      stray &&
      `a cue from ${stray.from.toFixed(3)} to ${stray.to.toFixed(3)} s, but the segment lasts from ${start.toFixed(3)} to ${end.toFixed(3)} s`;
    findings.expect('vtt.cues', place, told);
  }
}
