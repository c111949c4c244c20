import { setTimeout as sleep } from 'node:timers/promises';
import { type Change, compare } from './changes.ts';
import { type Reach, sizes } from './load.ts';
import { readLines } from './playlist/lines.ts';
import { type ListedSegment, type MediaPlaylist, maxListed, readMedia } from './playlist/media.ts';
import { atLine, type Place, type WatchReport } from './report.ts';

/** What a watch gives to those who fetch: segments as they are listed. */
export interface Watched {
  /** Everything that was ever listed, in order, up to a bound. */
  readonly playlist: MediaPlaylist;
  readonly report: WatchReport;
}

/** How a playlist is read again. Undefined where it cannot be had. */
type Reload = () => Promise<MediaPlaylist | undefined>;

/** Milliseconds that an answer may be late without a fault of the playlist. */
const grace = 1000;
/** Reloads in a row that may fail. */
const maxFailures = 5;
const maxReloads = 10_000;

/** The state of a watch, step by step: tests call `step` by hand. */
export class Watcher {
  readonly #place: Place;
  readonly #reach: Pick<Reach, 'findings'>;
  readonly #started: number;
  #latest: MediaPlaylist;
  #all: ListedSegment[];
  #changedAt: number;
  #toldLate = false;
  #counts = { reloads: 0, changes: 0, appended: 0, removed: 0 };

  constructor(first: MediaPlaylist, place: Place, reach: Pick<Reach, 'findings'>, now: number) {
    this.#latest = first;
    this.#all = [...first.segments];
    this.#place = place;
    this.#reach = reach;
    this.#started = now;
    this.#changedAt = now;
  }

  get latest(): MediaPlaylist {
    return this.#latest;
  }

  /** Takes the next version, at a time in milliseconds. Returns what was appended. */
  step(next: MediaPlaylist, now: number): Change {
    const { findings } = this.#reach;
    const change = compare(this.#latest, next);
    const looked = [
      'watch.line',
      'watch.removed',
      'watch.sequence',
      'watch.discontinuity',
      'watch.targetduration',
    ] as const;
    for (const rule of looked) findings.expect(rule, this.#place, false);
    for (const { rule, message, line } of change.violations)
      findings.expect(rule, line === undefined ? this.#place : atLine(this.#place, line), message);
    if (this.#latest.complete) findings.expect('watch.ended', this.#place, false);
    this.#counts.reloads += 1;
    this.#counts.appended += change.appended.length;
    this.#counts.removed += change.removed;
    if (!change.isSame) this.#counts.changes += 1;
    this.#expectInTime(change, next, now);
    // One by one: a call takes no 100,000 arguments.
    for (const segment of change.appended) if (this.#all.length < maxListed) this.#all.push(segment);
    this.#latest = next;
    return change;
  }

  /** A version with a new segment, or ENDLIST, within 1.5 target durations of the one before (RFC 8216 6.2.1). */
  #expectInTime(change: Change, next: MediaPlaylist, now: number): void {
    const target = Math.max(1, this.#latest.targetDuration) * 1000;
    const waited = now - this.#changedAt;
    const hasNews = change.appended.length > 0 || next.complete;
    // Polling every half target duration sees a change that much later.
    const late = waited > 2 * target + grace && !this.#latest.complete;
    if (late && !this.#toldLate) {
      const told = `nothing new for ${(waited / 1000).toFixed(1)} s, with a target duration of ${target / 1000} s`;
      this.#reach.findings.expect('watch.late', this.#place, told);
      this.#toldLate = true;
    } else if (hasNews) this.#reach.findings.expect('watch.late', this.#place, false);
    if (!hasNews) return;
    this.#changedAt = now;
    this.#toldLate = false;
  }

  result(now: number): Watched {
    const playlist = { ...this.#latest, segments: this.#all, mediaSequence: this.#all[0]?.n ?? 0 };
    const seconds = Math.round((now - this.#started) / 100) / 10;
    return { playlist, report: { ...this.#counts, ended: this.#latest.complete, seconds } };
  }
}

/**
 * Reloads a growing playlist at the pace of RFC 8216 6.3.4 until EXT-X-ENDLIST and once more, or for `reach.watchMs`.
 * `onAppended` gets new segments as they are listed. Ends early where the playlist cannot be had any more.
 */
export async function watch(
  first: MediaPlaylist,
  url: string,
  place: Place,
  reach: Reach,
  onAppended: (segments: readonly ListedSegment[]) => void,
): Promise<Watched> {
  const watcher = new Watcher(first, place, reach, performance.now());
  const until = performance.now() + reach.watchMs;
  let wait = Math.max(1, first.targetDuration) * 1000;
  let failures = 0;
  for (let reloads = 0; reloads < maxReloads; reloads += 1) {
    const left = until - performance.now();
    if (left < Math.min(wait, 100)) break;
    await sleep(Math.min(wait, left), undefined, { signal: reach.signal });
    const next = await reload(url, place, reach)();
    failures = next === undefined ? failures + 1 : 0;
    if (failures >= maxFailures) break;
    if (next === undefined) continue;
    const wasComplete = watcher.latest.complete;
    const change = watcher.step(next, performance.now());
    onAppended(change.appended);
    if (wasComplete) break;
    const target = Math.max(1, next.targetDuration) * 1000;
    wait = change.isSame ? target / 2 : target;
    // The last word: nothing may change after ENDLIST.
    if (next.complete) wait = Math.min(wait, 1000);
  }
  return watcher.result(performance.now());
}

function reload(url: string, place: Place, reach: Reach): Reload {
  return async () => {
    const got = await reach.get(url, place, { maxBytes: sizes.playlist });
    const problem = got === undefined ? undefined : statusProblem(got.last.status, got.bodyProblem);
    if (!reach.findings.expect('http.status', place, problem) || got === undefined) return undefined;
    return readMedia(readLines(new TextDecoder().decode(got.body)), got.last.url);
  };
}

const statusProblem = (status: number, cut: string | undefined): string | undefined =>
  status === 200 ? cut : `${status} when it is reloaded`;
