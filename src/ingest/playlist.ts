import { z } from 'zod';
import { checked, pathIn, short } from './attributes.ts';
import { mostRenditions, playlistSegments, segmentSeconds } from './limits.ts';
import { broken, type Line, linesOf } from './lines.ts';
import { type KeyLine, keyOf, mapKey, replaces, type SourceKey, segmentKey } from './source-key.ts';

/** A part of an uploaded file: all of it, or a byte range. */
export interface Part {
  /** Below the ingest URL. */
  readonly path: string;
  readonly range: { readonly offset: number; readonly length: number } | undefined;
}

/** A part as one text: what a file is asked for by. */
export const partName = ({ path, range }: Part): string =>
  range === undefined ? path : `${path}@${range.offset}+${range.length}`;

/** All of a file. */
export const wholeFile = (path: string): Part => ({ path, range: undefined });

/** A segment as its source lists it. */
export interface SourceSegment {
  readonly sequence: number;
  readonly part: Part;
  readonly durationUs: number;
  readonly discontinuity: boolean;
  readonly map: Part | undefined;
  /** The key that the init segment of `map` is encrypted with, which need not be that of the segment (RFC 8216, 4.3.2.4). */
  readonly mapKey: SourceKey | undefined;
  readonly key: SourceKey | undefined;
  readonly programDateTime: string | null;
  /** EXT-X-GAP: the source says itself that there are no bytes. */
  readonly gap: boolean;
}

/** A media playlist of a source. */
export interface SourceMedia {
  readonly type: 'media';
  readonly targetDuration: number;
  readonly segments: readonly SourceSegment[];
  readonly ended: boolean;
  readonly iFramesOnly: boolean;
}

/** An entry of a multivariant playlist, by the path of its media playlist. */
export type SourceRendition = { readonly path: string } & (
  | { readonly role: 'variant'; readonly attributes: z.output<typeof variantSchema> }
  | { readonly role: 'media'; readonly attributes: z.output<typeof alternativeSchema> }
);

/** A multivariant playlist of a source. A media playlist that it names twice is there once, as named first. */
export interface SourceMultivariant {
  readonly type: 'multivariant';
  readonly renditions: readonly SourceRendition[];
}

const bits = z.coerce.number().int().min(1).max(1e12);

const variantSchema = z.object({
  BANDWIDTH: bits,
  'AVERAGE-BANDWIDTH': bits.optional(),
  CODECS: short.optional(),
  RESOLUTION: z.object({ width: z.int().min(1).max(65_536), height: z.int().min(1).max(65_536) }).optional(),
  'FRAME-RATE': z.number().min(0.1).max(1000).optional(),
  AUDIO: short.optional(),
  SUBTITLES: short.optional(),
});

const yes = z
  .enum(['YES', 'NO'])
  .transform((text) => text === 'YES')
  .optional();

const alternativeSchema = z.object({
  TYPE: z.enum(['AUDIO', 'VIDEO', 'SUBTITLES', 'CLOSED-CAPTIONS']),
  'GROUP-ID': short,
  NAME: short,
  URI: short.optional(),
  LANGUAGE: short.optional(),
  CHANNELS: short.optional(),
  CHARACTERISTICS: short.optional(),
  DEFAULT: yes,
  AUTOSELECT: yes,
  FORCED: yes,
});

/** Reads a playlist of either kind. `path`: where it was uploaded. @throws SegueError `invalid_playlist`, `too_large` */
export function parsePlaylist(path: string, text: string): SourceMedia | SourceMultivariant {
  const lines = [...linesOf(text)];
  const isMultivariant = lines.some(
    (line) => line.type === 'tag' && (line.tag === 'EXT-X-STREAM-INF' || line.tag === 'EXT-X-MEDIA'),
  );
  return isMultivariant ? multivariant(path, lines) : media(path, lines);
}

function multivariant(path: string, lines: readonly Line[]): SourceMultivariant {
  const byPath = new Map<string, SourceRendition>();
  const add = (line: Line, rendition: SourceRendition): void => {
    if (byPath.has(rendition.path)) return;
    byPath.set(rendition.path, rendition);
    if (byPath.size > mostRenditions)
      throw broken(line.number, `at most ${mostRenditions} renditions may be`);
  };
  let variant: z.output<typeof variantSchema> | undefined;
  for (const line of lines) {
    if (line.type === 'inf') throw broken(line.number, 'EXTINF in a multivariant playlist');
    if (line.type === 'uri') {
      if (variant === undefined) throw broken(line.number, 'a URI without EXT-X-STREAM-INF before it');
      add(line, { path: pathIn(line, path, line.uri), role: 'variant', attributes: variant });
      variant = undefined;
    } else if (line.tag === 'EXT-X-STREAM-INF') {
      variant = checked(variantSchema, line);
    } else if (line.tag === 'EXT-X-MEDIA') {
      const attributes = checked(alternativeSchema, line);
      // Without a URI it is inside the variants; closed captions are always.
      if (attributes.URI === undefined || attributes.TYPE === 'CLOSED-CAPTIONS') continue;
      add(line, { path: pathIn(line, path, attributes.URI), role: 'media', attributes });
    } else if (line.tag === 'EXT-X-DEFINE') {
      throw broken(line.number, 'EXT-X-DEFINE is not supported', 'Write the values out.');
    }
  }
  return { type: 'multivariant', renditions: [...byPath.values()] };
}

const whole = (line: Line & { type: 'tag' }, most: number): number => {
  const value = /^\d{1,15}$/.test(line.value) ? Number(line.value) : Number.NaN;
  if (!(value <= most)) throw broken(line.number, `${line.tag} is no whole number up to ${most}`);
  return value;
};

/** Reads `length[@offset]`; without an offset it follows the range before, of the same file (RFC 8216, 4.3.2.2). */
function rangeOf(
  line: Line,
  text: string,
  path: string,
  before: Part | undefined,
): NonNullable<Part['range']> {
  const match = /^(\d{1,12})(?:@(\d{1,15}))?$/.exec(text);
  if (match === null) throw broken(line.number, 'a byte range is not length[@offset]');
  const length = Number(match[1]);
  if (length === 0) throw broken(line.number, 'a byte range is empty');
  if (match[2] !== undefined) return { length, offset: Number(match[2]) };
  if (before?.range === undefined || before.path !== path) {
    throw broken(line.number, 'a byte range without an offset follows none of the same file');
  }
  return { length, offset: before.range.offset + before.range.length };
}

function dateOf(line: Line & { type: 'tag' }): string {
  const iso = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?$/.test(line.value);
  const time = iso ? Date.parse(line.value.replace(/([+-]\d\d)(\d\d)$/, '$1:$2')) : Number.NaN;
  if (Number.isNaN(time)) throw broken(line.number, 'EXT-X-PROGRAM-DATE-TIME is no date of ISO 8601');
  return new Date(time).toISOString();
}

/** What tags before a URI say of it. */
interface Pending {
  seconds?: number;
  range?: { line: Line; text: string };
  discontinuity?: boolean;
  programDateTime?: string;
  gap?: boolean;
  /** EXT-X-KEY, and the EXT-X-MAP that was in force there. */
  keyBefore?: { key: KeyLine | undefined; map: Part | undefined };
}

function media(path: string, lines: readonly Line[]): SourceMedia {
  const segments: SourceSegment[] = [];
  let targetDuration: number | undefined;
  let first = 0;
  let ended = false;
  let iFramesOnly = false;
  let map: Part | undefined;
  let keyOfMap: SourceKey | undefined;
  let key: KeyLine | undefined;
  let pending: Pending = {};
  let last: Part | undefined;

  const add = (line: Line & { type: 'uri' }): void => {
    if (pending.seconds === undefined) throw broken(line.number, 'a URI without EXTINF before it');
    if (pending.seconds > segmentSeconds)
      throw broken(line.number, `a segment of more than ${segmentSeconds} s`);
    const file = pathIn(line, path, line.uri);
    const range = pending.range && rangeOf(pending.range.line, pending.range.text, file, last);
    const sequence = first + segments.length;
    last = { path: file, range };
    segments.push({
      sequence,
      part: last,
      durationUs: Math.round(pending.seconds * 1e6),
      discontinuity: pending.discontinuity ?? false,
      map,
      mapKey: keyOfMap,
      key: segmentKey(key, sequence),
      programDateTime: pending.programDateTime ?? null,
      gap: pending.gap ?? false,
    });
    if (segments.length > playlistSegments)
      throw broken(line.number, `at most ${playlistSegments} segments may be`);
    pending = {};
  };
  const tag = (line: Line & { type: 'tag' }): void => {
    switch (line.tag) {
      case 'EXT-X-TARGETDURATION':
        targetDuration = Math.max(1, whole(line, segmentSeconds));
        break;
      case 'EXT-X-MEDIA-SEQUENCE':
        if (segments.length > 0) throw broken(line.number, 'EXT-X-MEDIA-SEQUENCE after the first segment');
        first = whole(line, 2 ** 49);
        break;
      case 'EXT-X-DISCONTINUITY':
        pending.discontinuity = true;
        break;
      case 'EXT-X-PROGRAM-DATE-TIME':
        pending.programDateTime = dateOf(line);
        break;
      case 'EXT-X-BYTERANGE':
        pending.range = { line, text: line.value };
        break;
      case 'EXT-X-GAP':
        pending.gap = true;
        break;
      case 'EXT-X-MAP':
        map = mapOf(line, path);
        keyOfMap = mapKey(key);
        break;
      case 'EXT-X-KEY': {
        const next = keyOf(line, path);
        // One for the init segment, and after EXT-X-MAP another one, are fine; several that hold together are not.
        const { keyBefore } = pending;
        const isAnother =
          keyBefore?.map === map || (next && keyBefore?.key && !replaces(next, keyBefore.key));
        if (keyBefore !== undefined && isAnother)
          throw broken(line.number, 'several keys for one segment are not supported');
        key = next;
        pending.keyBefore = { key, map };
        break;
      }
      case 'EXT-X-I-FRAMES-ONLY':
        iFramesOnly = true;
        break;
      case 'EXT-X-ENDLIST':
        ended = true;
        break;
      case 'EXT-X-SKIP':
      case 'EXT-X-DEFINE':
        throw broken(line.number, `${line.tag} is not supported`, 'Have the producer write whole playlists.');
      default:
    }
  };
  for (const line of lines) {
    if (line.type === 'inf') pending.seconds = line.seconds;
    else if (line.type === 'uri') add(line);
    else tag(line);
  }
  if (targetDuration === undefined)
    throw broken(lines.at(-1)?.number ?? 1, 'EXT-X-TARGETDURATION is missing');
  return { type: 'media', targetDuration, segments, ended, iFramesOnly };
}

const mapSchema = z.object({ uri: z.string().min(1).max(2048) });

function mapOf(line: Line & { type: 'tag' }, playlist: string): Part {
  const result = mapSchema.safeParse(line.fields);
  if (!result.success) throw broken(line.number, 'EXT-X-MAP has no URI');
  const path = pathIn(line, playlist, result.data.uri);
  const text = /(?:^|,) *BYTERANGE="([^"]*)"/.exec(line.value)?.[1];
  if (text === undefined) return { path, range: undefined };
  // Without an offset a map begins at 0: no range comes before it (RFC 8216bis, 4.4.4.5).
  return { path, range: rangeOf(line, text.includes('@') ? text : `${text}@0`, path, undefined) };
}
