import type { Ending } from './ending.ts';
import type { Done } from './lanes.ts';
import { bufferSeconds } from './playhead.ts';
import type { ProcessorUse } from './processors.ts';
import type { Session, Video } from './session.ts';
import type { Truth } from './truth.ts';

/** What a run came to. */
export interface Verdict {
  readonly isGood: boolean;
  /** Every reason why it is not. */
  readonly problems: readonly string[];
  readonly viewers: readonly ViewerSum[];
  readonly faults: readonly string[];
  readonly videos: number;
  /** Files of which everybody had the same bytes. */
  readonly files: number;
  /** Videos that nobody had watched to their end, and that were whole only once somebody did. */
  readonly unwatched: number | undefined;
  /** While there were faults. */
  readonly used: ProcessorUse;
}

/** What one viewer got, in all sessions. */
export interface ViewerSum {
  readonly who: string;
  readonly sessions: number;
  /** Segments; of ffmpeg frames. */
  readonly got: number;
  readonly expected: number;
  readonly frames: number;
  readonly gotOver: number;
  readonly died: number;
  readonly wrong: number;
  readonly stalls: number;
  readonly stallSeconds: number;
  /** Stalls although the buffer was full when the segment was asked for. */
  readonly unexpectedStalls: number;
}

/** What is judged. */
export interface Evidence {
  readonly sessions: readonly Session[];
  readonly truth: Truth;
  readonly done: Done;
  /** Absent where the run was interrupted. */
  readonly ending: Ending | undefined;
  readonly videos: readonly Video[];
  readonly used: ProcessorUse;
  /** Judges stalls, too. */
  readonly strict: boolean;
  /** What is left of it, and must not be. */
  readonly left: readonly string[];
}

/** A timer may be late by as much when the buffer is called full, in seconds. */
const almost = 0.5;

/** Judges a run. Sessions that the end of an interrupted run has cut are told, and not judged. */
export function verdictOf(evidence: Evidence): Verdict {
  const { sessions, truth, done, ending, videos, used, strict, left } = evidence;
  const judged = sessions.filter(({ died }) => died !== 'interrupted');
  const viewers = [...Map.groupBy(judged, ({ who }) => who)]
    .map(([who, list]) => sumOf(who, list))
    .sort((a, b) => a.who.localeCompare(b.who, 'en', { numeric: true }));
  const problems = [
    ...judged.flatMap(({ who, video, died, wrong, got, expected }) => [
      ...(died === undefined ? [] : [`${who}, ${video.id}: gave up: ${died}`]),
      ...wrong.map((what) => `${who}, ${video.id}: ${what}`),
      ...(died === undefined && wrong.length === 0 && got !== expected
        ? [`${who}, ${video.id}: ${got} of ${expected}`]
        : []),
    ]),
    ...truth.conflicts,
    ...done.problems,
    ...(ending?.problems ?? []),
    ...left,
    ...(judged.length === 0 ? ['nobody has watched anything to its end'] : []),
    ...(strict
      ? viewers
          .filter(({ unexpectedStalls }) => unexpectedStalls > 0)
          .map(({ who }) => `${who} stalled with ${bufferSeconds} s buffered`)
      : []),
  ];
  return {
    isGood: problems.length === 0,
    problems,
    viewers,
    faults: done.done,
    videos: videos.length,
    files: truth.size,
    unwatched: ending?.unwatched,
    used,
  };
}

function sumOf(who: string, sessions: readonly Session[]): ViewerSum {
  const sum = (of: (session: Session) => number): number => sessions.reduce((all, each) => all + of(each), 0);
  // Who fetches everything at once has no clock to fall behind.
  const stalls = sessions.filter(({ kind }) => kind === 'player').flatMap((each) => each.stalls);
  return {
    who,
    sessions: sessions.length,
    got: sum(({ got }) => got),
    expected: sum(({ expected }) => expected),
    frames: sum(({ frames }) => frames),
    gotOver: sum(({ gotOver }) => gotOver.length),
    died: sum(({ died }) => (died === undefined ? 0 : 1)),
    wrong: sum(({ wrong }) => wrong.length),
    stalls: stalls.length,
    stallSeconds: Math.round(stalls.reduce((all, { seconds }) => all + seconds, 0) * 10) / 10,
    unexpectedStalls: stalls.filter(({ ahead }) => ahead > bufferSeconds - almost).length,
  };
}

const columns: readonly (readonly [string, (viewer: ViewerSum) => string | number])[] = [
  ['viewer', ({ who }) => who],
  ['sessions', ({ sessions }) => sessions],
  ['got', ({ got, expected }) => `${got}/${expected}`],
  ['frames', ({ frames }) => frames],
  ['wrong', ({ wrong }) => wrong],
  ['gave up', ({ died }) => died],
  ['got over', ({ gotOver }) => gotOver],
  ['stalls (s)', ({ stalls, stallSeconds }) => `${stalls} (${stallSeconds})`],
  ['with a full buffer', ({ unexpectedStalls }) => unexpectedStalls],
];

/** The verdict for people: a table of the viewers, the faults, and every problem. */
export function printed(verdict: Verdict): string {
  const rows = [
    columns.map(([title]) => title),
    ...verdict.viewers.map((viewer) => columns.map(([, of]) => String(of(viewer)))),
  ];
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const table = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  );
  const kinds = [...Map.groupBy(verdict.faults, (words) => words.replace(/ for [\d.]+ s$/, ''))].map(
    ([words, list]) => `  ${list.length} x ${words}`,
  );
  const { used } = verdict;
  const unwatched =
    verdict.unwatched === undefined ? '' : `, ${verdict.unwatched} of them whole only once somebody asked`;
  return [
    '',
    ...table,
    '',
    `${verdict.faults.length} faults:`,
    ...kinds.sort(),
    `${verdict.videos} videos${unwatched}; ${verdict.files} files, the same for everybody who got them`,
    `processors ${Math.round(used.busy * 100)} % busy, ${used.own.toFixed(2)} of ${used.count} by this run`,
    ...verdict.problems.map((problem) => `PROBLEM ${problem}`),
    verdict.isGood
      ? 'GOOD: every viewer finished with every frame'
      : `BAD: ${verdict.problems.length} problems`,
  ].join('\n');
}
