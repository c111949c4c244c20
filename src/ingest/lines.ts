import { ParseStream } from 'm3u8-parser';
import { SegueError } from '../ops/errors.ts';
import { lineLength, playlistBytes, playlistLines } from './limits.ts';

/** A line of a playlist that says something, with its number from 1. */
export type Line = { readonly number: number } & (
  | { readonly type: 'uri'; readonly uri: string }
  | { readonly type: 'inf'; readonly seconds: number }
  | { readonly type: 'tag'; readonly tag: string; readonly value: string; readonly fields: Fields }
);

/** What m3u8-parser reads in a tag. */
export type Fields = Readonly<Record<string, unknown>>;

/** The error for a playlist that breaks a rule: it names the line. */
export function broken(number: number, message: string, hint?: string): SegueError {
  return new SegueError('invalid_playlist', `Line ${number} of the playlist: ${message}`, {
    hint:
      hint ??
      'Nothing of this playlist was taken in; what was listed before stays. RFC 8216 says how it is to look.',
  });
}

/** Tags that matter here, and whether they have an attribute list. All others are passed over, as RFC 8216 (6.3.1) asks. */
const tags: Readonly<Record<string, 'plain' | 'attributes'>> = {
  'EXT-X-TARGETDURATION': 'plain',
  'EXT-X-MEDIA-SEQUENCE': 'plain',
  'EXT-X-DISCONTINUITY': 'plain',
  'EXT-X-ENDLIST': 'plain',
  'EXT-X-GAP': 'plain',
  'EXT-X-BYTERANGE': 'plain',
  'EXT-X-PROGRAM-DATE-TIME': 'plain',
  'EXT-X-I-FRAMES-ONLY': 'plain',
  'EXT-X-DEFINE': 'attributes',
  'EXT-X-SKIP': 'attributes',
  'EXT-X-MAP': 'attributes',
  'EXT-X-KEY': 'attributes',
  'EXT-X-MEDIA': 'attributes',
  'EXT-X-STREAM-INF': 'attributes',
};

/** One attribute (RFC 8216, 4.2), quoted or not; sticky, so that a long line is read once. */
const attribute = /([A-Z0-9-]+)=("[^"]*"|[^",\s]+) *(,|$)/y;

/** Refuses what is no attribute list before anybody guesses what it means. */
function checkAttributes(number: number, tag: string, value: string): void {
  const seen = new Set<string>();
  attribute.lastIndex = 0;
  while (attribute.lastIndex < value.length) {
    const at = attribute.lastIndex;
    const match = attribute.exec(value);
    if (match === null) {
      throw broken(number, `${tag} has no attribute list at ${JSON.stringify(value.slice(at, at + 40))}`);
    }
    const name = match[1] ?? '';
    if (seen.has(name)) throw broken(number, `${tag} has ${name} twice`);
    seen.add(name);
    if (match[3] === '') break;
    while (value[attribute.lastIndex] === ' ') attribute.lastIndex += 1;
  }
}

/** m3u8-parser's reading of one line; what makes it stumble is not a playlist. */
function readTag(number: number, text: string): Fields {
  const parser = new ParseStream();
  let fields: Fields = {};
  parser.on('data', (event: unknown) => {
    if (typeof event === 'object' && event !== null) fields = { ...fields, ...event };
  });
  try {
    parser.push(text);
  } catch {
    throw broken(number, 'its attributes make no sense');
  }
  return fields;
}

/**
 * The lines of a playlist that say something. Bounded in length and number; the two kinds that nearly all lines have are read
 * here, all others by m3u8-parser after a check of their form.
 * @throws SegueError `invalid_playlist` with the line, `too_large`
 */
export function* linesOf(text: string): Generator<Line> {
  if (text.length > playlistBytes) {
    throw new SegueError('too_large', `The playlist is larger than ${playlistBytes / 1024 / 1024} MiB`);
  }
  let number = 0;
  for (let at = 0; at <= text.length; ) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end < 0 ? text.length : end).trim();
    at = end < 0 ? text.length + 1 : end + 1;
    number += 1;
    if (number > playlistLines) throw broken(number, `at most ${playlistLines} lines may be`);
    if (line.length > lineLength) throw broken(number, `it has more than ${lineLength} characters`);
    if (number === 1) {
      if (!/^\uFEFF?#EXTM3U$/.test(line)) throw broken(1, 'a playlist begins with #EXTM3U');
      continue;
    }
    if (line === '') continue;
    if (!line.startsWith('#')) {
      yield { number, type: 'uri', uri: line };
      continue;
    }
    if (!line.startsWith('#EXT')) continue;
    if (line.startsWith('#EXTINF:')) {
      const seconds = /^#EXTINF:(\d{1,9}(?:\.\d{1,30})?)(?:,|$)/.exec(line)?.[1];
      if (seconds === undefined) throw broken(number, 'EXTINF has no duration');
      yield { number, type: 'inf', seconds: Number(seconds) };
      continue;
    }
    const colon = line.indexOf(':');
    const tag = line.slice(1, colon < 0 ? undefined : colon);
    const form = Object.hasOwn(tags, tag) ? tags[tag] : undefined;
    if (form === undefined) continue;
    const value = colon < 0 ? '' : line.slice(colon + 1);
    if (form === 'attributes') checkAttributes(number, tag, value);
    yield { number, type: 'tag', tag, value, fields: readTag(number, line) };
  }
}
