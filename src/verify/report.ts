import { type CheckId, checkIds, checks, type Level } from './checks.ts';

/** One defect at one place. */
export interface Finding {
  readonly check: CheckId;
  readonly level: Level;
  /** Rendition, segment or URL. */
  readonly where: string;
  readonly message: string;
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

/** One media playlist and what was fetched of it. */
export interface RenditionReport {
  readonly name: string;
  readonly url: string;
  readonly kind: 'video' | 'audio' | 'unknown';
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
  readonly segments: readonly SegmentReport[];
}

/** A check and how it ended. `examined` counts the places that were looked at; `skipped` means none. */
export interface CheckReport {
  readonly id: CheckId;
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
  readonly result: 'ok' | Level;
  /** Whether only a sample of the segments was fetched. */
  readonly sampled: boolean;
  /** Media seconds of the longest rendition, as listed. */
  readonly duration: number;
  readonly renditions: readonly RenditionReport[];
  readonly checks: readonly CheckReport[];
  /** At most 20 a check; `checks[].findings` counts all. */
  readonly findings: readonly Finding[];
}

/** Findings kept a check: a broken rule mostly breaks for every segment. */
const maxFindings = 20;

/** Collects what is looked at and found. */
export class Findings {
  readonly #examined = new Map<CheckId, number>();
  readonly #counts = new Map<CheckId, number>();
  readonly #kept: Finding[] = [];

  /** Records that a check was made at a place; `problem` is what is wrong there, if anything. Returns whether it held. */
  expect(check: CheckId, where: string, problem: string | false | undefined): boolean {
    this.#examined.set(check, (this.#examined.get(check) ?? 0) + 1);
    if (problem === undefined || problem === false) return true;
    const count = (this.#counts.get(check) ?? 0) + 1;
    this.#counts.set(check, count);
    if (count <= maxFindings) this.#kept.push({ check, level: checks[check].level, where, message: problem });
    return false;
  }

  /** Everything kept, in the order of the checks and of the places: answers come in any order. */
  list(): Finding[] {
    const order = new Intl.Collator('en', { numeric: true });
    return checkIds.flatMap((id) =>
      this.#kept.filter((finding) => finding.check === id).sort((a, b) => order.compare(a.where, b.where)),
    );
  }

  /** Every check with its result. */
  results(): CheckReport[] {
    return checkIds.map((id) => {
      const { level, title, rule, hint } = checks[id];
      const examined = this.#examined.get(id) ?? 0;
      const findings = this.#counts.get(id) ?? 0;
      const passed = examined === 0 ? 'skipped' : 'ok';
      return { id, result: findings > 0 ? level : passed, title, rule, hint, examined, findings };
    });
  }

  /** The worst level found. */
  worst(): 'ok' | Level {
    const levels = [...this.#counts.keys()].map((id) => checks[id].level);
    if (levels.includes('error')) return 'error';
    return levels.length > 0 ? 'warning' : 'ok';
  }
}
