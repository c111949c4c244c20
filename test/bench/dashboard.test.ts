import type { Browser, CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Playlists, startPlaylists } from '../../playlists/node.ts';
import { type Catalog, openCatalog } from '../../src/catalog/connect.ts';
import { migrateCatalog } from '../../src/catalog/migrate.ts';
import { createLog } from '../../src/ops/log.ts';
import { createMetrics } from '../../src/ops/metrics.ts';
import { admission } from '../integration/playlists/setup.ts';
import { noChromium, openChromium } from '../players/chromium.ts';
import { type Crowd, startCrowd } from '../support/crowd.ts';
import { type OwnPostgres, startTestPostgres } from '../support/postgres.ts';
import { until } from '../support/wait.ts';
import { report, summaryOf } from './ratio.ts';

if (noChromium !== undefined) process.stderr.write(`dashboard at size: ${noChromium}\n`);

const size = { videos: 5000, nodes: 100 };
const adminToken = 'an admin token for tests';
/** Processor time of a frame at 60 a second, in milliseconds. */
const frameMs = 1000 / 60;

describe.skipIf(noChromium !== undefined)(
  `the dashboard at ${size.videos} videos and ${size.nodes} nodes`,
  () => {
    let postgres: OwnPostgres;
    let catalog: Catalog;
    let crowd: Crowd;
    let service: Playlists;
    let browser: Browser;
    let page: Page;
    let cdp: CDPSession;
    let living: NodeJS.Timeout | undefined;

    beforeAll(async () => {
      postgres = await startTestPostgres();
      await migrateCatalog(postgres.url);
      catalog = openCatalog(postgres.url);
      crowd = await startCrowd(catalog.sql, size);
      service = await startPlaylists(
        {
          host: '127.0.0.1',
          port: 0,
          databaseUrl: postgres.url,
          bucketPublicUrl: 'https://cdn.example',
          secret: 'a secret of thirty-two characters',
          adminToken,
          leaseSeconds: 30,
          holdSeconds: 20,
          holdSilentSeconds: 0.5,
          maxHolds: 100,
          sharePort: false,
          steering: false,
          profile: 'default',
          onDemand: 'stills',
          demo: false,
          admission,
          logLevel: 'silent',
        },
        { log: createLog('bench', 'silent'), metrics: createMetrics({ process: false }) },
      );
      // Each second nodes beat, viewers go on, and some hundred copies change.
      living = setInterval(() => void crowd.step().catch(() => undefined), 1000);
      browser = await openChromium();
      page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
      cdp = await page.context().newCDPSession(page);
      // Processor time of the page's thread: what other processes take from it does not count.
      await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
    });
    afterAll(async () => {
      clearInterval(living);
      await browser?.close();
      await service?.stop();
      await catalog?.close();
      await postgres?.stop();
    });

    /** Seconds of the page's thread that its tasks have taken so far. */
    const busySeconds = async (): Promise<number> => {
      const { metrics } = await cdp.send('Performance.getMetrics');
      return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN;
    };
    const cost = async (work: () => Promise<unknown>): Promise<number> => {
      const before = await busySeconds();
      await work();
      return ((await busySeconds()) - before) * 1000;
    };

    test('it is read and drawn, and then costs a small part of a processor', async () => {
      await page.goto(`${service.url}/admin`);
      await page.getByLabel('Admin token').fill(adminToken);
      const begun = performance.now();
      const read = await cost(async () => {
        await page.keyboard.press('Enter');
        await page.getByText('5,000', { exact: true }).waitFor({ timeout: 120_000 });
      });
      report(
        `5,000 videos are listed after ${((performance.now() - begun) / 1000).toFixed(1)} s, ${read.toFixed(0)} ms of the page's thread`,
      );
      const seconds = 10;
      const idle = await cost(() => page.waitForTimeout(seconds * 1000));
      report(`following a second of changes: ${(idle / seconds).toFixed(0)} ms of the page's thread`);
      expect(idle / seconds).toBeLessThan(250);
    });

    test('scrolling, and choosing, stay within a frame or a blink', async () => {
      const frames = 120;
      const perFrame: number[] = [];
      for (let round = 0; round < 5; round += 1) {
        const scrolled = await cost(() =>
          page.evaluate(async (count) => {
            const rows = document.querySelector('#rows');
            for (let frame = 0; frame < count; frame += 1) {
              rows?.scrollBy(0, 137);
              await new Promise((resolve) => requestAnimationFrame(resolve));
            }
          }, frames),
        );
        perFrame.push(scrolled / frames);
      }
      const scrolling = summaryOf(perFrame);
      report(
        `a frame of fast scrolling: ${scrolling.median.toFixed(1)} ms of the page's thread (${scrolling.min.toFixed(1)} to ${scrolling.max.toFixed(1)})`,
      );
      expect(scrolling.min).toBeLessThan(frameMs);

      const count = () =>
        page
          .getByRole('listbox', { name: 'Videos' })
          .getByRole('option')
          .first()
          .getAttribute('aria-setsize');
      const choices: number[] = [];
      for (const name of ['watched', 'exposed', 'stored', 'all']) {
        const before = await count();
        choices.push(
          await cost(async () => {
            await page.getByRole('radio', { name: new RegExp(`^${name}`) }).check({ force: true });
            await until(async () => (await count()) !== before, {
              what: 'other videos are shown',
              timeout: 60_000,
            });
          }),
        );
      }
      report(`choosing other videos: ${summaryOf(choices).median.toFixed(0)} ms of the page's thread`);
      expect(summaryOf(choices).median).toBeLessThan(200);
      const elements = await page.evaluate(() => document.querySelectorAll('*').length);
      report(`elements on the page: ${elements}`);
      expect(elements).toBeLessThan(4000);
    });

    test('frames come steadily while it follows (wall clock; other processes count)', async () => {
      const shown = await page.evaluate(async () => {
        const gaps: number[] = [];
        let last = performance.now();
        const end = last + 10_000;
        while (last < end) {
          await new Promise((resolve) => requestAnimationFrame(resolve));
          const now = performance.now();
          gaps.push(now - last);
          last = now;
        }
        gaps.sort((a, b) => a - b);
        const at = (part: number): number => gaps[Math.floor(gaps.length * part)] ?? Number.NaN;
        return { median: at(0.5), p95: at(0.95), p99: at(0.99), longest: gaps.at(-1) ?? Number.NaN };
      });
      const { median, p95, p99, longest } = shown;
      report(
        `between frames: median ${median.toFixed(0)} ms, 95 % ${p95.toFixed(0)} ms, 99 % ${p99.toFixed(0)} ms, longest ${longest.toFixed(0)} ms`,
      );
      expect(median).toBeLessThan(2 * frameMs);
    });

    test('the service answers pages of the list fast enough to be asked', async () => {
      const times: number[] = [];
      let next: string | null = '';
      for (let pages = 0; next !== null && pages < 20; pages += 1) {
        const begun = performance.now();
        const after: string = next === '' ? '' : `&after=${encodeURIComponent(next)}`;
        const answer = await fetch(`${service.url}/v1/videos?limit=500${after}`, {
          headers: { authorization: `Bearer ${adminToken}` },
        });
        const { videos, next: more } = z
          .object({ videos: z.array(z.unknown()), next: z.string().nullable() })
          .parse(await answer.json());
        expect(videos.length).toBeLessThanOrEqual(500);
        times.push(performance.now() - begun);
        next = more;
      }
      const { median, max, runs } = summaryOf(times);
      report(`a page of 500 videos: ${median.toFixed(0)} ms, at most ${max.toFixed(0)} ms (${runs} pages)`);
      expect(runs).toBeGreaterThanOrEqual(10);
    });
  },
);
