import { atLine, type Expects, type Place } from '../report.ts';
import { readAttributes } from './attributes.ts';
import type { Line } from './lines.ts';
import { checkUri } from './uri.ts';

const fmp4 = /\.(m4s|mp4|m4v|m4a|m4i|cmfv|cmfa|cmft)($|\?)/i;

/** Checks the lines that belong to segments: EXTINF, EXT-X-BYTERANGE, EXT-X-MAP, EXT-X-KEY and URIs (RFC 8216 4.3.2). */
export function checkSegmentLines(
  lines: readonly Line[],
  url: string,
  place: Place,
  findings: Expects,
): void {
  let extinf: string | undefined;
  let range: string | undefined;
  let before: { uri: string; ranged: boolean } | undefined;
  let mapped = false;
  for (const line of lines) {
    const at = atLine(place, line.number);
    if (line.kind === 'tag') {
      if (line.name === 'EXTINF') extinf = line.value;
      if (line.name === 'EXT-X-BYTERANGE') range = line.value;
      if (line.name === 'EXT-X-KEY') findings.expect('m3u8.key', at, keyProblem(line.value));
      if (line.name === 'EXT-X-MAP') {
        mapped = true;
        checkMapLine(line.value, url, at, findings);
      }
      continue;
    }
    const well = extinf !== undefined && /^\d+(\.\d+)?,/.test(extinf);
    const told =
      extinf === undefined ? 'it is missing' : `\`${extinf.slice(0, 60)}\` is not seconds and a comma`;
    findings.expect('m3u8.extinf', at, !well && told);
    if (range !== undefined) {
      const follows = before?.uri === line.uri && before.ranged;
      findings.expect('m3u8.byterange', at, rangeProblem(range, follows));
    }
    if (fmp4.test(line.uri)) findings.expect('m3u8.map', at, !mapped && 'no EXT-X-MAP applies to it');
    checkUri(line.uri, url, at, findings);
    before = { uri: line.uri, ranged: range !== undefined };
    extinf = undefined;
    range = undefined;
  }
  const open = extinf !== undefined && lines.at(-1);
  if (open) findings.expect('m3u8.extinf', atLine(place, open.number), 'no URI follows EXTINF');
}

function rangeProblem(text: string, follows: boolean): string | undefined {
  const match = /^\d{1,15}(@\d{1,15})?$/.exec(text);
  if (match === null) return `\`${text.slice(0, 60)}\` is not n[@o]`;
  return match[1] === undefined && !follows
    ? `\`${text}\` has no offset, and the segment before is no range of the same file`
    : undefined;
}

function checkMapLine(value: string, url: string, at: Place, findings: Expects): void {
  const { values } = readAttributes(value);
  const uri = values.get('URI');
  const range = values.get('BYTERANGE');
  const bad = range !== undefined && rangeProblem(range, false);
  findings.expect('m3u8.map', at, uri === undefined ? 'it has no URI' : bad);
  if (uri !== undefined) checkUri(uri, url, at, findings);
}

/** What is wrong with the attributes of an EXT-X-KEY or EXT-X-SESSION-KEY. */
export function keyProblem(value: string): string | undefined {
  const { values } = readAttributes(value);
  const method = values.get('METHOD');
  if (method === undefined) return 'METHOD is missing';
  if (method === 'NONE') {
    const more = [...values.keys()].filter((name) => name !== 'METHOD');
    return more.length > 0 ? `METHOD=NONE with ${more.join(', ')}` : undefined;
  }
  if (!values.has('URI')) return `METHOD=${method.slice(0, 40)} without URI`;
  const iv = values.get('IV');
  return iv !== undefined && !/^0[xX][0-9A-Fa-f]{32}$/.test(iv)
    ? `IV=${iv.slice(0, 60)} is not 128 bits`
    : undefined;
}
