import type { Seen } from './cast.ts';
import { sealedIn } from './evidence.ts';
import type { PlayerReport } from './player.ts';
import { fps } from './stage.ts';
import { isSegment } from './tap.ts';

type Span = readonly [number, number];

/** A player with at least so many seconds ahead at the hard moment has no excuse to stall. */
const enoughBuffered = 5;

/** With more than this, in seconds, a second before it stood still, a player did not lack data. */
const dry = 1.5;

/** Milliseconds that a player may stand still with data at hand, in sum. */
const mostHiccupMs = 3000;

/** Pictures beyond those of the video, as a part of them, that a player may be seen to show. */
const mostSurplus = 0.02;

/** What one cell of the matrix says. */
export interface Verdict {
  readonly ended: boolean;
  readonly fatal: string;
  /** Errors that the player got over. */
  readonly retried: number;
  readonly stalls: number | undefined;
  readonly stallMs: number | undefined;
  /** Milliseconds of stalls that began although data was there: the machine or the player was busy. */
  readonly hiccupMs: number | undefined;
  /** Seconds that were buffered at the hard moment. */
  readonly ahead: number | undefined;
  /** Stalls that began from then on, and before it was sent elsewhere. */
  readonly stallsAfter: number | undefined;
  readonly shown: number | undefined;
  readonly dropped: number | undefined;
  /** Frames that were to be played and never reached the player's decoder. */
  readonly lost: number;
  /**
   * Where pictures bear no time and are counted: how many of the video were not shown; negative: how many more were. Fewer
   * than a segment are not counted as lost.
   */
  readonly missing: number | undefined;
  readonly firstFrameMs: number | undefined;
  readonly endedAt: number | undefined;
  /** Segments by where they came from; `listed`: from the bucket, without asking the service. */
  readonly sources: Readonly<Record<string, number>> | undefined;
  /** Video renditions that were asked for. */
  readonly sizes: string | undefined;
  /** Segments listed with the bucket's URL. */
  readonly sealed: number | undefined;
  /** Answers of the service that were errors or cut off. */
  readonly failed: number | undefined;
  /** The last requests that it ended before their last byte, where it did not come to the end: what it waited for. */
  readonly waitedFor: readonly string[] | undefined;
  /** What its scenario claims to have tried and this cell did not have. */
  readonly lacks: string | undefined;
}

/** Spans that were to be played, at least. What is shown in the moment of a seek is not held against the player. */
function expected({ startAt, sought }: Seen, seconds: number): Span[] {
  const starts = [startAt, ...sought.map(({ to }) => to)];
  const ends = [...sought.map(({ at }) => at - 0.5), seconds];
  return starts.map((from, i): Span => [from, ends[i] ?? seconds]).filter(([from, to]) => to > from);
}

/** Frames of the spans that were not played. */
function missing(spans: readonly Span[], played: readonly Span[]): number {
  let frames = 0;
  for (const [from, to] of spans) {
    let at = from;
    for (const [start, end] of [...played].sort((a, b) => a[0] - b[0])) {
      if (end <= at || start >= to) continue;
      frames += Math.max(0, Math.round((start - at) * fps));
      at = Math.max(at, end);
    }
    frames += Math.max(0, Math.round((to - at) * fps));
  }
  return frames;
}

const isStraight = ({ sought, startAt }: Seen): boolean => sought.length === 0 && startAt === 0;

/** Frames of the video that a player which was sent nowhere did not show; negative: it showed more. */
function missingFrames({ report: { frames } }: Seen, seconds: number): number {
  return frames.shown === undefined ? 0 : seconds * fps - frames.shown - (frames.dropped ?? 0);
}

/** Frames that were to be played and never came; those that a busy player dropped did come. */
function lostFrames(seen: Seen, seconds: number, timeless: boolean): number {
  const { frames, played } = seen.report;
  const { dropped = 0 } = frames;
  const straight = isStraight(seen);
  const count = straight ? Math.max(0, missingFrames(seen, seconds)) : 0;
  // It does not tell of every picture that it drops for being late; what does not arrive is a segment at least.
  if (played === undefined || (timeless && straight)) return count < shortestSegment ? 0 : count;
  const gaps = missing(expected(seen, seconds), played);
  return timeless ? Math.max(0, gaps - dropped - seekFrames) : Math.max(gaps, count);
}

/** Frames around a seek that a player without times on its pictures counts to the wrong side. */
const seekFrames = 3;

/** Frames of the shortest segment. */
const shortestSegment = 24;

/** `180p, 120p`: the video renditions of some segments' paths. */
function sizesOf(paths: readonly string[]): string {
  return [...new Set(paths.flatMap((path) => /\/(\d+p)\//.exec(path)?.[1] ?? []))].join(', ');
}

/** Stalls that nobody commanded: after the hard moment, and not after a seek that followed it. */
function stallsAfter({ marked = 0, sought }: Seen, stalls: NonNullable<PlayerReport['stalls']>): number {
  const until = Math.min(...sought.flatMap(({ when }) => (when >= marked ? [when] : [])));
  return stalls.filter(({ when }) => when >= marked && when < until).length;
}

/** How to judge one player in one scenario. */
interface Rules {
  /** Length of the video. */
  readonly seconds: number;
  /** Its pictures bear no time and are counted. */
  readonly timeless: boolean;
  readonly evidence: ((seen: Seen) => string | undefined) | undefined;
}

/** Judges what a player did. */
export function judge(seen: Seen, { seconds, timeless, evidence }: Rules): Verdict {
  const { report, answers } = seen;
  const sum = (list: PlayerReport['stalls']) => list?.reduce((total, { ms }) => total + ms, 0);
  const stalls = report.stalls?.filter(({ buffered = 0 }) => buffered <= dry);
  const hiccups = report.stalls?.filter(({ buffered = 0 }) => buffered > dry);
  const segments = answers?.filter(isSegment);
  const sources: Record<string, number> = {};
  for (const { source = 'unknown' } of segments ?? []) sources[source] = (sources[source] ?? 0) + 1;
  return {
    ended: report.ended,
    fatal: [...report.fatal, ...(report.timedOut ? ['it did not end in time'] : [])].slice(0, 3).join(' · '),
    retried: report.retried.length,
    stalls: stalls?.length,
    stallMs: sum(stalls),
    hiccupMs: sum(hiccups),
    ahead: seen.ahead,
    stallsAfter: seen.ahead === undefined ? undefined : stalls && stallsAfter(seen, stalls),
    shown: report.frames.shown,
    dropped: report.frames.dropped,
    lost: lostFrames(seen, seconds, timeless),
    missing: timeless && isStraight(seen) ? missingFrames(seen, seconds) : undefined,
    firstFrameMs: report.firstFrameMs,
    endedAt: report.endedAt,
    sources: segments && sources,
    sizes: segments && sizesOf(segments.map(({ path }) => path)),
    sealed: answers && sealedIn(answers),
    failed: answers?.filter(({ status }) => status === 0 || status >= 400).length,
    waitedFor: report.ended ? undefined : seen.givenUp?.slice(-4),
    lacks: evidence?.(seen),
  };
}

/** How a cell may miss the goal, or say nothing at all. */
export type Miss =
  | 'does not reach the end'
  | 'fatal error'
  | 'loses frames'
  | 'shows more than there is'
  | 'stalls with 5 s buffered'
  | 'hiccups for more than 3 s'
  | 'not exercised';

/** Misses that a machine without an idle moment explains as well. */
export const timed: readonly Miss[] = ['stalls with 5 s buffered', 'hiccups for more than 3 s'];

/** It showed more pictures than repeating one here and there explains. */
function showsMore({ missing = 0, shown = 0, dropped = 0 }: Verdict): boolean {
  return -missing > mostSurplus * (shown + dropped + missing);
}

/** How a cell misses the goal; empty where it reaches it. */
export function misses(verdict: Verdict, waits = false): Miss[] {
  const unexcused = (verdict.ahead ?? 0) >= enoughBuffered && (verdict.stallsAfter ?? 0) > 0;
  const list: (Miss | false)[] = [
    !verdict.ended && 'does not reach the end',
    verdict.ended && verdict.fatal !== '' && 'fatal error',
    verdict.lost > 0 && 'loses frames',
    showsMore(verdict) && 'shows more than there is',
    unexcused && !waits && 'stalls with 5 s buffered',
    (verdict.hiccupMs ?? 0) > mostHiccupMs && 'hiccups for more than 3 s',
    verdict.lacks !== undefined && 'not exercised',
  ];
  return list.filter((miss) => miss !== false);
}
