import { atLine, type Expects, type Place } from '../report.ts';
import { attributeProblem, attributeTags } from './attributes.ts';
import { type Line, readLines, wholeNumber } from './lines.ts';

const onceOnly = new Set([
  'EXTM3U',
  'EXT-X-VERSION',
  'EXT-X-TARGETDURATION',
  'EXT-X-MEDIA-SEQUENCE',
  'EXT-X-DISCONTINUITY-SEQUENCE',
  'EXT-X-PLAYLIST-TYPE',
  'EXT-X-ENDLIST',
  'EXT-X-I-FRAMES-ONLY',
  'EXT-X-INDEPENDENT-SEGMENTS',
  'EXT-X-START',
  'EXT-X-CONTENT-STEERING',
  'EXT-X-SERVER-CONTROL',
  'EXT-X-PART-INF',
]);
const mediaOnly = new Set([
  'EXTINF',
  'EXT-X-TARGETDURATION',
  'EXT-X-MEDIA-SEQUENCE',
  'EXT-X-DISCONTINUITY-SEQUENCE',
  'EXT-X-PLAYLIST-TYPE',
  'EXT-X-ENDLIST',
  'EXT-X-I-FRAMES-ONLY',
  'EXT-X-IMAGES-ONLY',
  'EXT-X-MAP',
  'EXT-X-KEY',
  'EXT-X-BYTERANGE',
  'EXT-X-DISCONTINUITY',
  'EXT-X-PROGRAM-DATE-TIME',
  'EXT-X-DATERANGE',
  'EXT-X-GAP',
  'EXT-X-BITRATE',
  'EXT-X-PART',
  'EXT-X-PART-INF',
  'EXT-X-SERVER-CONTROL',
  'EXT-X-SKIP',
  'EXT-X-PRELOAD-HINT',
  'EXT-X-RENDITION-REPORT',
  'EXT-X-TILES',
]);
const multivariantOnly = new Set([
  'EXT-X-MEDIA',
  'EXT-X-STREAM-INF',
  'EXT-X-I-FRAME-STREAM-INF',
  'EXT-X-IMAGE-STREAM-INF',
  'EXT-X-SESSION-DATA',
  'EXT-X-SESSION-KEY',
  'EXT-X-CONTENT-STEERING',
]);
const both = new Set([
  'EXTM3U',
  'EXT-X-VERSION',
  'EXT-X-INDEPENDENT-SEGMENTS',
  'EXT-X-START',
  'EXT-X-DEFINE',
  // Removed from the protocol; harmless.
  'EXT-X-ALLOW-CACHE',
]);
const whole = new Set([
  'EXT-X-VERSION',
  'EXT-X-MEDIA-SEQUENCE',
  'EXT-X-DISCONTINUITY-SEQUENCE',
  'EXT-X-BITRATE',
]);
const withoutValue = new Set([
  'EXTM3U',
  'EXT-X-ENDLIST',
  'EXT-X-I-FRAMES-ONLY',
  'EXT-X-INDEPENDENT-SEGMENTS',
  'EXT-X-DISCONTINUITY',
  'EXT-X-GAP',
]);

/** Whether a playlist is multivariant: it names playlists, not segments. */
export function isMultivariant(lines: readonly Line[]): boolean {
  return lines.some((line) => line.kind === 'tag' && multivariantOnly.has(line.name));
}

/** Checks what holds for every kind of playlist (RFC 8216 4.1, 4.2, 4.3.1). */
export function checkText(
  bytes: Uint8Array,
  place: Place,
  findings: Expects,
): { text: string; lines: Line[] } {
  const { text, problem } = decodeText(bytes);
  findings.expect('m3u8.text', place, problem);
  const lines = readLines(text);
  const first = text.split(/\r?\n/, 1)[0] ?? '';
  findings.expect('m3u8.extm3u', place, first !== '#EXTM3U' && `the first line is \`${first.slice(0, 60)}\``);
  const names = lines.flatMap((line) => (line.kind === 'tag' ? [line.name] : []));
  const repeated = [...onceOnly].filter((name) => names.indexOf(name) !== names.lastIndexOf(name));
  findings.expect('m3u8.once', place, repeated.length > 0 && `repeated: ${repeated.join(', ')}`);
  const isMixed = names.some((name) => mediaOnly.has(name)) && isMultivariant(lines);
  findings.expect('m3u8.mixed', place, isMixed && 'it has tags of both kinds');
  for (const line of lines) if (line.kind === 'tag') checkTag(line, place, findings);
  return { text, lines };
}

function checkTag(line: Line & { kind: 'tag' }, place: Place, findings: Expects): void {
  const { name, value, number } = line;
  const at = atLine(place, number);
  if (attributeTags.has(name)) {
    const wrong = attributeProblem(value);
    findings.expect('m3u8.attributes', at, wrong && `${name}: ${wrong}`);
    return;
  }
  let problem: string | undefined;
  if (whole.has(name) && wholeNumber(value) === undefined) problem = 'is not a whole number';
  if (withoutValue.has(name) && value !== '') problem = 'has a value';
  if (name === 'EXT-X-PLAYLIST-TYPE' && !/^(VOD|EVENT)$/.test(value)) problem = 'is neither VOD nor EVENT';
  findings.expect('m3u8.values', at, problem && `${name}:${value.slice(0, 60)} ${problem}`);
  const known = mediaOnly.has(name) || multivariantOnly.has(name) || both.has(name);
  findings.expect('m3u8.unknown', at, !known && `#${name.slice(0, 60)}`);
}

function decodeText(bytes: Uint8Array): { text: string; problem: string | undefined } {
  const lenient = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const text = lenient.startsWith('\uFEFF') ? lenient.slice(1) : lenient;
  if (text !== lenient) return { text, problem: 'it begins with a byte order mark' };
  if (text.includes('\uFFFD')) return { text, problem: 'it is not UTF-8' };
  const control = /(?![\r\n])\p{Cc}/u.exec(text)?.[0];
  return {
    text,
    problem: control && `control character U+${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  };
}
