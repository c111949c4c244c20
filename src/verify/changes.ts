import type { Line } from './playlist/lines.ts';
import type { ListedSegment, MediaPlaylist } from './playlist/media.ts';
import type { RuleId } from './rules.ts';

/** Something that a playlist must not do from one version to the next. */
export interface Violation {
  readonly rule: RuleId;
  readonly message: string;
  /** Line of the later version, where there is one. */
  readonly line?: number;
}

/** How the later version differs, where it may. */
export interface Change {
  readonly violations: readonly Violation[];
  readonly appended: readonly ListedSegment[];
  readonly removed: number;
  readonly isSame: boolean;
}

/** Violations told of one pair of versions: a rewritten playlist breaks every line. */
const maxTold = 10;

/**
 * Compares two versions of a media playlist (RFC 8216 6.2.1, 6.2.2): the later one must be the former and lines appended, or
 * for a live playlist with segments removed from the front and counted.
 */
export function compare(before: MediaPlaylist, after: MediaPlaylist): Change {
  const violations = [...headerChanges(before, after), ...sequenceChanges(before, after)];
  const shifted = violations.some(({ rule }) => rule === 'watch.sequence');
  if (!shifted) violations.push(...segmentChanges(before, after), ...endChanges(before, after));
  const last = before.segments.at(-1)?.n ?? before.mediaSequence - 1;
  const appended = shifted ? [] : after.segments.filter(({ n }) => n > last);
  const removed = Math.max(0, Math.min(after.mediaSequence - before.mediaSequence, before.segments.length));
  const isSame = textOf(before.lines) === textOf(after.lines);
  if (violations.length === 0 && before.complete && !isSame)
    violations.push({ rule: 'watch.ended', message: firstDifference(before.lines, after.lines) });
  if (violations.length === 0 && before.type !== undefined) violations.push(...otherChanges(before, after));
  return { violations: violations.slice(0, maxTold), appended, removed, isSame };
}

const lineText = (line: Line): string =>
  line.kind === 'uri' ? line.uri : `#${line.name}${line.value === '' ? '' : `:${line.value}`}`;
const textOf = (lines: readonly Line[]): string => lines.map(lineText).join('\n');
const quote = (text: string | undefined): string =>
  text === undefined ? 'nothing' : `\`${text.slice(0, 200)}\``;
const changed = (was: string | undefined, is: string | undefined): string =>
  `it was ${quote(was)} and is ${quote(is)}`;

/** Tags of the whole playlist that stay as they are. */
const fixed = [
  'EXT-X-VERSION',
  'EXT-X-TARGETDURATION',
  'EXT-X-PLAYLIST-TYPE',
  'EXT-X-I-FRAMES-ONLY',
  'EXT-X-INDEPENDENT-SEGMENTS',
  'EXT-X-START',
  'EXT-X-PART-INF',
  'EXT-X-SERVER-CONTROL',
] as const;

function headerChanges(before: MediaPlaylist, after: MediaPlaylist): Violation[] {
  return fixed.flatMap((name): Violation[] => {
    const find = ({ lines }: MediaPlaylist): Line | undefined =>
      lines.find((line) => line.kind === 'tag' && line.name === name);
    const [was, is] = [find(before), find(after)];
    const [wasText, isText] = [was && lineText(was), is && lineText(is)];
    if (wasText === isText) return [];
    const rule = name === 'EXT-X-TARGETDURATION' ? 'watch.targetduration' : 'watch.line';
    return [{ rule, message: changed(wasText, isText), ...(is === undefined ? {} : { line: is.number }) }];
  });
}

/** Whether EXT-X-MEDIA-SEQUENCE says how many segments were removed. */
function sequenceChanges(before: MediaPlaylist, after: MediaPlaylist): Violation[] {
  const told = `EXT-X-MEDIA-SEQUENCE was ${before.mediaSequence} and is ${after.mediaSequence}`;
  const by = after.mediaSequence - before.mediaSequence;
  if (by < 0) return [{ rule: 'watch.sequence', message: told }];
  const [first] = after.segments;
  const same = before.segments[by];
  if (first === undefined || same === undefined || isAlike(same, first)) return [];
  // Its URI has moved in the list by another number than the tag says.
  const moved = before.segments.findIndex((one) => isAlike(one, first));
  if (moved < 0 || moved === by) return [];
  // A list may repeat a file (an insert that loops): then only a shift of the whole list counts.
  const isShift = after.segments.every((one, index) => {
    const old = before.segments[moved + index];
    return old === undefined || isAlike(old, one);
  });
  return isShift
    ? [
        {
          rule: 'watch.sequence',
          message: `${told}, but ${moved} segments were removed: ${quote(first.uri)} is first now`,
        },
      ]
    : [];
}

const rangeText = ({ range }: ListedSegment): string =>
  range === undefined ? '' : `${range.length}@${range.offset}`;
const isAlike = (a: ListedSegment, b: ListedSegment): boolean =>
  a.uri === b.uri && rangeText(a) === rangeText(b);

function segmentChanges(before: MediaPlaylist, after: MediaPlaylist): Violation[] {
  const violations: Violation[] = [];
  const by = after.mediaSequence - before.mediaSequence;
  if (by > 0 && before.type !== undefined) {
    const message = `${by} segments were removed from the front of an ${before.type} playlist: ${quote(before.segments[0]?.uri)}`;
    violations.push({ rule: 'watch.removed', message });
  }
  const kept = before.segments.length - by;
  if (after.segments.length < kept) {
    const lost = before.segments[by + after.segments.length]?.uri;
    violations.push({
      rule: 'watch.removed',
      message: `${kept - after.segments.length} segments were removed from the end: ${quote(lost)}`,
    });
  }
  for (const [index, is] of after.segments.entries()) {
    const was = before.segments[by + index];
    if (was === undefined) break;
    const difference = segmentChange(was, is, index === 0 && by > 0);
    if (difference === undefined) continue;
    violations.push({ rule: 'watch.line', message: `#${is.n}: ${difference}`, line: is.line });
    if (violations.length >= maxTold) break;
  }
  const removedBreaks = before.segments
    .slice(0, Math.max(0, by))
    .filter(({ discontinuity }) => discontinuity).length;
  // The tag of the first segment that is left may go with the segment before it, or stay (6.2.2).
  const allowed = [
    removedBreaks,
    removedBreaks +
      (before.segments[by]?.discontinuity === true && after.segments[0]?.discontinuity === false ? 1 : 0),
  ];
  const counted = after.discontinuitySequence - before.discontinuitySequence;
  if (by <= before.segments.length && !allowed.includes(counted)) {
    const message = `EXT-X-DISCONTINUITY-SEQUENCE was ${before.discontinuitySequence} and is ${after.discontinuitySequence}, but ${removedBreaks} discontinuities were removed`;
    violations.push({ rule: 'watch.discontinuity', message });
  }
  return violations;
}

/** What changed of a segment that both versions list; quotes both lines. `isEdge`: what was in front of it is gone. */
function segmentChange(was: ListedSegment, is: ListedSegment, isEdge: boolean): string | undefined {
  if (was.uri !== is.uri) return changed(was.uri, is.uri);
  if (was.extinf !== is.extinf) return changed(`#EXTINF:${was.extinf}`, `#EXTINF:${is.extinf}`);
  if (rangeText(was) !== rangeText(is))
    return changed(`#EXT-X-BYTERANGE:${rangeText(was)}`, `#EXT-X-BYTERANGE:${rangeText(is)}`);
  if (was.key?.text !== is.key?.text)
    return changed(
      `#EXT-X-KEY:${was.key?.text ?? 'METHOD=NONE'}`,
      `#EXT-X-KEY:${is.key?.text ?? 'METHOD=NONE'}`,
    );
  if (was.map?.url !== is.map?.url)
    return changed(`#EXT-X-MAP of ${was.map?.url}`, `#EXT-X-MAP of ${is.map?.url}`);
  if (was.gap !== is.gap)
    return changed(was.gap ? '#EXT-X-GAP' : undefined, is.gap ? '#EXT-X-GAP' : undefined);
  if (was.discontinuity !== is.discontinuity && !isEdge)
    return changed(
      was.discontinuity ? '#EXT-X-DISCONTINUITY' : undefined,
      is.discontinuity ? '#EXT-X-DISCONTINUITY' : undefined,
    );
  // At the front a date may be added, where the one that it was counted from is gone.
  const dated = was.date !== is.date && !(isEdge && was.date === undefined);
  return dated ? changed(dateText(was.date), dateText(is.date)) : undefined;
}

const dateText = (date: number | undefined): string | undefined =>
  date === undefined ? undefined : `#EXT-X-PROGRAM-DATE-TIME:${new Date(date).toISOString()}`;

function endChanges(before: MediaPlaylist, after: MediaPlaylist): Violation[] {
  if (before.complete && !after.complete)
    return [{ rule: 'watch.ended', message: 'EXT-X-ENDLIST was there and is gone' }];
  const seconds = after.segments.reduce((total, { duration }) => total + duration, 0);
  const removed = after.mediaSequence > before.mediaSequence;
  if (!removed || after.complete || seconds >= 3 * after.targetDuration) return [];
  const message = `${seconds.toFixed(1)} s are left after a removal, less than three times ${after.targetDuration} s`;
  return [{ rule: 'watch.window', message }];
}

/** Tags at the live edge, which come and go (RFC 8216bis 6.2.1), and metadata, which may be removed. */
const passing = /^EXT-X-(ENDLIST|PART|PRELOAD-HINT|RENDITION-REPORT|SKIP|DATERANGE)$/;

/** Whatever else stands in an EVENT playlist: each version begins with all lines of the one before. */
function otherChanges(before: MediaPlaylist, after: MediaPlaylist): Violation[] {
  const lasting = ({ lines }: MediaPlaylist): Line[] =>
    lines.filter((line) => line.kind === 'uri' || !passing.test(line.name));
  const [was, is] = [lasting(before), lasting(after)];
  const starts = was.every((line, index) => {
    const now = is[index];
    return now !== undefined && lineText(now) === lineText(line);
  });
  return starts ? [] : [{ rule: 'watch.line', message: firstDifference(was, is) }];
}

/** Quotes the first line that differs. */
function firstDifference(before: readonly Line[], after: readonly Line[]): string {
  const longest = before.length > after.length ? before : after;
  const index = longest.findIndex((_, at) => {
    const [was, is] = [before[at], after[at]];
    return was === undefined || is === undefined || lineText(was) !== lineText(is);
  });
  const [was, is] = [before[index], after[index]];
  return changed(was && lineText(was), is && lineText(is));
}
