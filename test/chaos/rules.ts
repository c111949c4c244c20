import type { Fault, Lane } from './fault.ts';

/** A fault that may be chosen. */
export interface Choice {
  readonly fault: Fault;
  /** Shortest and longest time, in seconds. */
  readonly lasts: readonly [number, number];
}

/** What may happen in a lane, and how densely. */
export interface LaneRules {
  readonly choices: readonly Choice[];
  /** Shortest and longest pause before a fault, in seconds. */
  readonly pause: readonly [number, number];
  /** What coming back takes, in seconds. */
  readonly recovery: number;
}

const on = (kind: 'kill' | 'lose' | 'stop' | 'fill', lasts: readonly [number, number]): Choice[] =>
  (['node-1', 'node-2'] as const).map((node) => ({ fault: { kind, node }, lasts }));

/**
 * The rules. What is promised is to survive the loss of a node, not of all of them: so everything that takes a node away is in
 * one lane, and the next fault of a lane begins only once the last one has been recovered from. Outages of the bucket are
 * shorter than what viewers wait for (`patience.ts`), those of the database shorter than what the service holds a request for.
 */
export const lanes: Readonly<Record<Lane, LaneRules>> = {
  node: {
    choices: [
      ...on('kill', [0, 0]),
      ...on('lose', [0, 0]),
      // Longer than the lease time, so that others take over.
      ...on('stop', [3, 7]),
      ...on('fill', [6, 12]),
      { fault: { kind: 'drain' }, lasts: [0, 0] },
      { fault: { kind: 'partition', how: 'whole' }, lasts: [3, 8] },
      { fault: { kind: 'partition', how: 'inbound' }, lasts: [3, 6] },
      { fault: { kind: 'ffmpeg', how: 'crash' }, lasts: [5, 10] },
      { fault: { kind: 'ffmpeg', how: 'hang' }, lasts: [4, 7] },
    ],
    pause: [3, 9],
    recovery: 7,
  },
  bucket: {
    choices: [
      { fault: { kind: 'bucket', how: 'refuse' }, lasts: [4, 15] },
      { fault: { kind: 'bucket', how: '503' }, lasts: [4, 12] },
      { fault: { kind: 'bucket', how: 'reset' }, lasts: [3, 8] },
      { fault: { kind: 'bucket', how: 'slow' }, lasts: [5, 15] },
      { fault: { kind: 'bucket', how: 'swallow' }, lasts: [3, 6] },
      { fault: { kind: 'bucket', how: 'denied' }, lasts: [4, 12] },
      { fault: { kind: 'bucket', how: 'skewed' }, lasts: [4, 12] },
      // Which ones is decided when the plan is made.
      { fault: { kind: 'objects', at: 0 }, lasts: [0, 0] },
    ],
    pause: [3, 14],
    recovery: 1,
  },
  database: {
    choices: [
      { fault: { kind: 'database', how: 'refuse' }, lasts: [2, 8] },
      { fault: { kind: 'database', how: 'hold' }, lasts: [2, 8] },
      { fault: { kind: 'database', how: 'slow' }, lasts: [4, 10] },
      { fault: { kind: 'database', how: 'reset' }, lasts: [0, 0] },
    ],
    pause: [9, 22],
    recovery: 2,
  },
  front: {
    choices: [
      { fault: { kind: 'playlists', how: 'replace' }, lasts: [0, 0] },
      { fault: { kind: 'playlists', how: 'kill' }, lasts: [0, 0] },
      { fault: { kind: 'cdn', how: 'refuse' }, lasts: [3, 8] },
      { fault: { kind: 'cdn', how: '503' }, lasts: [3, 8] },
      { fault: { kind: 'cdn', how: 'slow' }, lasts: [4, 10] },
    ],
    pause: [4, 14],
    recovery: 4,
  },
};

/** One fault at a time: buffers are full again before the next one. */
export const apart: Pick<LaneRules, 'pause' | 'recovery'> = { pause: [9, 12], recovery: 5 };

/** Reserved for what is over by itself, in seconds: draining both nodes takes two drain times and starts, a new service one start. */
export const takes: Partial<Record<Fault['kind'], number>> = { drain: 20, playlists: 8 };
