import { setTimeout as sleep } from 'node:timers/promises';
import { type Change, compare } from './changes.ts';
import { type Reach, sizes } from './load.ts';
import { type ListedSegment, type MediaPlaylist, maxListed } from './playlist/media.ts';
import { atLine, type Place, type WatchReport } from './report.ts';
import type { Versions } from './versions.ts';

/** What a watch gives to those who fetch: segments as they are listed. */
export interface Watched {
  /** Everything that was ever listed, in order, up to a bound. */
  readonly playlist: MediaPlaylist;
  readonly report: WatchReport;
}

/** A playlist that is read again and again. */
interface Reloaded {
  readonly url: string;
  readonly place: Place;
  readonly versions: Versions;
}

/** Target durations within which a new version comes (RFC 8216 6.2.1). */
const inTime = 1.5;
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
  #isLate = false;
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

  /** Takes the next version, that came at `now` and was asked for at `asked`, in milliseconds. Returns what was appended. */
  step(next: MediaPlaylist, now: number, asked = now): Change {
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
    this.#expectInTime(change, next, now, asked);
    // One by one: a call takes no 100,000 arguments.
    for (const segment of change.appended) if (this.#all.length < maxListed) this.#all.push(segment);
    this.#latest = next;
    return change;
  }

  /**
   * A version with a new segment, or ENDLIST, within 1.5 target durations of the one before (RFC 8216 6.2.1). Only a list that
   * was seen without news after that time is late: between two reloads nobody knows when they came.
   */
  #expectInTime(change: Change, next: MediaPlaylist, now: number, asked: number): void {
    const { findings } = this.#reach;
    if (change.appended.length > 0 || next.complete) {
      if (!this.#isLate) findings.expect('watch.late', this.#place, false);
      this.#changedAt = now;
      this.#isLate = false;
      return;
    }
    const target = Math.max(1, this.#latest.targetDuration) * 1000;
    const waited = asked - this.#changedAt;
    if (this.#isLate || waited <= inTime * target + grace) return;
    const told = `nothing new for ${(waited / 1000).toFixed(1)} s, with a target duration of ${target / 1000} s`;
    findings.expect('watch.late', this.#place, told);
    this.#isLate = true;
  }

  result(now: number): Watched {
    const playlist = { ...this.#latest, segments: this.#all, mediaSequence: this.#all[0]?.n ?? 0 };
    const seconds = Math.round((now - this.#started) / 100) / 10;
    // A list that still grows is well without.
    const stopped = this.#isLate && 'it has stopped growing, and EXT-X-ENDLIST is missing';
    // What is missing in a VOD list is `m3u8.vod`.
    if (playlist.type !== 'VOD') this.#reach.findings.expect('m3u8.endlist', this.#place, stopped);
    return { playlist, report: { ...this.#counts, ended: this.#latest.complete, seconds } };
  }
}

/**
 * Reloads a growing playlist at the pace of RFC 8216 6.3.4 until EXT-X-ENDLIST and once more, or for `reach.watchMs`.
 * `onAppended` gets new segments as they are listed. Ends early where the playlist cannot be had any more, or time is up.
 */
export async function watch(
  first: MediaPlaylist,
  source: Reloaded,
  reach: Reach,
  onAppended: (segments: readonly ListedSegment[]) => void,
): Promise<Watched> {
  const watcher = new Watcher(first, source.place, reach, performance.now());
  const until = performance.now() + reach.watchMs;
  let wait = Math.max(1, first.targetDuration) * 1000;
  let failures = 0;
  for (let reloads = 0; reloads < maxReloads; reloads += 1) {
    const left = until - performance.now();
    if (left < Math.min(wait, 100)) break;
    await pause(Math.min(wait, left), reach);
    if (reach.time.aborted) break;
    const asked = performance.now();
    const next = await reload(source, reach);
    failures = next === undefined ? failures + 1 : 0;
    if (failures >= maxFailures) break;
    if (next === undefined) continue;
    const wasComplete = watcher.latest.complete;
    const change = watcher.step(next, performance.now(), asked);
    onAppended(change.appended);
    if (wasComplete) break;
    const target = Math.max(1, next.targetDuration) * 1000;
    wait = change.isSame ? target / 2 : target;
    // The last word: nothing may change after ENDLIST.
    if (next.complete) wait = Math.min(wait, 1000);
  }
  return watcher.result(performance.now());
}

/** Waits so many milliseconds, or until time is up. */
async function pause(ms: number, { signal, time }: Reach): Promise<void> {
  await sleep(ms, undefined, { signal: AbortSignal.any([signal, time]) }).catch(() =>
    signal.throwIfAborted(),
  );
}

async function reload({ url, place, versions }: Reloaded, reach: Reach): Promise<MediaPlaylist | undefined> {
  const { findings } = reach;
  const got = await reach.get(url, place, { maxBytes: sizes.playlist, first: true });
  if (got === undefined) return undefined;
  const { last, body, bodyProblem, codingProblem } = got;
  const problem = last.status === 200 ? bodyProblem : `${last.status} when it is reloaded`;
  if (!findings.expect('http.status', place, problem)) return undefined;
  if (codingProblem !== undefined && !findings.expect('http.gzip', place, codingProblem)) return undefined;
  return versions.read(body, last.url);
}
