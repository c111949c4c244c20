import { readAttributes } from './attributes.ts';
import { hasTag, type Line, resolve, valuesOf, wholeNumber } from './lines.ts';

/** Bytes of a file. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** What an EXT-X-KEY says (RFC 8216 4.3.2.4). */
export interface Key {
  readonly method: string;
  readonly url: string | undefined;
  /** 16 bytes; undefined means the media sequence number. */
  readonly iv: Uint8Array | undefined;
  readonly format: string;
  /** Its attribute list. */
  readonly text: string;
}

/** What an EXT-X-MAP says (RFC 8216 4.3.2.5). */
export interface MapTag {
  readonly url: string;
  readonly range: ByteRange | undefined;
  readonly key: Key | undefined;
}

/** One listed segment. */
export interface ListedSegment {
  /** Media sequence number. */
  readonly n: number;
  readonly url: string;
  /** As it is written. */
  readonly uri: string;
  /** Line of the URI. */
  readonly line: number;
  /** EXTINF in seconds, and as it is written. */
  readonly duration: number;
  readonly extinf: string;
  readonly range: ByteRange | undefined;
  readonly map: MapTag | undefined;
  readonly key: Key | undefined;
  /** Timestamps may begin anew here. */
  readonly discontinuity: boolean;
  /** Discontinuity sequence number. */
  readonly period: number;
  /** EXT-X-PROGRAM-DATE-TIME in milliseconds since 1970, where the segment has one. */
  readonly date: number | undefined;
  /** EXT-X-GAP: there is nothing to fetch. */
  readonly gap: boolean;
}

/** A media playlist, read. */
export interface MediaPlaylist {
  readonly segments: readonly ListedSegment[];
  /** Seconds; 0 when missing. */
  readonly targetDuration: number;
  readonly type: 'VOD' | 'EVENT' | undefined;
  readonly complete: boolean;
  readonly iframesOnly: boolean;
  readonly imagesOnly: boolean;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly lines: readonly Line[];
}

/** Segments that are read of one playlist; the rest is left out. */
export const maxListed = 200_000;

/** Reads a media playlist, whatever is wrong with it. `url` is where it was got from. */
export function readMedia(lines: readonly Line[], url: string): MediaPlaylist {
  const type = valuesOf(lines, 'EXT-X-PLAYLIST-TYPE')[0];
  const mediaSequence = wholeNumber(valuesOf(lines, 'EXT-X-MEDIA-SEQUENCE')[0]) ?? 0;
  const discontinuitySequence = wholeNumber(valuesOf(lines, 'EXT-X-DISCONTINUITY-SEQUENCE')[0]) ?? 0;
  return {
    segments: readSegments(lines, url, mediaSequence, discontinuitySequence),
    targetDuration: wholeNumber(valuesOf(lines, 'EXT-X-TARGETDURATION')[0]) ?? 0,
    type: type === 'VOD' || type === 'EVENT' ? type : undefined,
    complete: hasTag(lines, 'EXT-X-ENDLIST'),
    iframesOnly: hasTag(lines, 'EXT-X-I-FRAMES-ONLY'),
    imagesOnly: hasTag(lines, 'EXT-X-IMAGES-ONLY'),
    mediaSequence,
    discontinuitySequence,
    lines,
  };
}

function readSegments(
  lines: readonly Line[],
  url: string,
  first: number,
  firstPeriod: number,
): ListedSegment[] {
  const segments: ListedSegment[] = [];
  let tags = new Map<string, string>();
  let key: Key | undefined;
  let map: MapTag | undefined;
  let period = firstPeriod;
  for (const line of lines) {
    if (segments.length >= maxListed) break;
    if (line.kind === 'tag') {
      if (line.name === 'EXT-X-KEY') key = readKey(line.value, url);
      else if (line.name === 'EXT-X-MAP') map = readMap(line.value, url, key);
      else tags.set(line.name, line.value);
      if (line.name === 'EXT-X-DISCONTINUITY') period += 1;
      continue;
    }
    const resolved = resolve(line.uri, url);
    const extinf = tags.get('EXTINF') ?? '';
    const seconds = Number.parseFloat(extinf);
    const before = segments.at(-1);
    segments.push({
      n: first + segments.length,
      url: resolved ?? '',
      uri: line.uri,
      line: line.number,
      duration: Number.isFinite(seconds) && seconds >= 0 ? seconds : 0,
      extinf,
      range: readRange(tags.get('EXT-X-BYTERANGE'), before?.url === resolved ? before?.range : undefined),
      map,
      key,
      discontinuity: tags.has('EXT-X-DISCONTINUITY'),
      period,
      date: readDate(tags.get('EXT-X-PROGRAM-DATE-TIME')),
      gap: tags.has('EXT-X-GAP'),
    });
    tags = new Map();
  }
  return segments;
}

/** `n[@o]` (RFC 8216 4.3.2.2); without `o` it follows the range of the segment before. */
export function readRange(text: string | undefined, before?: ByteRange): ByteRange | undefined {
  const match = /^(\d{1,15})(?:@(\d{1,15}))?$/.exec(text ?? '');
  if (match === null) return undefined;
  const follows = before === undefined ? 0 : before.offset + before.length;
  return { length: Number(match[1]), offset: match[2] === undefined ? follows : Number(match[2]) };
}

/** Milliseconds since 1970 of an ISO 8601 date with a time zone. */
export function readDate(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/.test(text))
    return undefined;
  const time = Date.parse(text.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
  return Number.isNaN(time) ? undefined : time;
}

function readKey(text: string, base: string): Key | undefined {
  const { values } = readAttributes(text);
  const method = values.get('METHOD') ?? '';
  if (method === 'NONE') return undefined;
  const uri = values.get('URI');
  const iv = /^0[xX]([0-9A-Fa-f]{1,32})$/.exec(values.get('IV') ?? '')?.[1];
  return {
    method,
    url: uri === undefined ? undefined : resolve(uri, base),
    iv: iv === undefined ? undefined : Buffer.from(iv.padStart(32, '0'), 'hex'),
    format: values.get('KEYFORMAT') ?? 'identity',
    text,
  };
}

function readMap(text: string, base: string, key: Key | undefined): MapTag | undefined {
  const { values } = readAttributes(text);
  const url = resolve(values.get('URI') ?? '\u0000:', base);
  if (url === undefined) return undefined;
  return { url, range: readRange(values.get('BYTERANGE')), key };
}
