import { type Demand, type NodeFacts, reachParts, type VideoFacts } from '../../../src/policy/facts.ts';
import { demandLearner, type Forecast, type Learner } from '../../../src/policy/forecast/learner.ts';

/** A moment: noon of a Monday, UTC. */
export const noon = Date.UTC(2026, 0, 5, 12);
/** Milliseconds. */
export const hour = 3_600_000;
export const day = 24 * hour;

/** Watched as a whole so many times, last an hour before {@link noon}. */
export const watched = (views: number): Demand => ({
  viewers: views,
  minutesWatched: views,
  reach: Array.from({ length: reachParts }, () => views),
  lastAt: noon - hour,
  playheads: [],
});

/** A minute of video in 16 segments, all of it on this node alone, posted a day before {@link noon}. */
export function video(changed: Partial<VideoFacts> = {}): VideoFacts {
  return {
    id: 'v',
    labels: [],
    seconds: 60,
    size: 720,
    createdAt: noon - day,
    cpuSeconds: 120,
    againCpuSeconds: 0,
    isRemakable: true,
    renditions: [
      { name: '720p', kind: 'video', segments: 16, bytes: 20e6, here: [[0, 16]], stored: [], elsewhere: [] },
      { name: 'audio', kind: 'audio', segments: 16, bytes: 1e6, here: [[0, 16]], stored: [], elsewhere: [] },
    ],
    view: { bytes: 21e6, objects: 32 },
    demand: watched(1),
    ...changed,
  };
}

/** The video with some of every rendition in the bucket, or on other nodes. */
export const placed = (
  base: VideoFacts,
  where: Partial<Pick<VideoFacts['renditions'][number], 'here' | 'stored' | 'elsewhere'>>,
): VideoFacts => ({ ...base, renditions: base.renditions.map((rendition) => ({ ...rendition, ...where })) });

/** A node with nothing to do and all the room in the world. */
export const idle: NodeFacts = { cpu: 0, disk: 0, network: 0, evictedAfterSeconds: Number.POSITIVE_INFINITY };

/** Knows nothing yet. */
export const unlearned: Forecast = demandLearner();

/**
 * Learnt from 500 videos a label over 30 days before {@link noon}: `hit` is watched once a day and more, `miss` never again.
 */
export function learned(): Learner {
  const learner = demandLearner();
  const start = noon / 1000 - 30 * 86_400;
  for (let number = 0; number < 500; number += 1) {
    const born = start + (number * 20 * 86_400) / 500;
    learner.first(['hit'], born);
    learner.first(['miss'], born);
  }
  for (let number = 0; number < 500; number += 1) {
    for (let view = 1; view <= 20; view += 1) learner.again(['hit'], view * 43_200, view === 1);
    for (let view = 0; view <= 20; view += 1) learner.reached(['hit'], 0, reachParts);
    learner.reached(['miss'], 0, reachParts);
  }
  return learner;
}
