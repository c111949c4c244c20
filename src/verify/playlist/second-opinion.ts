import { Parser } from 'm3u8-parser';
import type { Expects, Place } from '../report.ts';

/** Characters that m3u8-parser is given. Its patterns take time that grows with the square of a line. */
const most = { whole: 1_000_000, line: 4096 } as const;

/** What m3u8-parser (video.js) says of a playlist. Where it is too much for it, a note says so. */
export function checkSecondOpinion(text: string, place: Place, findings: Expects): void {
  const refused = tooMuch(text);
  findings.expect('verify.parser', place, refused);
  if (refused === undefined) findings.expect('m3u8.parser', place, remark(text));
}

function tooMuch(text: string): string | undefined {
  if (text.length > most.whole) return `it has ${text.length} characters, more than ${most.whole}`;
  const line = text.split('\n').findIndex(({ length }) => length > most.line);
  return line < 0 ? undefined : `line ${line + 1} has more than ${most.line} characters`;
}

/** The first thing that m3u8-parser warns of. */
function remark(text: string): string | undefined {
  const parser = new Parser();
  const remarks: string[] = [];
  // What it knows of no spec for (a tag that it does not parse) is not a remark on the playlist.
  parser.on('warn', ({ message }) => remarks.push(message));
  parser.on('error', ({ message }) => remarks.push(message));
  try {
    parser.push(text);
    parser.end();
  } catch (error) {
    return `it fails: ${error instanceof Error ? error.message : String(error)}`;
  }
  return remarks[0];
}
