import { seededSequence } from '../../src/description/random.ts';
import type { Lane, Planned } from './fault.ts';
import { apart, type Choice, type LaneRules, lanes, takes } from './rules.ts';

/** What a plan depends on, all of it. */
export interface PlanOptions {
  readonly seed: number;
  /** Length of the run. */
  readonly seconds: number;
  /** Whether the disk of a node can be filled here. */
  readonly canFill: boolean;
  /** One fault at a time, with time to recover; else each lane goes its own way. */
  readonly isSingle: boolean;
}

/** A stack has to run, and viewers have to watch, before anything is done to them; in seconds. */
const firstAt = 6;
/** Nothing goes wrong in the last part of a run, so that it can end well: seconds, and share of a short run. */
const calm = { seconds: 15, share: 0.2 } as const;
/** From an outage of the database on, the playlist service is left alone for so long, in seconds. */
const catalogPause = 4;

/** What happens in a run, in order of time. The same options give the same plan. */
export function planOf(options: PlanOptions): Planned[] {
  if (options.isSingle) {
    const choices = Object.values(lanes).flatMap((rules) => rules.choices);
    // One after the other, whatever it is about.
    return laneOf('node', { ...apart, choices }, options, []);
  }
  const catalogOutages = laneOf('database', lanes.database, options, []);
  return [
    ...laneOf('node', lanes.node, options, []),
    ...laneOf('bucket', lanes.bucket, options, []),
    ...catalogOutages,
    // A new playlist service knows no stream before the database has told it: it does not start while that is away.
    ...laneOf('front', lanes.front, options, catalogOutages),
  ].sort((a, b) => a.at - b.at);
}

function laneOf(
  lane: Lane,
  { choices, pause, recovery }: LaneRules,
  { seed, seconds, canFill }: PlanOptions,
  avoid: readonly Planned[],
): Planned[] {
  const random = seededSequence(seed, 'chaos', lane);
  const between = ([from, to]: readonly [number, number]): number => from + (to - from) * random();
  const possible = choices.filter(({ fault }) => canFill || fault.kind !== 'fill');
  const end = seconds - Math.min(calm.seconds, seconds * calm.share);
  const planned: Planned[] = [];
  let deck: Choice[] = [];
  for (let at = firstAt + between([0, pause[1]]); ; ) {
    // Each kind comes once before any comes again.
    if (deck.length === 0) deck = shuffled(possible, random);
    const choice = deck.pop();
    if (choice === undefined) return planned;
    const lasts = between(choice.lasts);
    const fault = choice.fault.kind === 'objects' ? { ...choice.fault, at: random() } : choice.fault;
    const taken = takes[fault.kind] ?? lasts;
    at = clearOf(avoid, at, taken);
    if (at + taken > end) return planned;
    planned.push({ lane, at: rounded(at), seconds: rounded(lasts), fault });
    at += taken + recovery + between(pause);
  }
}

/** The first moment from `at` on that has nothing of `others` around it, for so many seconds. */
function clearOf(others: readonly Planned[], at: number, seconds: number): number {
  const inTheWay = others.find(
    (other) => at < other.at + other.seconds + catalogPause && other.at < at + seconds + catalogPause,
  );
  return inTheWay === undefined
    ? at
    : clearOf(others, inTheWay.at + inTheWay.seconds + catalogPause, seconds);
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((each) => ({ each, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ each }) => each);
}

const rounded = (seconds: number): number => Math.round(seconds * 10) / 10;
