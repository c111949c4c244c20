import { seededSequence } from '../../src/description/random.ts';

/** A node of the stack. */
export type NodeName = 'node-1' | 'node-2';

/** Something that goes wrong, or is done to the stack. */
export type Fault =
  | { readonly kind: 'kill' | 'lose' | 'stop' | 'fill'; readonly node: NodeName }
  /** Both nodes, one after the other, as an operator replaces them. */
  | { readonly kind: 'drain' }
  | { readonly kind: 'bucket'; readonly how: 'refuse' | '503' | 'reset' | 'slow' | 'swallow' }
  | { readonly kind: 'database'; readonly how: 'refuse' | 'hold' | 'slow' | 'reset' }
  /** Where viewers read the bucket. */
  | { readonly kind: 'cdn'; readonly how: 'refuse' | '503' | 'slow' }
  | { readonly kind: 'playlists'; readonly how: 'kill' | 'replace' };

/** Faults of one lane never overlap. */
export type Lane = 'node' | 'bucket' | 'database' | 'front';

/** A fault with its time, in seconds from the start. */
export interface Planned {
  readonly lane: Lane;
  readonly at: number;
  /** How long it lasts; 0 where it is over by itself. */
  readonly seconds: number;
  readonly fault: Fault;
}

/** What a plan depends on, all of it. */
export interface PlanOptions {
  readonly seed: number;
  /** Length of the run. */
  readonly seconds: number;
  /** Whether the disk of a node can be filled here. */
  readonly canFill: boolean;
}

interface Choice {
  readonly fault: Fault;
  /** Shortest and longest time, in seconds. */
  readonly lasts: readonly [number, number];
}

interface LaneRules {
  readonly choices: readonly Choice[];
  /** Shortest and longest pause before a fault, in seconds. */
  readonly pause: readonly [number, number];
  /** What coming back takes, in seconds. */
  readonly recovery: number;
}

/** A stack has to run, and viewers have to watch, before anything is done to them; in seconds. */
const firstAt = 6;
/** Nothing goes wrong in the last part of a run, so that it can end well: seconds, and share of a short run. */
const calm = { seconds: 15, share: 0.2 } as const;
/** From an outage of the database on, the playlist service is left alone for so long, in seconds. */
const catalogPause = 4;

const on = (kind: 'kill' | 'lose' | 'stop' | 'fill', lasts: readonly [number, number]): Choice[] =>
  (['node-1', 'node-2'] as const).map((node) => ({ fault: { kind, node }, lasts }));
const bucket = (how: Extract<Fault, { kind: 'bucket' }>['how'], from: number, to: number): Choice => ({
  fault: { kind: 'bucket', how },
  lasts: [from, to],
});
const database = (how: Extract<Fault, { kind: 'database' }>['how'], from: number, to: number): Choice => ({
  fault: { kind: 'database', how },
  lasts: [from, to],
});
const cdn = (how: Extract<Fault, { kind: 'cdn' }>['how'], from: number, to: number): Choice => ({
  fault: { kind: 'cdn', how },
  lasts: [from, to],
});

/**
 * The rules. What is promised is to survive the loss of a node, not of all of them: so everything that takes a node away is in
 * one lane, and the next fault of a lane begins only once the last one has been recovered from. Outages of the bucket are
 * shorter than what viewers wait for (`patience.ts`), those of the database shorter than what the service holds a request for.
 */
const lanes: Readonly<Record<Lane, LaneRules>> = {
  node: {
    choices: [
      ...on('kill', [0, 0]),
      ...on('lose', [0, 0]),
      // Longer than the lease time, so that others take over.
      ...on('stop', [3, 7]),
      ...on('fill', [6, 12]),
      { fault: { kind: 'drain' }, lasts: [0, 0] },
    ],
    pause: [3, 9],
    recovery: 7,
  },
  bucket: {
    choices: [
      bucket('refuse', 4, 15),
      bucket('503', 4, 12),
      bucket('reset', 3, 8),
      bucket('slow', 5, 15),
      bucket('swallow', 3, 6),
    ],
    pause: [3, 14],
    recovery: 1,
  },
  database: {
    choices: [
      database('refuse', 2, 8),
      database('hold', 2, 8),
      database('slow', 4, 10),
      database('reset', 0, 0),
    ],
    pause: [9, 22],
    recovery: 2,
  },
  front: {
    choices: [
      { fault: { kind: 'playlists', how: 'replace' }, lasts: [0, 0] },
      { fault: { kind: 'playlists', how: 'kill' }, lasts: [0, 0] },
      cdn('refuse', 3, 8),
      cdn('503', 3, 8),
      cdn('slow', 4, 10),
    ],
    pause: [4, 14],
    recovery: 4,
  },
};

/** Reserved for what is over by itself, in seconds: draining both nodes takes two drain times and starts, a new service one start. */
const takes: Partial<Record<Fault['kind'], number>> = { drain: 20, playlists: 8 };

/**
 * Whether only viewers who try again survive a fault: what refuses a connection, or cuts an answer, costs ffmpeg a segment
 * (docs/PLAYERS.md). None of these plays meanwhile.
 */
export const isRough = ({ fault }: Planned): boolean =>
  (fault.kind === 'cdn' && fault.how !== 'slow') || (fault.kind === 'playlists' && fault.how === 'kill');

/** What happens in a run, in order of time. The same options give the same plan. */
export function planOf(options: PlanOptions): Planned[] {
  const catalogOutages = laneOf('database', options, []);
  return [
    ...laneOf('node', options, []),
    ...laneOf('bucket', options, []),
    ...catalogOutages,
    // A new playlist service knows no stream before the database has told it: it does not start while that is away.
    ...laneOf('front', options, catalogOutages),
  ].sort((a, b) => a.at - b.at);
}

function laneOf(lane: Lane, { seed, seconds, canFill }: PlanOptions, avoid: readonly Planned[]): Planned[] {
  const random = seededSequence(seed, 'chaos', lane);
  const between = ([from, to]: readonly [number, number]): number => from + (to - from) * random();
  const { choices, pause, recovery } = lanes[lane];
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
    const taken = takes[choice.fault.kind] ?? lasts;
    at = clearOf(avoid, at, taken);
    if (at + taken > end) return planned;
    planned.push({ lane, at: rounded(at), seconds: rounded(lasts), fault: choice.fault });
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

/** A fault in words. */
export function wordsOf({ fault, seconds }: Planned): string {
  const lasting = seconds > 0 ? ` for ${seconds} s` : '';
  switch (fault.kind) {
    case 'kill':
      return `kill ${fault.node}`;
    case 'lose':
      return `kill ${fault.node} and empty its disk`;
    case 'stop':
      return `freeze ${fault.node}${lasting}`;
    case 'fill':
      return `fill the disk of ${fault.node}${lasting}`;
    case 'drain':
      return 'drain and restart the nodes, one after the other';
    case 'playlists':
      return fault.how === 'kill' ? 'kill the playlist service' : 'replace the playlist service';
    case 'cdn':
      return `reading the bucket: ${fault.how}${lasting}`;
    case 'bucket':
    case 'database':
      return `${fault.kind}: ${fault.how}${lasting}`;
  }
}
