import { type Grid, segmentCount, segmentStart } from '../grid/grid.ts';

/** Text that is shown for a while. Times in seconds from the start of the video. */
export interface Cue {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Segment `n` of a WebVTT rendition (RFC 8216 3.5): the cues that are on at any moment of it, with their own times, so that one
 * that crosses a boundary is in both segments. Times count from the start of the video, which is 0 in the CMAF tracks too.
 */
export function webvttSegment(grid: Grid, n: number, cues: readonly Cue[]): string {
  return webvttText(cues, segmentStart(grid, 'video', n), segmentStart(grid, 'video', n + 1));
}

/** The cues that are on at any moment between two, in seconds; by default all of them. */
export function webvttText(cues: readonly Cue[], from = 0, to = Number.POSITIVE_INFINITY): string {
  const blocks = cues
    .map((cue, index) => ({ cue, index }))
    .filter(({ cue }) => cue.start < to && cue.end > from)
    // The number is the same in every segment that repeats the cue: players know it again.
    .map(({ cue, index }) => `${index + 1}\n${times(cue.start, cue.end)}\n${payload(cue.text)}`);
  return `${['WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000', ...blocks].join('\n\n')}\n`;
}

/** A list of pictures by time, as players read it for their seek bars: one cue a segment, whose text is the URL of its picture. */
export function thumbnailList(grid: Grid, pictureUri: (n: number) => string): string {
  const blocks = Array.from({ length: segmentCount(grid) }, (_, n) => {
    const span = times(segmentStart(grid, 'video', n), segmentStart(grid, 'video', n + 1));
    return `${span}\n${pictureUri(n)}`;
  });
  return `${['WEBVTT', ...blocks].join('\n\n')}\n`;
}

const times = (start: number, end: number): string => `${timestamp(start)} --> ${timestamp(end)}`;

/** `HH:MM:SS.mmm`. */
function timestamp(seconds: number): string {
  const ms = Math.round(seconds * 1000);
  const two = (value: number): string => String(Math.trunc(value)).padStart(2, '0');
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}.${String(ms % 1000).padStart(3, '0')}`;
}

/** The text as a cue's payload: nothing in it is markup, and no empty line ends it early (WebVTT 4.1). */
function payload(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .split(/\r\n|\r|\n/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .join('\n');
}
