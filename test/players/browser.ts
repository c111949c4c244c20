import type { Browser, Page } from 'playwright-core';
import { noChromium, openChromium } from './chromium.ts';
import type { PageSession } from './page/main.ts';
import { type PageServer, servePages } from './page-server.ts';
import type { Player, Playing, PlayOptions } from './player.ts';

declare const session: PageSession;

/** Milliseconds that a session may take unless the caller says otherwise. */
const defaultTimeout = 120_000;

/** Players that live in pages of one browser. */
export interface BrowserPlayers extends AsyncDisposable {
  readonly players: readonly Player[];
}

const names = [
  'hls.js 1.7',
  'hls.js 1.6',
  'hls.js 1.5',
  'Shaka',
  'video.js',
  'hls-video in media-chrome',
  'Chromium <video>',
] as const;

/** Players of one browser, which is started when the first of them plays and ends with this. */
export function browserPlayers(): BrowserPlayers {
  let begun: Promise<{ browser: Browser; server: PageServer }> | undefined;
  const started = () =>
    (begun ??= (async () => ({ browser: await openChromium(), server: await servePages() }))());
  const open = async (name: string): Promise<{ page: Page; version: string }> => {
    const { browser, server } = await started();
    const page = await browser.newPage({ viewport: { width: 480, height: 270 } });
    await page.goto(server.url, { waitUntil: 'load' });
    return { page, version: await page.evaluate((player) => session.load(player), name) };
  };
  return {
    players: names.map((name) => ({
      name,
      unavailable: noChromium,
      async version() {
        const { page, version } = await open(name);
        await page.close();
        return version;
      },
      async play(url, options) {
        const { page } = await open(name);
        return play(page, url, options);
      },
    })),
    async [Symbol.asyncDispose]() {
      const parts = await begun;
      await parts?.browser.close();
      await parts?.server[Symbol.asyncDispose]();
    },
  };
}

async function play(
  page: Page,
  url: string,
  { startAt = 0, time = AbortSignal.timeout(defaultTimeout) }: PlayOptions = {},
): Promise<Playing> {
  const crashed = Promise.withResolvers<'crashed'>();
  page.on('crash', () => crashed.resolve('crashed'));
  page.on('close', () => crashed.resolve('crashed'));
  await page.evaluate(
    ([to, from]) => {
      // Starting may take as long as the first segment does.
      void session.start(to, from);
    },
    [url, startAt] as const,
  );
  const timedOut = Promise.withResolvers<'time'>();
  const expire = () => timedOut.resolve('time');
  time.addEventListener('abort', expire, { once: true });
  if (time.aborted) expire();
  const over = page.evaluate(() => session.over()).then(() => 'over' as const);
  const done = Promise.race([over.catch(() => 'crashed' as const), crashed.promise, timedOut.promise]).then(
    async (how) => {
      time.removeEventListener('abort', expire);
      const report = await page
        .evaluate(() => session.report())
        .catch(() => ({
          ended: false,
          fatal: ['the page is gone'],
          retried: [],
          stalls: undefined,
          frames: { shown: undefined, dropped: undefined },
          played: undefined,
          firstFrameMs: undefined,
          endedAt: undefined,
        }));
      await page.close().catch(() => undefined);
      return { ...report, timedOut: how === 'time' };
    },
  );
  const ask = <T>(look: () => T): Promise<T | undefined> => page.evaluate(look).catch(() => undefined);
  return {
    position: () => ask(() => session.position()),
    buffered: () => ask(() => session.ahead()),
    seek: (seconds) => page.evaluate((to) => session.seek(to), seconds),
    done,
    async [Symbol.asyncDispose]() {
      await page.close().catch(() => undefined);
      await done;
    },
  };
}
