import { ageClasses, agesOf, type Curve, curveOf, viewsBy } from './curve.ts';
import type { History } from './history.ts';

/** How videos of a kind are watched: learnt from a {@link History}, a little from common sense while there is little. */
export interface DemandModel {
  /** Videos that it was learnt from. */
  readonly videos: number;
  readonly curve: Curve;
  /**
   * How equal these videos are: the shape of the gamma distribution of their popularity. Well below 1: few are watched much,
   * most hardly. A gamma-Poisson model: rates differ between videos, and views come at random.
   */
  readonly shape: number;
  /** How many of all views come to each part of a video, 0 to 1. */
  readonly reach: readonly number[];
  /** For how long such videos have been seen, in seconds: what is expected beyond that is a guess. */
  readonly knownSeconds: number;
  /** Too little was seen to say anything. */
  readonly isNew: boolean;
}

/**
 * What is believed before anything was seen: as much as this many videos say. `fading`: by which power of its age the demand of a
 * video sinks, and how many views that belief is worth.
 */
const prior = {
  videos: 20,
  views: 4,
  rate: 1 / (24 * 3600),
  shape: 0.5,
  reach: 0.8,
  fading: 0.2,
  fadingViews: 8,
};
/** Views of younger classes of age say as much about the next one as so many at most. */
const mostViews = 20;
/** Ages up to which the believed rate holds, in seconds; then it fades. */
const priorScale = 6 * 3600;
/** More views of one class of age say no more about fading than so many. */
const mostFadingViews = 40;

/**
 * From so many videos on, and after so long (in seconds), something is known. A week: who comes back does so within days, and a forecast
 * for a month out of two days was wrong so often that it cost more than copying everything until then.
 */
const enough = { videos: 100, seconds: 7 * 86_400 };

const knownSeconds = ({ born: [first] }: History, now: number): number =>
  first === undefined ? 0 : Math.max(0, now - first.hour * 3600);

const isNew = (history: History, now: number): boolean =>
  history.videos < enough.videos || knownSeconds(history, now) < enough.seconds;

/** Videos of about one age. */
interface Cohort {
  readonly age: number;
  readonly videos: number;
}

/** Ages are told apart by this factor where it does not matter more exactly. */
const cohortFactor = 1.2;

/**
 * Learns from what was seen until `now` (seconds, of the clock of the history). `general`: the model of all videos, which is believed of
 * those with one label until they show otherwise.
 */
export function modelOf(history: History, now: number, general?: DemandModel): DemandModel {
  const cohorts = cohortsOf(history, now);
  const rates =
    general === undefined ? ratesOf(history, cohorts) : ratesLike(general.curve, history, cohorts);
  const curve = curveOf(rates);
  const views = history.videos + history.again.reduce((sum, again) => sum + again, 0);
  return {
    videos: history.videos,
    curve,
    shape: shapeOf(history.revisited, cohorts, curve, general?.shape ?? prior.shape),
    reach: history.reach.map(
      (reached, part) =>
        (reached + prior.videos * (general?.reach[part] ?? prior.reach)) / (views + prior.videos),
    ),
    knownSeconds: knownSeconds(history, now),
    isNew: general?.isNew ?? isNew(history, now),
  };
}

/**
 * Views a second in each class of age. What no video is old enough to have shown goes on from what the younger ones did, fading as
 * fast as they did last.
 */
function ratesOf(history: History, cohorts: readonly Cohort[]): number[] {
  const rates: number[] = [];
  let fading: number = prior.fading;
  // What was seen of the classes before, the nearest counting most: views, and the video seconds that had them.
  let [seenViews, seenSeconds]: [number, number] = [prior.views, prior.views / prior.rate];
  for (let index = 0; index < ageClasses; index += 1) {
    const [from] = classSpan(index);
    const exposure = exposureIn(index, cohorts);
    const again = history.again[index] ?? 0;
    const older = Math.log(middleOf(index) / middleOf(index - 1));
    if (from >= priorScale) seenSeconds *= Math.exp(older * fading);
    const believed = seenViews / seenSeconds;
    const rate = (again + prior.views) / (exposure + prior.views / believed);
    const last = rates.at(-1);
    if (last !== undefined && again > 0 && from >= priorScale) {
      const said = Math.min(again, mostFadingViews);
      const seen = Math.log(last / rate) / older;
      fading = (fading * prior.fadingViews + seen * said) / (prior.fadingViews + said);
      fading = Math.min(2, Math.max(0, fading));
    }
    rates.push(rate);
    const kept = Math.min(1, mostViews / (seenViews + again));
    seenViews = (seenViews + again) * kept;
    seenSeconds = (seenSeconds + exposure) * kept;
  }
  return rates;
}

/** Views a second in each class of age: in the proportion to those of another curve that the younger classes had, until they show otherwise. */
function ratesLike(general: Curve, history: History, cohorts: readonly Cohort[]): number[] {
  let [seen, expected]: [number, number] = [prior.views, prior.views];
  return general.rates.map((rate, index) => {
    const exposure = exposureIn(index, cohorts);
    const again = history.again[index] ?? 0;
    const believed = (rate * seen) / expected;
    seen += again;
    expected += exposure * rate;
    return (again + prior.views) / (exposure + prior.views / believed);
  });
}

/** Seconds that videos have spent in a class of age, all together. */
function exposureIn(index: number, cohorts: readonly Cohort[]): number {
  const [from, width] = classSpan(index);
  return cohorts.reduce((sum, { age, videos }) => sum + videos * Math.min(width, Math.max(0, age - from)), 0);
}

/** An age that stands for a class, in seconds. */
function middleOf(index: number): number {
  const [from, width] = classSpan(Math.max(0, index));
  return from + width / 3;
}

/** Where a class of age begins, and how wide it is; the last is taken as wide as all before it. */
function classSpan(index: number): readonly [from: number, width: number] {
  const [from, to] = agesOf(index);
  return [from, Number.isFinite(to) ? to - from : from];
}

function cohortsOf({ born }: History, now: number): Cohort[] {
  const cohorts = new Map<number, { seconds: number; videos: number }>();
  for (const { hour, videos } of born) {
    const age = Math.max(0, now - (hour + 0.5) * 3600);
    const key = Math.round(Math.log(age + 900) / Math.log(cohortFactor));
    const cohort = cohorts.get(key) ?? { seconds: 0, videos: 0 };
    cohorts.set(key, { seconds: cohort.seconds + age * videos, videos: cohort.videos + videos });
  }
  return [...cohorts.values()].map(({ seconds, videos }) => ({ age: seconds / videos, videos }));
}

/** Probability that a video is watched again by the time that an average one has had `views` further views. */
const revisitedBy = (views: number, shape: number): number => 1 - (shape / (shape + views)) ** shape;

/**
 * The shape at which as many videos would have been watched again as were. Not by the spread of views: a few very popular videos would
 * decide that, while what costs is whether anybody comes back to the many others.
 */
function shapeOf(revisited: number, cohorts: readonly Cohort[], curve: Curve, shapeBelieved: number): number {
  const believed = { videos: prior.videos, views: viewsBy(curve, 4 * priorScale) };
  const wanted = revisited + believed.videos * revisitedBy(believed.views, shapeBelieved);
  const all = [...cohorts.map(({ age, videos }) => ({ videos, views: viewsBy(curve, age) })), believed];
  let [low, high] = [Math.log(0.02), Math.log(20)];
  for (let step = 0; step < 20; step += 1) {
    const middle = (low + high) / 2;
    const shape = Math.exp(middle);
    const expected = all.reduce((sum, { videos, views }) => sum + videos * revisitedBy(views, shape), 0);
    if (expected < wanted) low = middle;
    else high = middle;
  }
  return Math.exp((low + high) / 2);
}
