import type { Recorder } from './recorder.ts';

/** One player in the page. */
export interface PagePlayer {
  /** Loads its code. @returns the version that it names */
  load(): Promise<string>;
  /** Makes its element in the page and plays. `watch` is called with the video element, before anything is loaded. */
  start(url: string, startAt: number, watch: (video: HTMLVideoElement) => Recorder): Promise<void>;
}

function videoElement(): HTMLVideoElement {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, playsInline: true, width: 320, height: 180 });
  document.body.append(video);
  return video;
}

/** Loads a classic script. */
async function script(src: string): Promise<void> {
  const element = document.createElement('script');
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  element.src = src;
  element.addEventListener('load', () => resolve());
  element.addEventListener('error', () => reject(new Error(`${src} does not load`)));
  document.head.append(element);
  await promise;
}

/** Plays as soon as it may; that a player is broken off while it begins is not an error. */
const begin = (video: HTMLVideoElement) => void video.play().catch(() => undefined);

/** What is used of hls.js, the same in each of its versions. */
interface HlsInstance {
  on(type: 'hlsError', listener: (type: string, data: HlsError) => void): void;
  loadSource(url: string): void;
  attachMedia(video: HTMLVideoElement): void;
}
interface HlsError {
  readonly fatal: boolean;
  readonly type: string;
  readonly details: string;
  readonly error?: Error;
}
interface HlsClass {
  new (config: object): HlsInstance;
  version: string;
}

function listen(hls: HlsInstance, recorder: Recorder): void {
  hls.on('hlsError', (_, data) => {
    const what = `${data.details}: ${data.error?.message ?? data.type}`;
    if (data.fatal) recorder.fatal(what);
    else recorder.retried(what);
  });
}

function hlsJs(importModule: () => Promise<unknown>): PagePlayer {
  let Hls: HlsClass | undefined;
  return {
    async load() {
      Hls = ((await importModule()) as { default: HlsClass }).default;
      return Hls.version;
    },
    async start(url, startAt, watch) {
      if (Hls === undefined) throw new Error('not loaded');
      const video = videoElement();
      const recorder = watch(video);
      const hls = new Hls(startAt > 0 ? { startPosition: startAt } : {});
      listen(hls, recorder);
      hls.loadSource(url);
      hls.attachMedia(video);
      begin(video);
    },
  };
}

interface Shaka {
  Player: {
    new (): ShakaPlayer;
    version: string;
  };
  polyfill: { installAll(): void };
}
interface ShakaPlayer {
  attach(video: HTMLVideoElement): Promise<void>;
  load(url: string, startTime?: number): Promise<void>;
  addEventListener(type: string, listener: (event: { detail: ShakaError }) => void): void;
  getNetworkingEngine(): {
    addEventListener(type: string, listener: (event: { error?: ShakaError }) => void): void;
  };
}
interface ShakaError {
  readonly code: number;
  readonly severity: number;
  readonly data: readonly unknown[];
}

const shaka: PagePlayer = {
  async load() {
    await script('/modules/shaka-player/dist/shaka-player.compiled.js');
    return (globalThis as unknown as { shaka: Shaka }).shaka.Player.version;
  },
  async start(url, startAt, watch) {
    const { shaka } = globalThis as unknown as { shaka: Shaka };
    shaka.polyfill.installAll();
    const video = videoElement();
    const recorder = watch(video);
    const player = new shaka.Player();
    await player.attach(video);
    const told = (error: ShakaError) => {
      const what = `shaka ${error.code}: ${JSON.stringify(error.data?.slice(0, 2))}`;
      if (error.severity === 2) recorder.fatal(what);
      else recorder.retried(what);
    };
    player.addEventListener('error', ({ detail }) => told(detail));
    player.getNetworkingEngine().addEventListener('retry', ({ error }) => {
      recorder.retried(`retry after ${error?.code}`);
    });
    begin(video);
    await player.load(url, startAt > 0 ? startAt : undefined).catch(told);
  },
};

interface VideoJs {
  (element: HTMLVideoElement, options: object): VideoJsPlayer;
  VERSION: string;
  log: { warn: (...args: unknown[]) => void };
}
interface VideoJsPlayer {
  src(source: object): void;
  on(type: string, listener: () => void): void;
  one(type: string, listener: () => void): void;
  error(): { code: number; message: string } | null;
  play(): Promise<void> | undefined;
  currentTime(seconds: number): void;
}

const videoJs: PagePlayer = {
  async load() {
    await script('/modules/video.js/dist/video.min.js');
    return (globalThis as unknown as { videojs: VideoJs }).videojs.VERSION;
  },
  async start(url, startAt, watch) {
    const { videojs } = globalThis as unknown as { videojs: VideoJs };
    const video = videoElement();
    const recorder = watch(video);
    // It tells of what it gets over in its log only.
    Object.assign(globalThis.console, {
      warn: (...args: unknown[]) =>
        recorder.retried(args.map((arg) => (arg instanceof Error ? arg.message : String(arg))).join(' ')),
    });
    const player = videojs(video, { html5: { vhs: { overrideNative: true } }, errorDisplay: false });
    player.on('error', () => recorder.fatal(`video.js ${player.error()?.code}: ${player.error()?.message}`));
    player.src({ src: url, type: 'application/vnd.apple.mpegurl' });
    if (startAt > 0) player.one('loadedmetadata', () => player.currentTime(startAt));
    await player.play()?.catch(() => undefined);
  },
};

interface HlsVideoElement extends HTMLElement {
  config: object;
  src: string;
  readonly nativeEl: HTMLVideoElement;
  readonly api: HlsInstance | null;
  load(): Promise<void>;
}

const hlsVideo: PagePlayer = {
  async load() {
    await Promise.all([import('media-chrome'), import('hls-video-element')]);
    const { default: Hls } = await import('hls.js');
    return `1.5.11 on hls.js ${Hls.version}`;
  },
  async start(url, startAt, watch) {
    const controller = document.createElement('media-controller');
    const element = document.createElement('hls-video') as HlsVideoElement;
    element.slot = 'media';
    for (const name of ['muted', 'playsinline', 'autoplay']) element.setAttribute(name, '');
    if (startAt > 0) element.config = { startPosition: startAt };
    controller.append(element, document.createElement('media-control-bar'));
    document.body.append(controller);
    const recorder = watch(element.nativeEl);
    element.src = url;
    // It makes its hls.js a microtask after `src`.
    for (let tries = 0; element.api === null && tries < 100; tries += 1) await Promise.resolve();
    if (element.api === null) recorder.fatal('it made no hls.js');
    else listen(element.api, recorder);
  },
};

const native: PagePlayer = {
  async load() {
    if (document.createElement('video').canPlayType('application/vnd.apple.mpegurl') === '')
      throw new Error('this browser does not play HLS by itself');
    return /Chrome\/([\d.]+)/.exec(navigator.userAgent)?.[1] ?? 'unknown';
  },
  async start(url, startAt, watch) {
    const video = videoElement();
    watch(video);
    if (startAt > 0)
      video.addEventListener('loadedmetadata', () => Object.assign(video, { currentTime: startAt }), {
        once: true,
      });
    // Without it a page on another origin is not told why something failed.
    video.crossOrigin = 'anonymous';
    video.src = url;
    begin(video);
  },
};

/** Every player that a page can hold, by the name that the matrix gives it. */
export const pagePlayers: Readonly<Record<string, PagePlayer>> = {
  'hls.js 1.7': hlsJs(() => import('hls.js')),
  'hls.js 1.6': hlsJs(() => import('hls.js-1.6')),
  'hls.js 1.5': hlsJs(() => import('hls.js-1.5')),
  Shaka: shaka,
  'video.js': videoJs,
  'hls-video in media-chrome': hlsVideo,
  'Chromium <video>': native,
};
