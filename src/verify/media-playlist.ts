import { Parser } from 'm3u8-parser';
import { type Line, readAttributes, valuesOf } from './lines.ts';
import type { Findings } from './report.ts';

/** One listed segment. */
export interface ListedSegment {
  /** Media sequence number. */
  readonly n: number;
  readonly url: string;
  /** EXTINF in seconds. */
  readonly duration: number;
  readonly initUrl: string | undefined;
  /** Timestamps may begin anew here. */
  readonly discontinuity: boolean;
}

/** A media playlist, read. */
export interface MediaPlaylist {
  readonly segments: readonly ListedSegment[];
  /** Seconds; 0 when missing. */
  readonly targetDuration: number;
  readonly complete: boolean;
}

const known = /\.(m4s|mp4|m4v|m4a|cmfv|cmfa|ts|aac|m3u8|m3u)$/i;

/**
 * Reads a media playlist with m3u8-parser and checks its lines (RFC 8216 4.3.2, 4.3.3). `url` is where it was got from,
 * `independent` whether the multivariant playlist already declared segments independent.
 */
export function checkMediaPlaylist(
  text: string,
  lines: readonly Line[],
  url: string,
  where: string,
  independent: boolean,
  findings: Findings,
): MediaPlaylist {
  const { manifest, remarks } = parse(text);
  findings.expect('m3u8.parser', where, remarks[0]);
  const targetDuration = checkTarget(lines, where, findings);
  checkVersion(lines, where, findings);
  checkEnd(lines, where, findings);
  const declared = independent || valuesOf(lines, 'EXT-X-INDEPENDENT-SEGMENTS').length > 0;
  findings.expect('m3u8.independent', where, !declared && 'EXT-X-INDEPENDENT-SEGMENTS is missing');
  checkSegmentLines(lines, url, where, findings);
  const first = manifest.mediaSequence ?? 0;
  const segments = (manifest.segments ?? []).flatMap((segment, index): ListedSegment[] => {
    const resolved = resolve(segment.uri, url);
    if (resolved === undefined) return [];
    return [
      {
        n: first + index,
        url: resolved,
        duration: segment.duration,
        initUrl: segment.map === undefined ? undefined : resolve(segment.map.uri, url),
        discontinuity: segment.discontinuity === true,
      },
    ];
  });
  return { segments, targetDuration, complete: manifest.endList === true };
}

/** Resolves a URI of a playlist (RFC 3986 5.2). */
export function resolve(uri: string, base: string): string | undefined {
  return URL.canParse(uri, base) ? new URL(uri, base).href : undefined;
}

/** Checks one URI (RFC 8216 4.1): absolute only to another host, extension known. */
export function checkUri(uri: string, base: string, where: string, findings: Findings): void {
  const resolved = resolve(uri, base);
  let problem: string | undefined;
  if (resolved === undefined) problem = `\`${uri}\` is not a URI`;
  else if (/^[a-z][a-z0-9+.-]*:/i.test(uri) && new URL(resolved).host === new URL(base).host) {
    problem = `${uri} is absolute, but on the host of the playlist`;
  } else if (!known.test(new URL(resolved).pathname))
    problem = `${uri} has no extension of a playlist or segment`;
  findings.expect('m3u8.uri', where, problem);
}

function parse(text: string): { manifest: Partial<Parser['manifest']>; remarks: string[] } {
  const parser = new Parser();
  const remarks: string[] = [];
  parser.on('warn', ({ message }) => remarks.push(message));
  parser.on('error', ({ message }) => remarks.push(message));
  parser.push(text);
  parser.end();
  return { manifest: parser.manifest, remarks };
}

function checkTarget(lines: readonly Line[], where: string, findings: Findings): number {
  const [value] = valuesOf(lines, 'EXT-X-TARGETDURATION');
  const target = value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
  if (target === undefined) {
    findings.expect(
      'm3u8.targetduration',
      where,
      value === undefined ? 'it is missing' : `\`${value}\` is not a whole number`,
    );
    return 0;
  }
  const longest = Math.max(0, ...valuesOf(lines, 'EXTINF').map((one) => Number.parseFloat(one) || 0));
  findings.expect(
    'm3u8.targetduration',
    where,
    Math.round(longest) > target && `it is ${target}, but a segment lasts ${longest} s`,
  );
  return target;
}

function checkVersion(lines: readonly Line[], where: string, findings: Findings): void {
  const version = Number(valuesOf(lines, 'EXT-X-VERSION')[0] ?? '1');
  const uses = (name: string): boolean => valuesOf(lines, name).length > 0;
  const needs: [number, string][] = [];
  if (valuesOf(lines, 'EXTINF').some((value) => value.split(',', 1)[0]?.includes('.')))
    needs.push([3, 'decimal EXTINF']);
  if (uses('EXT-X-BYTERANGE')) needs.push([4, 'EXT-X-BYTERANGE']);
  if (uses('EXT-X-MAP')) needs.push(uses('EXT-X-I-FRAMES-ONLY') ? [5, 'EXT-X-MAP'] : [6, 'EXT-X-MAP']);
  const unmet = needs.filter(([need]) => !(version >= need)).at(-1);
  findings.expect('m3u8.version', where, unmet && `version ${version}, but ${unmet[1]} needs ${unmet[0]}`);
}

function checkEnd(lines: readonly Line[], where: string, findings: Findings): void {
  const ended = valuesOf(lines, 'EXT-X-ENDLIST').length > 0;
  const [type] = valuesOf(lines, 'EXT-X-PLAYLIST-TYPE');
  findings.expect(
    'm3u8.vod',
    where,
    type === 'VOD' && !ended && 'PLAYLIST-TYPE is VOD, but EXT-X-ENDLIST is missing',
  );
  if (type !== 'VOD') findings.expect('m3u8.endlist', where, !ended && 'EXT-X-ENDLIST is missing');
  if (ended) return;
  const offset = readAttributes(valuesOf(lines, 'EXT-X-START')[0] ?? '').values.get('TIME-OFFSET');
  const starts = offset !== undefined && Number(offset) > 0 && Number(offset) < 1;
  if (type === 'EVENT')
    findings.expect('m3u8.start', where, !starts && 'no EXT-X-START near 0: players join near the end');
}

function checkSegmentLines(lines: readonly Line[], url: string, where: string, findings: Findings): void {
  let extinf: string | undefined;
  let mapped = false;
  for (const line of lines) {
    if (line.kind === 'tag') {
      if (line.name === 'EXTINF') extinf = line.value;
      if (line.name === 'EXT-X-MAP') {
        mapped = true;
        const uri = readAttributes(line.value).values.get('URI');
        findings.expect('m3u8.map', `${where} line ${line.number}`, uri === undefined && 'it has no URI');
        if (uri !== undefined) checkUri(uri, url, `${where} line ${line.number}`, findings);
      }
      continue;
    }
    const place = `${where} line ${line.number}`;
    const well = extinf !== undefined && /^\d+(\.\d+)?,/.test(extinf);
    findings.expect(
      'm3u8.extinf',
      place,
      !well && (extinf === undefined ? 'it is missing' : `\`${extinf}\` is not seconds and a comma`),
    );
    const isFmp4 = /\.(m4s|mp4|m4v|m4a|cmfv|cmfa)($|\?)/i.test(line.uri);
    if (isFmp4) findings.expect('m3u8.map', place, !mapped && 'no EXT-X-MAP applies to it');
    checkUri(line.uri, url, place, findings);
    extinf = undefined;
  }
}
