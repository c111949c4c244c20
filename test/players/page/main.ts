import { pagePlayers } from './players.ts';
import { type Recorder, record } from './recorder.ts';

/** What the test calls in the page. */
export interface PageSession {
  /** Loads a player. @returns its version */
  load(name: string): Promise<string>;
  start(url: string, startAt: number): Promise<void>;
  position(): number | undefined;
  ahead(): number | undefined;
  seek(seconds: number): void;
  /** Resolves when the session is over. */
  over(): Promise<void>;
  report(): ReturnType<Recorder['report']>;
}

const state: { name: string; recorder: Recorder | undefined; video: HTMLVideoElement | undefined } = {
  name: '',
  recorder: undefined,
  video: undefined,
};
const recorder = (): Recorder => {
  if (state.recorder === undefined) throw new Error('nothing was started');
  return state.recorder;
};

const session: PageSession = {
  async load(name) {
    state.name = name;
    return (await pagePlayers[name]?.load()) ?? 'unknown';
  },
  async start(url, startAt) {
    const began = performance.now();
    await pagePlayers[state.name]?.start(url, startAt, (video) => {
      state.video = video;
      state.recorder = record(video, began, startAt);
      return state.recorder;
    });
  },
  position: () => state.recorder?.position(),
  ahead: () => state.recorder?.ahead(),
  seek(seconds) {
    if (state.video === undefined) return;
    recorder().sought();
    state.video.currentTime = seconds;
  },
  over: () => recorder().over,
  report: () => recorder().report(),
};

Object.assign(globalThis, { session });
