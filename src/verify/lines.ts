import type { Findings } from './report.ts';

/** One line of a playlist: a tag with its value (empty when it has none), or a URI. Comments and empty lines are left out. */
export type Line =
  | { readonly kind: 'tag'; readonly number: number; readonly name: string; readonly value: string }
  | { readonly kind: 'uri'; readonly number: number; readonly uri: string };

/** Splits a playlist into lines (RFC 8216 4.1). Numbers count from 1. */
function readLines(text: string): Line[] {
  return text.split(/\r?\n/).flatMap((line, index): Line[] => {
    const number = index + 1;
    if (line === '') return [];
    if (!line.startsWith('#')) return [{ kind: 'uri', number, uri: line }];
    if (!line.startsWith('#EXT')) return [];
    const colon = line.indexOf(':');
    return [
      colon < 0
        ? { kind: 'tag', number, name: line.slice(1), value: '' }
        : { kind: 'tag', number, name: line.slice(1, colon), value: line.slice(colon + 1) },
    ];
  });
}

/** Values of every tag of this name, in order. */
export function valuesOf(lines: readonly Line[], name: string): string[] {
  return lines.flatMap((line) => (line.kind === 'tag' && line.name === name ? [line.value] : []));
}

/** An attribute list, and what is wrong with it (RFC 8216 4.2). Quotes are kept off the values. */
export interface Attributes {
  readonly values: ReadonlyMap<string, string>;
  readonly quoted: ReadonlySet<string>;
  readonly problem: string | undefined;
}

/** Reads an attribute list strictly; what comes before the first defect is still returned. */
export function readAttributes(text: string): Attributes {
  const values = new Map<string, string>();
  const quoted = new Set<string>();
  const pattern = /([A-Z0-9-]+)=(?:"([^"\r\n]*)"|([^",\s]+))(,|$)/y;
  let at = 0;
  while (at < text.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null)
      return { values, quoted, problem: `not an attribute at \`${text.slice(at, at + 40)}\`` };
    const [whole, name = '', inQuotes, plain, comma] = match;
    if (values.has(name)) return { values, quoted, problem: `${name} stands twice` };
    values.set(name, inQuotes ?? plain ?? '');
    if (inQuotes !== undefined) quoted.add(name);
    at += whole.length;
    if (comma === ',' && at === text.length) return { values, quoted, problem: 'it ends in a comma' };
  }
  return { values, quoted, problem: undefined };
}

const withAttributes = [
  'EXT-X-MEDIA',
  'EXT-X-STREAM-INF',
  'EXT-X-I-FRAME-STREAM-INF',
  'EXT-X-MAP',
  'EXT-X-START',
  'EXT-X-KEY',
];
const quotedAlways = ['URI', 'CODECS', 'GROUP-ID', 'NAME', 'AUDIO', 'CHANNELS', 'LANGUAGE'];
const onceOnly = [
  'EXTM3U',
  'EXT-X-VERSION',
  'EXT-X-TARGETDURATION',
  'EXT-X-MEDIA-SEQUENCE',
  'EXT-X-DISCONTINUITY-SEQUENCE',
  'EXT-X-PLAYLIST-TYPE',
  'EXT-X-ENDLIST',
  'EXT-X-INDEPENDENT-SEGMENTS',
  'EXT-X-START',
];
const mediaOnly = [
  'EXTINF',
  'EXT-X-TARGETDURATION',
  'EXT-X-MEDIA-SEQUENCE',
  'EXT-X-PLAYLIST-TYPE',
  'EXT-X-ENDLIST',
  'EXT-X-MAP',
];
const multivariantOnly = ['EXT-X-MEDIA', 'EXT-X-STREAM-INF', 'EXT-X-I-FRAME-STREAM-INF'];

/** Whether a playlist is multivariant: it names playlists, not segments. */
export function isMultivariant(lines: readonly Line[]): boolean {
  return lines.some((line) => line.kind === 'tag' && multivariantOnly.includes(line.name));
}

/** Checks what holds for every kind of playlist (RFC 8216 4.1, 4.2, 4.3.1). */
export function checkText(
  bytes: Uint8Array,
  where: string,
  findings: Findings,
): { text: string; lines: Line[] } {
  const { text, problem } = decodeText(bytes);
  findings.expect('m3u8.text', where, problem);
  const lines = readLines(text);
  const first = text.split(/\r?\n/, 1)[0] ?? '';
  findings.expect('m3u8.extm3u', where, first !== '#EXTM3U' && `the first line is \`${first.slice(0, 60)}\``);
  const names = lines.flatMap((line) => (line.kind === 'tag' ? [line.name] : []));
  const repeated = onceOnly.filter((name) => names.indexOf(name) !== names.lastIndexOf(name));
  findings.expect('m3u8.once', where, repeated.length > 0 && `repeated: ${repeated.join(', ')}`);
  const isMixed = names.some((name) => mediaOnly.includes(name)) && isMultivariant(lines);
  findings.expect('m3u8.mixed', where, isMixed && 'it has tags of both kinds');
  for (const line of lines) {
    if (line.kind === 'tag' && withAttributes.includes(line.name)) checkAttributes(line, where, findings);
  }
  return { text, lines };
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

function checkAttributes(line: Line & { kind: 'tag' }, where: string, findings: Findings): void {
  const { values, quoted, problem } = readAttributes(line.value);
  const unquoted = quotedAlways.find((name) => values.has(name) && !quoted.has(name));
  const wrong = problem ?? (unquoted === undefined ? undefined : `${unquoted} is not quoted`);
  findings.expect('m3u8.attributes', `${where} line ${line.number}`, wrong && `${line.name}: ${wrong}`);
}
