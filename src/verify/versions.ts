import { substitute, type Variables } from './playlist/define.ts';
import { readLines, valuesOf, wholeNumber } from './playlist/lines.ts';
import { type MediaPlaylist, readMedia } from './playlist/media.ts';
import { checkMedia } from './playlist/media-checks.ts';
import { checkText } from './playlist/text.ts';
import type { Expects, Place } from './report.ts';
import type { RuleId } from './rules.ts';

/** Problems of one rule that are remembered; what comes after them is not told any more. */
const maxRemembered = 5000;
/** Characters of a line by which it is known again. */
const maxKnown = 300;

/** A line of one version: its text, and the media sequence number of the segment that it belongs to. */
type Lookup = (line: number) => { readonly text: string; readonly n: number };

/** Reads and checks a media playlist, version by version; of each it tells only what was not told of those before. */
export class Versions {
  readonly #place: Place;
  readonly #variables: Variables;
  readonly #findings: Expects;
  readonly #told = new Map<RuleId, Set<string>>();
  /** Media sequence number of the last segment that was looked at. */
  #last: number | undefined;

  constructor(place: Place, variables: Variables, findings: Expects) {
    this.#place = place;
    this.#variables = variables;
    this.#findings = findings;
  }

  /** The next version, as it came from `url`. */
  read(bytes: Uint8Array, url: string): MediaPlaylist {
    const { first, lookup } = lookupOf(bytes);
    const findings: Expects = {
      expect: (check, place, problem) => {
        const isBad = problem !== undefined && problem !== false;
        const isNew = isBad
          ? this.#isUntold(check, place, problem, first, lookup)
          : this.#isUnseen(place, lookup);
        return isNew ? this.#findings.expect(check, place, problem) : !isBad;
      },
    };
    const read = checkText(bytes, this.#place, findings);
    const { lines } = substitute(read.lines, this.#variables, this.#place, findings);
    const playlist = readMedia(lines, url);
    checkMedia(playlist, read.text, url, this.#place, findings);
    this.#last = Math.max(this.#last ?? -1, playlist.segments.at(-1)?.n ?? -1);
    return playlist;
  }

  #isUnseen({ line }: Place, lookup: Lookup): boolean {
    return this.#last === undefined || line === undefined || lookup(line).n > this.#last;
  }

  #isUntold(check: RuleId, { line }: Place, problem: string, first: number, lookup: Lookup): boolean {
    const told = this.#told.get(check) ?? new Set<string>();
    this.#told.set(check, told);
    const isFull = told.size >= maxRemembered;
    if (line === undefined) {
      // Of the whole list: seconds and counts in its words change with each version.
      const words = problem.slice(0, maxKnown).replaceAll(/\d+/g, '0');
      const isKnown = told.has(words);
      if (!isFull) told.add(words);
      return this.#last === undefined || !(isKnown || isFull);
    }
    const { text, n } = lookup(line);
    // What stood between segments comes to stand in front of the first one when a window slides.
    const isKnown = told.has(n === first ? text : `${n} ${text}`);
    if (!isFull) told.add(text).add(`${n} ${text}`);
    return this.#last === undefined || !(isKnown || isFull);
  }
}

function lookupOf(bytes: Uint8Array): { first: number; lookup: Lookup } {
  const text = new TextDecoder().decode(bytes);
  const texts = text.split(/\r?\n/);
  const lines = readLines(text);
  const first = wholeNumber(valuesOf(lines, 'EXT-X-MEDIA-SEQUENCE')[0]) ?? 0;
  const ends = lines.flatMap((line) => (line.kind === 'uri' ? [line.number] : []));
  const lookup: Lookup = (line) => ({
    text: (texts[line - 1] ?? '').slice(0, maxKnown),
    n: first + countBelow(ends, line),
  });
  return { first, lookup };
}

/** How many of ascending numbers are below a limit. */
function countBelow(ascending: readonly number[], limit: number): number {
  let from = 0;
  let to = ascending.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ascending[middle] ?? limit) < limit) from = middle + 1;
    else to = middle;
  }
  return from;
}
