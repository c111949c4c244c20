/**
 * What has to be done, in units by kind: million pixels times frames for what is drawn, encoded and decoded, seconds of sound,
 * and counts of what is begun. A kind is one of `defaultWeights`, or `module:` and the name of a module.
 */
export type Work = ReadonlyMap<string, number>;

/** Adds up work. */
export class WorkSum {
  readonly #units = new Map<string, number>();

  /** Adds so many units of a kind. */
  add(kind: string, units: number): void {
    if (units > 0) this.#units.set(kind, (this.#units.get(kind) ?? 0) + units);
  }

  /** Adds another sum, so many times. */
  addAll(work: Work, times: number): void {
    for (const [kind, units] of work) this.add(kind, units * times);
  }

  /** What was added. */
  get work(): Work {
    return this.#units;
  }
}
