import { ageClasses, ageClassOf, agesOf, rateAt, viewsBy } from './curve.ts';
import type { DemandModel } from './model.ts';

/** What becomes of a copy that leaves its place whenever nobody has come for some time, and is made again for the next who comes. */
export interface Lapsing {
  /** How often it has to be made again. */
  readonly again: number;
  /** For how long it is there, in seconds. */
  readonly held: number;
}

/** What is to be expected of a part of one video. Times in seconds from now. */
export interface Outlook {
  /** Further views within a time. */
  views(seconds: number): number;
  /** Probability that nobody comes within a time. */
  silence(seconds: number): number;
  /** How long it takes until the next view, or until a time is over, on average. */
  firstView(seconds: number): number;
  /** Views a second after a time without any. */
  rateAfter(seconds: number): number;
  /** The time without any view after which the rate is below `rate`; at most `most`. */
  fadesTo(rate: number, most: number): number;
  /** A copy that leaves after `silence` without a view, over a time of `seconds`. */
  lapsing(silence: number, seconds: number): Lapsing;
}

/**
 * What is to be expected of a part of a video, given its age in seconds, how often it was watched again, and `share`: how many of
 * all views come to that part. By Bayes: the popularity of a video is drawn from a gamma distribution of mean 1, and the views
 * so far say which.
 */
export function outlookOf({ curve, shape }: DemandModel, age: number, again: number, share: number): Outlook {
  const until = share * viewsBy(curve, age);
  // Popularity is gamma distributed with shape `alpha` and rate `beta`, now that this much was seen.
  const [alpha, beta] = [shape + again, shape + until];
  const further = (seconds: number): number => share * viewsBy(curve, age + seconds) - until;
  const silence = (seconds: number): number => (beta / (beta + further(seconds))) ** alpha;
  const rateAfter = (seconds: number): number =>
    (alpha / (beta + further(seconds))) * share * rateAt(curve, age + seconds);
  return {
    views: (seconds) => (alpha / beta) * further(seconds),
    silence,
    rateAfter,
    firstView(seconds) {
      let [time, passed, quiet] = [0, 0, 1];
      for (let index = ageClassOf(age); passed < seconds; index += 1) {
        const end = Math.min(seconds, agesOf(index)[1] - age);
        const next = silence(end);
        time += ((quiet + next) / 2) * (end - passed);
        [passed, quiet] = [end, next];
      }
      return time;
    },
    fadesTo(rate, most) {
      if (rateAfter(0) < rate) return 0;
      for (let index = ageClassOf(age) + 1; index < ageClasses; index += 1) {
        const from = agesOf(index)[0] - age;
        if (from >= most) return most;
        if (rateAfter(from) < rate) return from;
      }
      return most;
    },
    lapsing(quietTime, seconds) {
      let [again, held, passed] = [0, Math.min(quietTime, seconds), quietTime];
      for (let index = ageClassOf(age + quietTime); passed < seconds; index += 1) {
        const end = Math.min(seconds, agesOf(index)[1] - age);
        const rate = share * (curve.rates[index] ?? 0);
        // Probability that nobody came in the time before, over all popularities; and of those, how many come now.
        const quiet = beta / (beta + rate * quietTime);
        const absent = quiet ** alpha;
        again += rate * (alpha / beta) * absent * quiet * (end - passed);
        held += (1 - absent) * (end - passed);
        passed = end;
      }
      return { again, held };
    },
  };
}
