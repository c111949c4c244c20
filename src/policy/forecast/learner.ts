import { type History, newHistory, noteAgain, noteFirst, noteReach } from './history.ts';
import { type DemandModel, modelOf } from './model.ts';

/** Labels of which histories are kept; those seen first. */
const mostLabels = 200;
/** From so many videos on the history of a label is asked, and not only that of all videos, which it goes on from. */
const enoughVideos = 20;
/** A model is used for so long before it is learnt anew, in seconds. */
const freshSeconds = 3600;

/** The key of what was seen of all videos. */
export const allVideos = '';

/** How videos are watched, by label. Times in seconds of any one clock. */
export interface Forecast {
  /** The model of the most special label of which enough was seen, and its name; else of all videos. */
  modelFor(labels: readonly string[], now: number): { readonly label: string; readonly model: DemandModel };
}

/** Learns how videos are watched, by label. */
export interface Learner extends Forecast {
  first(labels: readonly string[], at: number): void;
  again(labels: readonly string[], age: number, isFirst: boolean): void;
  reached(labels: readonly string[], from: number, to: number): void;
}

/** Starts with what was seen before, by label ({@link allVideos}: of all), or with nothing. */
export function demandLearner(seen: ReadonlyMap<string, History> = new Map()): Learner {
  const histories = new Map(seen);
  const all = histories.get(allVideos) ?? newHistory();
  histories.set(allVideos, all);
  const models = new Map<
    string,
    { readonly at: number; readonly videos: number; readonly model: DemandModel }
  >();

  const historiesOf = (labels: readonly string[]): History[] => [
    all,
    ...labels.flatMap((label) => {
      let history = histories.get(label);
      if (history === undefined && histories.size <= mostLabels) {
        history = newHistory();
        histories.set(label, history);
      }
      return history ?? [];
    }),
  ];
  const modelNow = (label: string, history: History, now: number): DemandModel => {
    const known = models.get(label);
    // Learnt again after an hour, or sooner while there is little to learn from.
    if (known !== undefined && now - known.at < freshSeconds && history.videos < known.videos * 1.5)
      return known.model;
    const model = modelOf(history, now, history === all ? undefined : modelNow(allVideos, all, now));
    models.set(label, { at: now, videos: Math.max(20, history.videos), model });
    return model;
  };
  return {
    first(labels, at) {
      for (const history of historiesOf(labels)) noteFirst(history, at);
    },
    again(labels, age, isFirst) {
      for (const history of historiesOf(labels)) noteAgain(history, age, isFirst);
    },
    reached(labels, from, to) {
      for (const history of historiesOf(labels)) noteReach(history, from, to);
    },
    modelFor(labels, now) {
      let [label, special] = [allVideos, all];
      for (const one of labels) {
        const history = histories.get(one);
        if (history === undefined || history.videos < enoughVideos) continue;
        if (label === allVideos || history.videos < special.videos) [label, special] = [one, history];
      }
      return { label, model: modelNow(label, special, now) };
    },
  };
}
