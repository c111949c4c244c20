import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStack, type TestStack } from '../support/stack.ts';
import { noChromium, openChromium } from './chromium.ts';

// What is seen in a browser needs one; without it this says so instead of passing in silence.
if (noChromium !== undefined) process.stderr.write(`demo page: ${noChromium}\n`);

/** Cheap to render, so that the test is about sources and not about the speed of the machine. */
const description = {
  segue: 1,
  kind: 'timeline',
  size: { width: 480, height: 270 },
  fps: 25,
  duration: 60,
  seed: 1,
  tracks: [
    { clips: [{ start: 0, length: 60, asset: { type: 'gradient', colors: ['#0b1026', '#0f766e'] } }] },
    { clips: [{ start: 0, length: 60, asset: { type: 'tone', frequency: 330 }, volume: 0.1 }] },
  ],
};

describe.skipIf(noChromium !== undefined)('demo page in Chromium', () => {
  let stack: TestStack;
  let browser: Browser;

  beforeAll(async () => {
    stack = await startStack({ env: { SEGUE_DEMO: 'on' } });
    browser = await openChromium();
  });

  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  /** Opens the page; `complaints` collects everything that the console calls an error. */
  const open = async (
    viewport = { width: 1280, height: 900 },
  ): Promise<{ page: Page; complaints: string[] }> => {
    const page = await browser.newPage({ viewport });
    page.setDefaultTimeout(120_000);
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(stack.url);
    await page.waitForFunction(() => document.querySelector('textarea')?.value.includes('"segue"'));
    return { page, complaints };
  };

  const cells = (page: Page, at: string): Promise<number> => page.locator(`.cell[data-at="${at}"]`).count();

  it('plays through kill -9 of the origin, to the end, without an error or a stall over 1 s', async () => {
    const { page, complaints } = await open();
    await page.fill('#source', JSON.stringify(description));
    await page.click('#play');
    // Far enough to have something to lose, and with segments that only another node can make.
    await page.waitForFunction(() => Number(document.getElementById('buffer')?.dataset['seconds']) >= 8);
    const killed = page.locator('.node:has(.badge.origin)');
    const id = await killed.getAttribute('data-id');
    expect(await cells(page, 'absent')).toBeGreaterThan(0);
    await killed.locator('button.danger').click();
    await page.locator('#events', { hasText: `${id} was killed` }).waitFor();

    await page.waitForFunction(
      () => document.querySelector('main')?.dataset['state'] === 'ended',
      undefined,
      {
        timeout: 120_000,
      },
    );
    expect(Number(await page.locator('#stalls').getAttribute('data-longest'))).toBeLessThan(1);
    expect(await page.evaluate(() => document.querySelector('video')?.currentTime)).toBeCloseTo(60, 0);
    // Every segment of both renditions is in the bucket, and reached this player.
    await page.waitForFunction(() => document.querySelectorAll('.cell:not([data-at="bucket"])').length === 0);
    expect(await page.locator('.cell:not([data-came])').count()).toBe(0);
    expect(await page.locator('#exposure').textContent()).toBe('0.0 s');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('shows every problem of a description beside the editor', async () => {
    const { page } = await open();
    await page.fill(
      '#source',
      JSON.stringify({ ...description, fps: 23, size: { width: 481, height: 270 } }),
    );
    await page.click('#play');
    const problems = page.locator('#problems li');
    await problems.nth(1).waitFor();
    const texts = await problems.allTextContents();
    expect(
      texts.map((text) => text.split(':', 1)[0]).toSorted((a, b) => a?.localeCompare(b ?? '') ?? 0),
    ).toEqual(['fps', 'size.width']);
    expect(await page.locator('#source').getAttribute('aria-invalid')).toBe('true');
    expect(await page.locator('main').getAttribute('data-state')).toBe('idle');
    await page.close();
  });

  it('offers the examples, the default first', async () => {
    const { page } = await open();
    const names = await page.locator('#example option').allTextContents();
    expect(names[0]).toBe('default');
    await page.selectOption('#example', { label: 'minimal' });
    await page.waitForFunction(() => document.querySelector('textarea')?.value.includes('"duration": 5'));
    await page.close();
  });

  it('fits a phone, and every control can be reached and is named', async () => {
    const { page, complaints } = await open({ width: 390, height: 844 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    for (const name of ['Example', 'New seed each time, so that it is a new video']) {
      expect(await page.getByLabel(name).count()).toBe(1);
    }
    await page.getByRole('button', { name: 'Kill (kill -9): node-1' }).waitFor();
    // From the skip link, which is first, the keyboard alone starts a video.
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the play button');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('main')?.dataset['state'] === 'playing');
    expect(complaints).toEqual([]);
    await page.close();
  });
});
