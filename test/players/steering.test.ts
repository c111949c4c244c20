import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStack, type TestStack } from '../support/stack.ts';
import { until } from '../support/wait.ts';
import { noChromium, openChromium } from './chromium.ts';

if (noChromium !== undefined) process.stderr.write(`content steering: ${noChromium}\n`);

/** Long enough that there is something left to fetch when all of it is stored. */
const seconds = 56;
const description = {
  segue: 1,
  kind: 'timeline',
  size: { width: 480, height: 270 },
  fps: 25,
  duration: seconds,
  seed: 7,
  tracks: [
    { clips: [{ length: seconds, asset: { type: 'gradient', colors: ['#0b1026', '#0f766e'] } }] },
    { clips: [{ length: seconds, asset: { type: 'tone', frequency: 330 }, volume: 0.1 }] },
  ],
};

/** What the page notes of a session. */
interface Session {
  readonly fragments: { name: string; url: string; pathway: string; buffer: number }[];
  readonly errors: string[];
  readonly stalls: number[];
  movedAt: number | undefined;
}

/** Runs in the page: plays with little ahead, so that fragments are fetched all the time. */
function play(url: string): void {
  const video = document.querySelector('video') as HTMLVideoElement;
  const hls = new window.Hls({ maxBufferLength: 8, maxMaxBufferLength: 8 });
  const session: Session = { fragments: [], errors: [], stalls: [], movedAt: undefined };
  window.session = session;
  const ahead = (): number => {
    const { buffered, currentTime } = video;
    return buffered.length === 0 ? 0 : buffered.end(buffered.length - 1) - currentTime;
  };
  let shown = false;
  video.addEventListener('playing', () => (shown = true));
  video.addEventListener('waiting', () => {
    // With data at hand it is the machine that is late.
    if (shown && !video.ended && ahead() < 0.5) session.stalls.push(video.currentTime);
  });
  hls.on('hlsError', (_, { details, fatal }) => session.errors.push(`${details}${fatal ? ' (fatal)' : ''}`));
  hls.on('hlsFragLoaded', (_, { frag, networkDetails }) => {
    const pathway = /sealed=(\d+)/.exec(frag.baseurl)?.[0] ?? '';
    if (pathway !== 'sealed=0') session.movedAt ??= video.currentTime;
    const { responseURL } = networkDetails as { responseURL: string };
    const name = `${frag.type}/${frag.sn}`;
    session.fragments.push({ name, url: responseURL, pathway, buffer: ahead() });
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  void video.play();
}

const scripts = {
  'video.js': 'video.js/dist/video.js',
  'shaka-player': 'shaka-player/dist/shaka-player.compiled.js',
} as const;

/** Runs in the page. */
function start({ player, url }: { player: keyof typeof scripts; url: string }): void {
  const video = document.querySelector('video') as HTMLVideoElement;
  window.failures = [];
  const fail = (error: unknown): void => void window.failures.push(JSON.stringify(error));
  if (player === 'video.js') {
    const made = window.videojs(video, { autoplay: true, html5: { vhs: { overrideNative: true } } });
    made.on('error', () => fail(made.error()));
    made.src({ src: url, type: 'application/vnd.apple.mpegurl' });
    return;
  }
  window.shaka.polyfill.installAll();
  const made = new window.shaka.Player();
  made.addEventListener('error', (event) => fail(event.detail));
  void made.attach(video).then(async () => {
    await made.load(url).catch(fail);
    await video.play();
  });
}

interface Hls {
  on(
    event: string,
    listener: (
      name: string,
      data: {
        details: string;
        fatal: boolean;
        frag: { sn: number | string; type: string; baseurl: string };
        networkDetails: unknown;
      },
    ) => void,
  ): void;
  loadSource(url: string): void;
  attachMedia(video: HTMLVideoElement): void;
}
declare global {
  interface Window {
    Hls: new (config: object) => Hls;
    session: Session;
    failures: string[];
    videojs: (
      video: HTMLVideoElement,
      options: object,
    ) => { on(event: string, listener: () => void): void; error(): unknown; src(source: object): void };
    shaka: {
      polyfill: { installAll(): void };
      Player: new () => {
        attach(video: HTMLVideoElement): Promise<void>;
        load(url: string): Promise<void>;
        addEventListener(event: string, listener: (event: { detail: unknown }) => void): void;
      };
    };
  }
}

describe.skipIf(noChromium !== undefined)('content steering', () => {
  let stack: TestStack;
  let browser: Browser;

  beforeAll(async () => {
    stack = await startStack({ env: { SEGUE_STEERING: 'on' } });
    browser = await openChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  const sessionOf = (page: Page): Promise<Session> => page.evaluate(() => window.session);

  /** A session of hls.js that has been moved, and the paths that it asked the service for. */
  const movedSession = async (seed: number) => {
    const posted = await fetch(`${stack.url}/v1/videos`, {
      method: 'POST',
      body: JSON.stringify({ ...description, seed }),
    });
    const video = (await posted.json()) as { id: string; url: string };
    // The page is nobody's: its policy allows no script, and the test adds one.
    const page = await browser.newPage({ bypassCSP: true });
    await page.goto(`${stack.url}/healthz`);
    await page.setContent('<video muted playsinline></video>');
    await page.addScriptTag({ path: createRequire(import.meta.url).resolve('hls.js') });
    const toService: string[] = [];
    page.on('request', (request) => {
      if (request.url().startsWith(stack.url)) toService.push(new URL(request.url()).pathname);
    });
    page.setDefaultTimeout(120_000);
    await page.evaluate(play, video.url);
    // It pauses until all is stored: on a slow machine that would else be when there is nothing left to fetch.
    await page.waitForFunction(() => (document.querySelector('video')?.currentTime ?? 0) > 1);
    await page.evaluate(() => document.querySelector('video')?.pause());
    const isStored = async (): Promise<boolean> => {
      const status = (await (await fetch(`${stack.url}/v1/videos/${video.id}`)).json()) as { state: string };
      return status.state === 'stored';
    };
    await until(isStored, { what: 'everything is stored', timeout: 150_000 });
    await page.evaluate(() => document.querySelector('video')?.play());

    const isMoved = (session: Session, kind: string): boolean =>
      session.fragments.some(({ name, pathway }) => name.startsWith(kind) && pathway !== 'sealed=0');
    const look = async (): Promise<boolean> => {
      const session = await sessionOf(page);
      return isMoved(session, 'main/') && isMoved(session, 'audio/');
    };
    await until(look, { what: 'picture and sound are moved', timeout: 80_000 });
    return { video, page, toService };
  };

  it('moves a session to the bucket without a stall; kill -9 of every node is not noticed after it', async () => {
    const { video, page, toService } = await movedSession(7);
    const before = await sessionOf(page);
    const requestsBefore = toService.length;
    stack.kill('node-1');
    stack.kill('node-2');
    await page.waitForFunction(() => document.querySelector('video')?.ended === true, undefined, {
      timeout: 180_000,
    });

    const after = await sessionOf(page);
    const later = after.fragments.slice(before.fragments.length);
    const segments = later.filter(({ name }) => !name.endsWith('initSegment'));
    expect(segments.length, 'there was something left to fetch').toBeGreaterThan(4);
    expect(segments.filter(({ url }) => url.startsWith(stack.url))).toEqual([]);
    // Of those requested after the move, none asked the service first.
    const hops = toService.slice(requestsBefore).filter((path) => path.endsWith('.m4s'));
    expect(hops).toEqual([]);
    expect(after.errors.filter((error) => error.endsWith('(fatal)'))).toEqual([]);
    expect(after.stalls.filter((at) => at >= (after.movedAt ?? 0) - 1)).toEqual([]);
    // Every frame: one range without a gap, and nothing dropped on the way.
    const buffered = await page.evaluate(() => {
      const { buffered, currentTime } = document.querySelector('video') as HTMLVideoElement;
      return { ranges: buffered.length, currentTime };
    });
    expect(buffered.ranges).toBe(1);
    expect(buffered.currentTime).toBeCloseTo(seconds, 0);

    const count = before.fragments.length;
    const paths = toService.slice(0, requestsBefore).filter((path) => path.endsWith('.m4s'));
    process.stdout.write(
      `content steering: moved at ${after.movedAt?.toFixed(1)} s; requests to the service a segment: ` +
        `${(paths.length / count).toFixed(2)} before, ${(hops.length / segments.length).toFixed(2)} after\n`,
    );
    process.stdout.write(`content steering: first byte ${JSON.stringify(await hopOf(page, video))}\n`);
    await page.close();
  });

  it('a moved session goes back to stable URLs when the bucket refuses, and loses nothing', async () => {
    const { page } = await movedSession(8);
    const refused = { count: 0 };
    await page.route(
      (url) => url.origin !== stack.url,
      async (route) => {
        refused.count += 1;
        await route.abort('connectionrefused');
      },
    );
    await page.waitForFunction(() => document.querySelector('video')?.ended === true, undefined, {
      timeout: 180_000,
    });
    const after = await sessionOf(page);
    expect(refused.count, 'the bucket was asked').toBeGreaterThan(0);
    expect(after.errors.filter((error) => error.endsWith('(fatal)'))).toEqual([]);
    expect(after.stalls.filter((at) => at >= (after.movedAt ?? 0))).toEqual([]);
    expect(after.fragments.at(-1)?.pathway).toBe('sealed=0');
    expect(await page.evaluate(() => document.querySelector('video')?.buffered.length)).toBe(1);
    await page.close();
  });

  it.concurrent.each(['video.js', 'shaka-player'] as const)(
    '%s plays a steered stream to its end',
    async (player) => {
      const short = 28;
      const posted = await fetch(`${stack.url}/v1/videos`, {
        method: 'POST',
        body: JSON.stringify({
          ...description,
          seed: player.length,
          duration: short,
          tracks: description.tracks.map(({ clips }) => ({
            clips: clips.map((clip) => ({ ...clip, length: short })),
          })),
        }),
      });
      const video = (await posted.json()) as { id: string; url: string };
      // The page is nobody's: its policy allows no script, and the test adds one.
      const page = await browser.newPage({ bypassCSP: true });
      await page.goto(`${stack.url}/healthz`);
      await page.setContent('<video muted playsinline></video>');
      await page.addScriptTag({ path: createRequire(import.meta.url).resolve(scripts[player]) });
      const requests: string[] = [];
      page.on('request', (request) => requests.push(request.url()));
      await page.evaluate(start, { player, url: video.url });
      await page.waitForFunction(() => document.querySelector('video')?.ended === true, undefined, {
        timeout: 150_000,
      });
      expect(await page.evaluate(() => window.failures)).toEqual([]);
      const time = await page.evaluate(() => document.querySelector('video')?.currentTime);
      expect(time).toBeCloseTo(short, 0);
      expect(requests.some((url) => url.includes('/steering.json'))).toBe(true);
      const moved = requests.some((url) => new RegExp('media.m3u8[?].*sealed=[1-9]').test(url));
      process.stdout.write(`content steering: ${player} ${moved ? 'was moved' : 'stayed on stable URLs'}\n`);
      await page.close();
    },
  );

  /** Median milliseconds to the first byte of a segment: through the service's redirect, and from the bucket itself. */
  async function hopOf(page: Page, video: { id: string }): Promise<{ redirected: number; direct: number }> {
    const list = await (await fetch(`${stack.url}/v/${video.id}/270p/media.m3u8`)).text();
    const stable = [...list.matchAll(/^\d+\.m4s$/gm)].map(
      ([name]) => `${stack.url}/v/${video.id}/270p/${name}`,
    );
    return page.evaluate(async (urls) => {
      const median = (values: number[]): number =>
        Math.round((values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0) * 100) / 100;
      const timed = async (url: string): Promise<{ ms: number; url: string }> => {
        const begun = performance.now();
        const answer = await fetch(url, { cache: 'no-store' });
        const ms = performance.now() - begun;
        await answer.arrayBuffer();
        return { ms, url: answer.url };
      };
      const [redirected, direct]: [number[], number[]] = [[], []];
      for (const url of urls) {
        const first = await timed(url);
        redirected.push(first.ms);
        direct.push((await timed(first.url)).ms);
      }
      return { redirected: median(redirected), direct: median(direct) };
    }, stable);
  }
});
