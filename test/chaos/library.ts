import { setTimeout as delay } from 'node:timers/promises';
import { seededSequence } from '../../src/description/random.ts';
import { smallDescription } from '../faults/kit.ts';
import { until } from '../support/wait.ts';
import type { Ground } from './ground.ts';
import type { Video } from './session.ts';

/** Videos that are there to be watched: new ones come all the time, so that rendering, copying and playing go on at once. */
export interface Library {
  /** Those that were accepted, oldest first. */
  readonly videos: readonly Video[];
  /** One that can be watched to its end within so many seconds: mostly the newest. Undefined where there is none. */
  pick(random: () => number, within: number): Video | undefined;
  /** Resolves once the last one was accepted, or the run was ended. */
  readonly done: Promise<void>;
}

/** How new videos come. */
export interface LibraryOptions {
  readonly ground: Ground;
  readonly seed: number;
  /** Seconds since the start. */
  readonly now: () => number;
  /** None comes after this, in seconds. */
  readonly until: number;
  readonly signal: AbortSignal;
  readonly tell: (text: string) => void;
}

/** Seconds between two new videos: rendering takes half of one processor then. */
const every = 12;
/** A database that is away takes no video, and its outages end by themselves; in milliseconds. */
const postMs = 60_000;
/** What a player takes to begin, in seconds. */
const startSeconds = 4;

/** Posts a first video, and then one after the other. */
export async function startLibrary({
  ground,
  seed,
  now,
  signal,
  tell,
  ...options
}: LibraryOptions): Promise<Library> {
  const random = seededSequence(seed, 'videos');
  const videos: Video[] = [];
  const post = async (): Promise<void> => {
    const seconds = 12 + Math.floor(random() * 20);
    const description = smallDescription(seconds, Math.floor(random() * 1e6));
    const posted = await until(() => ground.field.post(description), {
      what: 'a video is accepted',
      timeout: postMs,
      every: 500,
    });
    videos.push({ id: posted.id, url: posted.url, seconds });
    tell(`video ${videos.length}: ${seconds} s`);
  };
  const goOn = async (): Promise<void> => {
    for (let at = every; at < options.until; at += every) {
      await delay(Math.max(0, at - now()) * 1000, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      await post();
    }
  };
  await post();
  return {
    videos,
    pick(random, within) {
      const fitting = videos.filter(({ seconds }) => seconds + startSeconds <= within);
      const newest = fitting.at(-1);
      return random() < 0.6 ? newest : (fitting[Math.floor(random() * fitting.length)] ?? newest);
    },
    done: goOn(),
  };
}
