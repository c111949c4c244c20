import { atLine, type Expects, type Place } from '../report.ts';
import { readAttributes } from './attributes.ts';
import { hasTag, tagsOf } from './lines.ts';
import { type MediaPlaylist, readDate } from './media.ts';

/** Milliseconds that a program date may be off: encoders take it from a clock. */
const tolerance = 100;

/** Checks EXT-X-PROGRAM-DATE-TIME and EXT-X-DATERANGE (RFC 8216 4.3.2.6, 4.3.2.7). */
export function checkDates({ lines, segments }: MediaPlaylist, place: Place, findings: Expects): void {
  for (const { value, number } of tagsOf(lines, 'EXT-X-PROGRAM-DATE-TIME')) {
    const bad = readDate(value) === undefined && `\`${value.slice(0, 60)}\` is no date with a time zone`;
    findings.expect('m3u8.date', atLine(place, number), bad);
  }
  const dated = hasTag(lines, 'EXT-X-PROGRAM-DATE-TIME');
  const ids = new Map<string, Map<string, string>>();
  for (const { value, number } of tagsOf(lines, 'EXT-X-DATERANGE')) {
    const { values } = readAttributes(value);
    const problem = rangeProblem(values, ids, dated);
    findings.expect('m3u8.date', atLine(place, number), problem);
  }
  let expected: number | undefined;
  for (const { date, duration, discontinuity, line } of segments) {
    if (date !== undefined && expected !== undefined && !discontinuity) {
      const off = date - expected;
      const told = `it is ${off.toFixed(0)} ms from the date and EXTINF of the segments before`;
      findings.expect('m3u8.datetime', atLine(place, line), Math.abs(off) > tolerance && told);
    }
    if (discontinuity) expected = undefined;
    const from = date ?? expected;
    expected = from === undefined ? undefined : from + duration * 1000;
  }
}

function rangeProblem(
  values: ReadonlyMap<string, string>,
  ids: Map<string, Map<string, string>>,
  dated: boolean,
): string | undefined {
  const id = values.get('ID');
  if (id === undefined) return 'EXT-X-DATERANGE without ID';
  const all = ids.get(id) ?? new Map<string, string>();
  const isFirst = !ids.has(id);
  ids.set(id, all);
  if (!dated) return 'EXT-X-DATERANGE without any EXT-X-PROGRAM-DATE-TIME';
  if (isFirst && readDate(values.get('START-DATE')) === undefined)
    return 'EXT-X-DATERANGE without START-DATE';
  const changed = [...values].find(([name, value]) => (all.get(name) ?? value) !== value);
  if (changed !== undefined) return `${changed[0]} differs between two EXT-X-DATERANGE with ID ${id}`;
  for (const [name, value] of values) all.set(name, value);
  const start = readDate(all.get('START-DATE'));
  const end = readDate(all.get('END-DATE'));
  if (start !== undefined && end !== undefined && end < start) return 'END-DATE is before START-DATE';
  return endOnNextProblem(all);
}

/** END-ON-NEXT=YES: the range lasts until the next of its CLASS, and says nothing else of its end. */
function endOnNextProblem(values: ReadonlyMap<string, string>): string | undefined {
  const value = values.get('END-ON-NEXT');
  if (value === undefined) return undefined;
  if (value !== 'YES') return `END-ON-NEXT=${value.slice(0, 40)} is not YES`;
  if (!values.has('CLASS')) return 'END-ON-NEXT without CLASS';
  const more = ['DURATION', 'END-DATE'].filter((name) => values.has(name));
  return more.length > 0 ? `END-ON-NEXT=YES with ${more.join(' and ')}` : undefined;
}
