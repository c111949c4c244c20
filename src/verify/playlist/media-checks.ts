import { atLine, type Expects, type Place } from '../report.ts';
import { readAttributes } from './attributes.ts';
import { checkDates } from './dates.ts';
import { hasTag, type Line, tagsOf, valuesOf, wholeNumber } from './lines.ts';
import type { MediaPlaylist } from './media.ts';
import { checkSecondOpinion } from './second-opinion.ts';
import { checkSegmentLines } from './segment-lines.ts';
import { checkVersion } from './version.ts';

/** Checks the lines of a media playlist (RFC 8216 4.3.2, 4.3.3). */
export function checkMedia(
  playlist: MediaPlaylist,
  text: string,
  url: string,
  place: Place,
  findings: Expects,
): void {
  const { lines, segments } = playlist;
  checkSecondOpinion(text, place, findings);
  checkTarget(playlist, place, findings);
  checkVersion(lines, place, findings);
  checkOrder(lines, place, findings);
  checkEnd(playlist, place, findings);
  checkStart(playlist, place, findings);
  checkLowLatency(lines, place, findings);
  findings.expect(
    'm3u8.segments',
    place,
    segments.length === 0 && playlist.complete && 'it lists no segment',
  );
  checkSegmentLines(lines, url, place, findings);
  checkDates(playlist, place, findings);
}

function checkTarget({ lines, segments }: MediaPlaylist, place: Place, findings: Expects): void {
  const [value] = valuesOf(lines, 'EXT-X-TARGETDURATION');
  const target = wholeNumber(value);
  if (target === undefined) {
    const told = value === undefined ? 'it is missing' : `\`${value.slice(0, 60)}\` is not a whole number`;
    findings.expect('m3u8.targetduration', place, told);
    return;
  }
  findings.expect('m3u8.targetlength', place, (target > 10 || target === 0) && `it is ${target} s`);
  for (const { duration, line } of segments) {
    // As players round: half a second up (RFC 8216bis 4.4.3.1).
    const over = Math.round(duration) > target && `it is ${target}, but this segment lasts ${duration} s`;
    findings.expect('m3u8.targetduration', over === false ? place : atLine(place, line), over);
  }
  if (segments.length === 0) findings.expect('m3u8.targetduration', place, false);
}

function checkOrder(lines: readonly Line[], place: Place, findings: Expects): void {
  const firstUri = lines.find((line) => line.kind === 'uri')?.number ?? Number.POSITIVE_INFINITY;
  const firstBreak = tagsOf(lines, 'EXT-X-DISCONTINUITY')[0]?.number ?? Number.POSITIVE_INFINITY;
  const late = [
    ...tagsOf(lines, 'EXT-X-MEDIA-SEQUENCE').filter(({ number }) => number > firstUri),
    ...tagsOf(lines, 'EXT-X-DISCONTINUITY-SEQUENCE').filter(
      ({ number }) => number > Math.min(firstUri, firstBreak),
    ),
  ];
  findings.expect('m3u8.order', place, false);
  for (const { name, number } of late)
    findings.expect('m3u8.order', atLine(place, number), `${name} comes too late`);
}

function checkEnd(playlist: MediaPlaylist, place: Place, findings: Expects): void {
  const { type, complete, lines, segments, targetDuration } = playlist;
  findings.expect(
    'm3u8.vod',
    place,
    type === 'VOD' && !complete && 'PLAYLIST-TYPE is VOD, but EXT-X-ENDLIST is missing',
  );
  findings.expect('m3u8.type', place, complete && type === undefined && 'EXT-X-PLAYLIST-TYPE is missing');
  if (complete) return;
  if (type === 'EVENT') {
    const offset = readAttributes(valuesOf(lines, 'EXT-X-START')[0] ?? '').values.get('TIME-OFFSET');
    const starts = offset !== undefined && Number(offset) > 0 && Number(offset) < 1;
    findings.expect('m3u8.start', place, !starts && 'no EXT-X-START near 0: players join near the end');
  } else if (type === undefined) {
    const seconds = segments.reduce((total, { duration }) => total + duration, 0);
    let problem: string | undefined;
    if (seconds < 3 * targetDuration)
      problem = `${seconds.toFixed(1)} s are listed, less than three times ${targetDuration}`;
    else if (segments.length < 6) problem = `${segments.length} segments, less than six`;
    else if (!hasTag(lines, 'EXT-X-PROGRAM-DATE-TIME')) problem = 'EXT-X-PROGRAM-DATE-TIME is missing';
    findings.expect('m3u8.live', place, problem);
  }
}

/** EXT-X-START (RFC 8216 4.3.5.2). An offset beyond either end is moved to that end by players. */
function checkStart(playlist: MediaPlaylist, place: Place, findings: Expects): void {
  const [start] = tagsOf(playlist.lines, 'EXT-X-START');
  if (start === undefined) return;
  const at = atLine(place, start.number);
  const offset = readAttributes(start.value).values.get('TIME-OFFSET');
  const total = playlist.segments.reduce((sum, { duration }) => sum + duration, 0);
  const value = Number(offset ?? Number.NaN);
  const fromEnd = value < 0 ? -value : total - value;
  const young = playlist.type === 'EVENT' && value >= 0 && value < 1;
  let problem: string | undefined;
  if (Number.isNaN(value)) problem = 'TIME-OFFSET is missing';
  else if (Math.abs(value) > total)
    problem = `TIME-OFFSET ${value} is beyond the ${total.toFixed(1)} s that are listed`;
  else if (!playlist.complete && !young && fromEnd < 3 * playlist.targetDuration)
    problem = `TIME-OFFSET ${value} is ${fromEnd.toFixed(1)} s from the end, less than three target durations`;
  findings.expect('m3u8.startpoint', at, problem);
}

function checkLowLatency(lines: readonly Line[], place: Place, findings: Expects): void {
  if (!hasTag(lines, 'EXT-X-PART') && !hasTag(lines, 'EXT-X-PART-INF')) return;
  const control = readAttributes(valuesOf(lines, 'EXT-X-SERVER-CONTROL')[0] ?? '').values;
  const target = Number(readAttributes(valuesOf(lines, 'EXT-X-PART-INF')[0] ?? '').values.get('PART-TARGET'));
  const holdBack = Number(control.get('PART-HOLD-BACK') ?? Number.NaN);
  let problem: string | undefined;
  if (!(target > 0)) problem = 'EXT-X-PART-INF with PART-TARGET is missing';
  else if (!(holdBack >= 2 * target)) problem = 'PART-HOLD-BACK is missing, or less than twice PART-TARGET';
  findings.expect('m3u8.lowlatency', place, problem);
}
