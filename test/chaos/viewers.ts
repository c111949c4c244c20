import { setTimeout as delay } from 'node:timers/promises';
import { seededSequence } from '../../src/description/random.ts';
import { audioBoundary, segmentCount } from '../../src/grid/grid.ts';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { isRough, type Planned } from './fault.ts';
import type { Gate } from './gate.ts';
import type { Library } from './library.ts';
import { play } from './player.ts';
import type { Session, Video } from './session.ts';
import { gridOfSeconds, type Truth } from './truth.ts';

/** What watching needs. */
export interface ViewersOptions {
  readonly count: number;
  readonly seed: number;
  readonly library: Library;
  readonly truth: Truth;
  readonly plan: readonly Planned[];
  /** Seconds since the start. */
  readonly now: () => number;
  /** Everybody has finished by then, if nothing holds them up; in seconds. */
  readonly until: number;
  readonly signal: AbortSignal;
  /** Where those are in who do not survive a rough fault. */
  readonly fragile: Gate;
  readonly onSession: (session: Session) => void;
}

/** One in so many is a real player that decodes: it costs as much as ten of the others. */
const perFfmpeg = 10;
/** Between two sessions of a viewer at most, in seconds. */
const longestBreak = 2;
/** What a player may be late by when a rough fault comes that it has to be through before, in seconds. */
const slack = 8;

/** Has everybody watch one video after the other, until the time is over. Resolves once the last one has finished. */
export async function watchAll(options: ViewersOptions): Promise<void> {
  await Promise.all(
    Array.from({ length: options.count }, (_, index) => {
      const isFfmpeg =
        index % perFfmpeg === perFfmpeg - 1 || (index === options.count - 1 && options.count < perFfmpeg);
      return watch(options, `${isFfmpeg ? 'ffmpeg' : 'player'}-${index + 1}`, isFfmpeg);
    }),
  );
}

async function watch(options: ViewersOptions, who: string, isFfmpeg: boolean): Promise<void> {
  const { library, seed, now, signal, truth } = options;
  const random = seededSequence(seed, who);
  while (!signal.aborted) {
    await delay(random() * longestBreak * 1000, undefined, { signal }).catch(() => undefined);
    const left = options.until - now();
    const within = isFfmpeg ? Math.min(left, untilRough(options)) : left;
    const video = signal.aborted ? undefined : library.pick(random, within);
    if (video === undefined) {
      if (signal.aborted || library.pick(random, left) === undefined) return;
      continue;
    }
    if (!isFfmpeg) {
      options.onSession(await play({ who, video, truth, signal, realTime: true }));
      continue;
    }
    const leave = await options.fragile.enter();
    try {
      options.onSession(await decode(who, video, signal));
    } finally {
      leave();
    }
  }
}

/** Seconds until the next fault that a real ffmpeg has to have finished before. */
function untilRough({ plan, now }: ViewersOptions): number {
  const next = plan.find((planned) => isRough(planned) && planned.at + planned.seconds > now());
  return next === undefined ? Number.POSITIVE_INFINITY : next.at - now() - slack;
}

/** A page that does not open is opened again, this often. */
const mostOpened = 60;

/** Plays with a real ffmpeg, which decodes every frame. */
async function decode(who: string, video: Video, signal: AbortSignal): Promise<Session> {
  const grid = gridOfSeconds(video.seconds);
  const begun = performance.now();
  const gotOver: string[] = [];
  for (;;) {
    const openedMs = performance.now() - begun;
    const playing = await playWithFfmpeg(video.url, { realTime: true });
    const stop = (): void => playing.stop();
    signal.addEventListener('abort', stop, { once: true });
    const played = await playing.done;
    signal.removeEventListener('abort', stop);
    const words = played.complaints.join('; ');
    if (played.frames === 0 && played.exitCode !== 0 && gotOver.length < mostOpened && !signal.aborted) {
      gotOver.push(words);
      await delay(1000, undefined, { signal }).catch(() => undefined);
      continue;
    }
    const samples = audioBoundary(grid, segmentCount(grid)) * 1024;
    const isWhole = played.frames === video.seconds * 25 && played.samples === samples;
    const wrong = `${played.frames} of ${video.seconds * 25} frames, ${played.samples} of ${samples} samples: ${words}`;
    const exited = played.exitCode === 0 ? undefined : `exit code ${played.exitCode}: ${words}`;
    return {
      who,
      video,
      kind: 'ffmpeg',
      expected: video.seconds * 25,
      got: played.frames,
      frames: played.frames,
      wrong: isWhole || signal.aborted ? [] : [wrong],
      gotOver,
      died: signal.aborted ? 'interrupted' : exited,
      openedMs,
      stalls: [],
    };
  }
}
