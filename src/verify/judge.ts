import { checkBoundaries, checkDates, checkEnds } from './alignment.ts';
import type { Compared } from './compared.ts';
import { checkCues, checkIframes, checkImages } from './renditions.ts';
import type { Findings } from './report.ts';
import { leadTrack } from './segment/facts.ts';
import { checkTimeline } from './timeline.ts';
import { checkVariants } from './variants.ts';

/** Checks everything that was fetched against each other and against what was announced. */
export function judge(compared: readonly Compared[], findings: Findings): void {
  const renditions = [...new Set(compared.map(({ fetched }) => fetched))];
  for (const rendition of renditions) checkTimeline(rendition, findings);
  checkEnds(renditions, findings);
  checkDates(renditions, findings);
  checkBoundaries(renditions, findings);
  checkVariants(compared, findings);
  const timed = renditions.find(({ segments, playlist }) => {
    const lead = leadTrack(segments[0]?.facts);
    return lead !== undefined && !playlist.iframesOnly && segments[0]?.listed === playlist.segments[0];
  });
  const first = timed?.segments[0]?.facts;
  const lead = leadTrack(first);
  for (const one of new Map(compared.map((each) => [each.fetched, each])).values()) {
    const { type } = one.listed;
    if (type === 'iframes') checkIframes(one, findings);
    if (type === 'images') checkImages(one, findings);
    // Only where both begin at the same segment it is known which time a subtitle segment covers.
    const together = timed?.playlist.complete === true && one.fetched.playlist.complete;
    if (type === 'subtitles' && together && lead !== undefined)
      checkCues(one, lead.shown / lead.timescale, first?.wrap ?? 0, findings);
  }
}
