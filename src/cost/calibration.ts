import { z } from 'zod';
import { defaultWeight, ownKinds } from './weights.ts';
import type { Work } from './work-sum.ts';

/** Most kinds that a calibration has factors of: those of Segue, and of the modules seen last. */
const maxKinds = 128;
/** Bounds of a factor: no machine is further from the one that was measured, and no single lie moves it further. */
const factorBounds = { least: 1 / 50, most: 50 };

const factor = z.number().min(factorBounds.least).max(factorBounds.most);

/** Schema of {@link Calibration}, for reading it back from the catalog. */
export const calibrationSchema = z.object({
  speed: factor,
  factors: z.record(z.string().max(80), factor),
  segments: z.int().min(0),
});

/**
 * What a machine has taken for what it made, against what was expected: `speed` for everything, `factors` by kind of work. 2 is twice
 * as long. `segments`: how many it was learnt from.
 */
export type Calibration = z.output<typeof calibrationSchema>;

/** That of a machine that has made nothing. */
export const uncalibrated: Calibration = { speed: 1, factors: {}, segments: 0 };

/** Largest error that one segment is believed, as a factor: a machine that was asleep teaches nothing. */
const mostSurprise = 4;
/** How much of a segment's error is put right at once: in the speed, and in the kinds, by their share in the segment. */
const learning = { speed: 0.1, kinds: 0.2, first: 0.5 };

const bounded = (value: number, least: number, most: number): number =>
  Math.min(most, Math.max(least, value));

const weightOf = (kind: string, { speed, factors }: Calibration): number =>
  defaultWeight(kind) * speed * (factors[kind] ?? 1);

/** CPU seconds of work on a machine. */
export function secondsOf(work: Work, calibration: Calibration): number {
  let seconds = 0;
  for (const [kind, units] of work) seconds += units * weightOf(kind, calibration);
  return seconds;
}

/** CPU seconds of work on one of several machines, on average; of an average machine where none is known. */
export function expectedSeconds(work: Work, calibrations: readonly Calibration[]): number {
  const known = calibrations.length === 0 ? [uncalibrated] : calibrations;
  return known.reduce((sum, each) => sum + secondsOf(work, each), 0) / known.length;
}

/**
 * Learns from a segment that took `seconds` of CPU in the processes that made it. Each factor moves by a power of the error, by its
 * share in what was expected: none becomes negative, and what had no part in the segment stays.
 */
export function learnt(calibration: Calibration, work: Work, seconds: number): Calibration {
  const parts = [...work]
    .filter(([kind]) => !ownKinds.has(kind))
    .map(([kind, units]) => ({ kind, seconds: units * weightOf(kind, calibration) }));
  const expected = parts.reduce((sum, part) => sum + part.seconds, 0);
  if (!(expected > 0) || !(seconds > 0)) return calibration;
  const error = bounded(seconds / expected, 1 / mostSurprise, mostSurprise);
  const kept = (value: number): number => bounded(value, factorBounds.least, factorBounds.most);
  // What the first segments say of the machine itself is believed at once.
  const pace = Math.max(learning.speed, learning.first / (calibration.segments + 1));
  const factors = { ...calibration.factors };
  for (const part of parts) {
    const before = factors[part.kind] ?? 1;
    // Put behind the others: the ones not seen for longest are forgotten first.
    delete factors[part.kind];
    factors[part.kind] = kept(before * error ** (learning.kinds * (part.seconds / expected)));
  }
  for (const kind of Object.keys(factors).slice(0, Math.max(0, Object.keys(factors).length - maxKinds)))
    delete factors[kind];
  return {
    speed: kept(calibration.speed * error ** pace),
    factors,
    segments: Math.min(calibration.segments + 1, Number.MAX_SAFE_INTEGER),
  };
}
