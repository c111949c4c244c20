import { attributes, quoted, seconds, startAtBeginning } from './text.ts';

/** Attributes of EXT-X-KEY. */
interface EntryKey {
  readonly method: string;
  readonly file?: string | undefined;
  readonly uri?: string | undefined;
  readonly iv?: string | undefined;
  readonly keyFormat?: string | undefined;
  readonly keyFormatVersions?: string | undefined;
}

/** What a list says of one segment. Set once, when it was admitted. */
export interface ForeignEntry {
  readonly n: number;
  /** Microseconds. */
  readonly durationUs: number;
  /** What is before it does not continue into it. */
  readonly discontinuity: boolean;
  /** Which of the rendition's init segments it needs; null where the container has none. */
  readonly init: number | null;
  /**
   * How it is encrypted (RFC 8216 4.3.2.4): by a key of ours, named relative to the list, or one that is elsewhere. The
   * initialization vector is written out, because our numbers are not the source's.
   */
  readonly key: EntryKey | null;
  /** What the init segment is encrypted with, or that it is not (`NONE`); null where that is `key` too. */
  readonly initKey: EntryKey | null;
  /** ISO 8601. */
  readonly programDateTime: string | null;
}

/** What a media playlist of a foreign stream says before its first segment and after its last. */
export interface ForeignMediaFrame {
  /**
   * `event`: everything from segment 0 on stays. `live`: a window. `vod`: an event that is over, for those who come later.
   */
  readonly type: 'event' | 'live' | 'vod';
  /** Whole seconds, fixed before the first segment was listed. */
  readonly targetDuration: number;
  /** Discontinuities before the first segment listed, its own not counted. */
  readonly discontinuitySequence: number;
  /** Nothing comes any more. */
  readonly ended: boolean;
  /** Players are to begin with the first segment, not at the live edge. */
  readonly fromStart: boolean;
  /** Segments are CMAF. */
  readonly fragmented: boolean;
}

/** URIs of what the lines name. */
export interface LineNames {
  readonly segmentUri: (n: number) => string;
  readonly initUri: (init: number) => string;
}

/** Everything that the media playlist of a foreign stream depends on. */
export interface ForeignMediaInput extends ForeignMediaFrame, LineNames {
  /** In order, without a gap; the first one is that of the window. */
  readonly segments: readonly ForeignEntry[];
}

/**
 * A media playlist of what somebody else renders (RFC 8216 4.3.3). As segments are appended, the text of an `event` is a
 * prefix of the next apart from ENDLIST; a `live` one loses segments from its front only.
 */
export function foreignMediaPlaylist(input: ForeignMediaInput): string {
  return framed(input, input.segments[0]?.n ?? 0, foreignSegmentLines(input.segments, undefined, input));
}

/** The playlist of lines that are finished, of which the first are those of segment `first`. */
export function framed(frame: ForeignMediaFrame, first: number, lines: string): string {
  return `${head(frame, first).join('\n')}\n${lines}${frame.ended ? '#EXT-X-ENDLIST\n' : ''}`;
}

/** The lines of consecutive segments. `before`: the one that is listed before them; undefined where a list begins with them. */
export function foreignSegmentLines(
  segments: readonly ForeignEntry[],
  before: ForeignEntry | undefined,
  names: LineNames,
): string {
  const lines: string[] = [];
  let last = before;
  for (const segment of segments) {
    segmentLines(lines, segment, last, names);
    last = segment;
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** The lines with the URIs of the first `count` segments below `base`. Only EXTINF ends with a comma, and its URI comes next. */
export function withBase(lines: string, base: string, count: number): string {
  const parts = lines.split(',\n');
  return parts.map((part, index) => (index > 0 && index <= count ? base + part : part)).join(',\n');
}

/**
 * The version never changes, so it is that of everything which may still come: 6 has EXT-X-MAP, KEYFORMAT and explicit
 * vectors (RFC 8216 7); CMAF goes with 7, as our own playlists do.
 */
function head(input: ForeignMediaFrame, first: number): string[] {
  const lines = [
    '#EXTM3U',
    `#EXT-X-VERSION:${input.fragmented ? 7 : 6}`,
    `#EXT-X-TARGETDURATION:${input.targetDuration}`,
    `#EXT-X-MEDIA-SEQUENCE:${first}`,
  ];
  // A list that loses nothing has no removed discontinuities to count, and a tag less to get wrong.
  if (input.type === 'live') lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${input.discontinuitySequence}`);
  else lines.push(`#EXT-X-PLAYLIST-TYPE:${input.type === 'event' ? 'EVENT' : 'VOD'}`);
  if (input.fromStart) lines.push(startAtBeginning);
  return lines;
}

/** What a segment needs and the one before it did not say: the first of a window says everything. */
function segmentLines(
  lines: string[],
  segment: ForeignEntry,
  before: ForeignEntry | undefined,
  { segmentUri, initUri }: LineNames,
): void {
  if (segment.discontinuity) lines.push('#EXT-X-DISCONTINUITY');
  const { init } = segment;
  let inForce = keyLine(before?.key);
  const under = (key: ForeignEntry['key']): void => {
    if (keyLine(key) !== inForce) lines.push(keyLine(key));
    inForce = keyLine(key);
  };
  // A key applies to the init segments after it, so a new key alone does not bring the old map back (RFC 8216 4.3.2.5), and
  // the map stands under its own key, whatever its segment has.
  if (init !== null && init !== before?.init) {
    under(segment.initKey ?? segment.key);
    lines.push(`#EXT-X-MAP:URI=${quoted(initUri(init))}`);
  }
  under(segment.key);
  if (segment.programDateTime !== null) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${segment.programDateTime}`);
  lines.push(`#EXTINF:${seconds(segment.durationUs)},`, segmentUri(segment.n));
}

const noKey = '#EXT-X-KEY:METHOD=NONE';

function keyLine(key: ForeignEntry['key'] | undefined): string {
  if (key === undefined || key === null || key.method === 'NONE') return noKey;
  return `#EXT-X-KEY:${attributes({
    METHOD: key.method,
    URI: quoted(key.uri ?? key.file ?? ''),
    IV: key.iv,
    KEYFORMAT: key.keyFormat === undefined ? undefined : quoted(key.keyFormat),
    KEYFORMATVERSIONS: key.keyFormatVersions === undefined ? undefined : quoted(key.keyFormatVersions),
  })}`;
}
