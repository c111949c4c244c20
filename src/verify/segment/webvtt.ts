import { type Cue, noFacts, type SegmentFacts } from './facts.ts';

/** What a subtitle segment has. Cue times are mapped to the media timeline. */
export interface VttFacts extends SegmentFacts {
  readonly headerProblem: string | undefined;
  readonly mapProblem: string | undefined;
}

const time = String.raw`(?:(\d{2,}):)?(\d{2}):(\d{2})\.(\d{3})`;
const timing = new RegExp(`^${time}[ \\t]+-->[ \\t]+${time}(?:[ \\t].*)?$`);
const stamp = new RegExp(`^${time}$`);
/** Cues that are read. */
const maxCues = 50_000;

function secondsOf([hours, minutes, seconds, thousandths]: readonly (string | undefined)[]): number {
  return Number(hours ?? 0) * 3600 + Number(minutes) * 60 + Number(seconds) + Number(thousandths) / 1000;
}

/** Whether text is WebVTT by its first line. */
export function looksLikeVtt(bytes: Uint8Array): boolean {
  return /^\uFEFF?WEBVTT([ \t\r\n]|$)/.test(new TextDecoder().decode(bytes.subarray(0, 16)));
}

/** Reads a WebVTT segment (RFC 8216 3.5). */
export function readVtt(bytes: Uint8Array): VttFacts {
  const text = new TextDecoder().decode(bytes);
  const lines = text.split(/\r\n|\r|\n/);
  const end = lines.indexOf('');
  const header = lines.slice(0, end < 0 ? lines.length : end);
  const map = readMap(header.find((line) => line.startsWith('X-TIMESTAMP-MAP')));
  const cues: Cue[] = [];
  let headerProblem = /^\uFEFF?WEBVTT([ \t]|$)/.test(lines[0] ?? '')
    ? undefined
    : 'the first line is not WEBVTT';
  for (const line of lines) {
    if (!line.includes('-->') || cues.length >= maxCues) continue;
    const match = timing.exec(line);
    const from = match === null ? 0 : secondsOf(match.slice(1, 5));
    const to = match === null ? 0 : secondsOf(match.slice(5, 9));
    if (match === null || to <= from) headerProblem ??= `\`${line.slice(0, 80)}\` is no time of a cue`;
    else cues.push({ from: from + map.offset, to: to + map.offset });
  }
  return { ...noFacts, container: 'webvtt', tracks: [], cues, headerProblem, mapProblem: map.problem };
}

/** `X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000`: what is added to the time of a cue, in seconds. */
function readMap(line: string | undefined): { offset: number; problem: string | undefined } {
  if (line === undefined) return { offset: 0, problem: 'X-TIMESTAMP-MAP is missing' };
  const local = /LOCAL:([\d:.]+)/.exec(line)?.[1];
  const ticks = /MPEGTS:(\d{1,15})(?!\d)/.exec(line)?.[1];
  const match = stamp.exec(local ?? '');
  if (match === null || ticks === undefined || !line.startsWith('X-TIMESTAMP-MAP='))
    return { offset: 0, problem: `\`${line.slice(0, 80)}\` is not LOCAL and MPEGTS` };
  return { offset: Number(ticks) / 90_000 - secondsOf(match.slice(1)), problem: undefined };
}
