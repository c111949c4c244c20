import { type Level, type RuleId, ruleIds, rules } from './rules.ts';

/** Where something was looked at. */
export interface Place {
  /** Rendition, with the line or segment. */
  readonly where: string;
  readonly url?: string | undefined;
  /** Line of the playlist, from 1. */
  readonly line?: number | undefined;
}

/** The same playlist, at a line. */
export const atLine = ({ where, url }: Place, line: number): Place => ({
  where: `${where} line ${line}`,
  url,
  line,
});

/** One thing found at one place. */
export interface Finding {
  readonly check: RuleId;
  readonly level: Level;
  /** Where the rule is written. */
  readonly rule: string;
  /** Rendition, segment or line. */
  readonly where: string;
  readonly url?: string;
  /** Line of the playlist, from 1. */
  readonly line?: number;
  readonly message: string;
  /** The way out. */
  readonly hint: string;
}

/** Where a segment came from. `name` is the node, the bucket host, or the host that answered. */
export interface Source {
  /** `header`: the service said so (`x-segue-source`); `redirect`: host that it redirected to; `host`: host that was asked. */
  readonly told: 'header' | 'redirect' | 'host';
  readonly name: string;
  /** Host that sent the bytes. */
  readonly host: string;
}

/** One segment that was fetched. Times in seconds of the rendition's timeline, `ms` of wall clock until the last byte. */
interface SegmentReport {
  readonly n: number;
  readonly url: string;
  readonly status: number;
  readonly bytes: number;
  readonly ms: number;
  readonly source: Source;
  /** The answer was held: it began with `free` boxes. */
  readonly held: boolean;
  readonly start: number | null;
  readonly duration: number | null;
}

/** What was seen while a playlist was reloaded. */
export interface WatchReport {
  readonly reloads: number;
  /** Versions that differed from the one before. */
  readonly changes: number;
  readonly appended: number;
  readonly removed: number;
  /** EXT-X-ENDLIST was seen. */
  readonly ended: boolean;
  readonly seconds: number;
}

/** One media playlist and what was fetched of it. */
export interface RenditionReport {
  readonly name: string;
  readonly url: string;
  readonly kind: 'video' | 'audio' | 'text' | 'image' | 'unknown';
  /** `fmp4`, `ts`, `packed`, `webvtt` or `image`; null where nothing could be read. */
  readonly container: string | null;
  readonly codec: string | null;
  /** Segments listed, and of these fetched. */
  readonly listed: number;
  readonly fetched: number;
  readonly bytes: number;
  /** Seconds listed in the playlist, and seconds of media in the segments that were fetched. */
  readonly listedSeconds: number;
  readonly seconds: number;
  /** Fetched segments by source name. */
  readonly sources: Readonly<Record<string, number>>;
  readonly complete: boolean;
  /** Null where the playlist was read once. */
  readonly watch: WatchReport | null;
  readonly segments: readonly SegmentReport[];
}

/** A rule and how it ended. `examined` counts the places that were looked at; `skipped` means none. */
export interface CheckReport {
  readonly id: RuleId;
  readonly result: 'ok' | Level | 'skipped';
  readonly title: string;
  readonly rule: string;
  readonly hint: string;
  readonly examined: number;
  readonly findings: number;
}

/** What `segue verify --json` prints. Fields are only ever added within one `version`. */
export interface VerifyReport {
  readonly version: 1;
  readonly url: string;
  /** The worst level; notes leave it `ok`. */
  readonly result: 'ok' | 'warning' | 'error';
  /** Whether only a sample of the segments was fetched. */
  readonly sampled: boolean;
  /** Media seconds of the longest rendition, as listed. */
  readonly duration: number;
  readonly renditions: readonly RenditionReport[];
  readonly checks: readonly CheckReport[];
  /** Errors and warnings: at most 20 a rule; `checks[].findings` counts all. */
  readonly findings: readonly Finding[];
  /** Findings of level `note`, likewise. */
  readonly notes: readonly Finding[];
}

/** What a check needs of {@link Findings}. */
export type Expects = Pick<Findings, 'expect'>;

/** Findings kept a rule: a broken rule mostly breaks for every segment. */
const maxFindings = 20;
/** Characters of a message: hostile playlists have long lines. */
const maxMessage = 600;

/** Collects what is looked at and found. */
export class Findings {
  readonly #examined = new Map<RuleId, number>();
  readonly #counts = new Map<RuleId, number>();
  readonly #kept: Finding[] = [];

  /** Records that a rule was looked at somewhere; `problem` is what is wrong there, if anything. Returns whether it held. */
  expect(check: RuleId, place: Place, problem: string | false | undefined): boolean {
    this.#examined.set(check, (this.#examined.get(check) ?? 0) + 1);
    if (problem === undefined || problem === false) return true;
    const count = (this.#counts.get(check) ?? 0) + 1;
    this.#counts.set(check, count);
    if (count > maxFindings) return false;
    const { level, source: rule, hint } = rules[check];
    const { where, url, line } = place;
    const message = problem.length > maxMessage ? `${problem.slice(0, maxMessage)}…` : problem;
    this.#kept.push({
      check,
      level,
      rule,
      where,
      ...(url === undefined ? {} : { url }),
      ...(line === undefined ? {} : { line }),
      message,
      hint,
    });
    return false;
  }

  /** Everything kept, in the order of the rules and of the places: answers come in any order. */
  list(): Finding[] {
    const order = new Intl.Collator('en', { numeric: true });
    return ruleIds.flatMap((id) =>
      this.#kept.filter((finding) => finding.check === id).sort((a, b) => order.compare(a.where, b.where)),
    );
  }

  /** Every rule with its result. */
  results(): CheckReport[] {
    return ruleIds.map((id) => {
      const { level, title, source: rule, hint } = rules[id];
      const examined = this.#examined.get(id) ?? 0;
      const findings = this.#counts.get(id) ?? 0;
      const passed = examined === 0 ? 'skipped' : 'ok';
      return { id, result: findings > 0 ? level : passed, title, rule, hint, examined, findings };
    });
  }

  /** The worst level found; notes do not count. */
  worst(): 'ok' | 'warning' | 'error' {
    const levels = new Set<Level>([...this.#counts.keys()].map((id) => rules[id].level));
    if (levels.has('error')) return 'error';
    return levels.has('warning') ? 'warning' : 'ok';
  }
}
