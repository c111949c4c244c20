import { reachParts } from '../facts.ts';
import { ageClasses, ageClassOf } from './curve.ts';

/** Hours of first views that are told apart; older ones are counted together. */
const hoursKept = 31 * 24;

/**
 * What was seen of the videos with one label: enough to learn how they are watched again, and of a fixed size however many
 * they are. Times in seconds of any one clock.
 */
export interface History {
  /** Videos by the hour of their first view, newest last. */
  readonly born: { hour: number; videos: number }[];
  videos: number;
  /** Further views, by age of the video. */
  readonly again: number[];
  /** Videos that were watched again at all: how unequally views are spread. */
  revisited: number;
  /** Views that came to each part of a video. */
  readonly reach: number[];
}

/** Nothing seen yet. */
export const newHistory = (): History => ({
  born: [],
  videos: 0,
  again: Array.from({ length: ageClasses }, () => 0),
  revisited: 0,
  reach: Array.from({ length: reachParts }, () => 0),
});

/** Notes the first view of a video. */
export function noteFirst(history: History, at: number): void {
  const hour = Math.floor(at / 3600);
  history.videos += 1;
  const last = history.born.at(-1);
  if (last !== undefined && last.hour >= hour) last.videos += 1;
  else history.born.push({ hour, videos: 1 });
  if (history.born.length > hoursKept) {
    const [oldest, next] = history.born.splice(0, 2);
    history.born.unshift({ hour: oldest?.hour ?? 0, videos: (oldest?.videos ?? 0) + (next?.videos ?? 0) });
  }
}

/** Notes a further view of a video of this age; `isFirst`: it had none before. */
export function noteAgain(history: History, age: number, isFirst: boolean): void {
  const index = ageClassOf(age);
  history.again[index] = (history.again[index] ?? 0) + 1;
  if (isFirst) history.revisited += 1;
}

/** Notes that a view came to the parts `from <= part < to`. */
export function noteReach(history: History, from: number, to: number): void {
  for (let part = from; part < to; part += 1) history.reach[part] = (history.reach[part] ?? 0) + 1;
}
