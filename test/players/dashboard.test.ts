import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Field, segmentsIn, smallDescription, startField } from '../faults/kit.ts';
import { until } from '../support/wait.ts';
import { noChromium, openChromium } from './chromium.ts';

if (noChromium !== undefined) process.stderr.write(`operators' dashboard: ${noChromium}\n`);

/** On a machine that renders at the same time everything takes its time, in milliseconds. */
const patience = 120_000;

describe.skipIf(noChromium !== undefined)("operators' dashboard in Chromium", () => {
  let field: Field;
  let browser: Browser;
  let complaints: string[] = [];

  beforeAll(async () => {
    field = await startField();
    browser = await openChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await field?.[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    complaints = [];
  });

  const open = async (options: BrowserContextOptions = {}): Promise<Page> => {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, ...options });
    page.setDefaultTimeout(patience);
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(`${field.stack.url}/admin`);
    return page;
  };
  const signedIn = async (options?: BrowserContextOptions): Promise<Page> => {
    const page = await open(options);
    await page.getByLabel('Admin token').fill(field.stack.adminToken);
    await page.keyboard.press('Enter');
    await page
      .getByRole('status')
      .filter({ hasText: /^live$/ })
      .waitFor();
    return page;
  };
  const view = (page: Page, name: string) =>
    page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name }).click();

  it('lets in whoever has the token, which is in no address and gone after signing out', async () => {
    const page = await open();
    const addresses: string[] = [];
    page.on('request', (request) => addresses.push(request.url()));
    await page.getByLabel('Admin token').fill('not the token');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').filter({ hasText: 'not the admin token' }).waitFor();
    expect(await page.getByRole('navigation', { name: 'Views' }).isVisible()).toBe(false);
    // The browser itself calls the refusal an error.
    expect(complaints.splice(0)).toEqual([expect.stringContaining('401')]);

    await page.getByLabel('Admin token').fill(field.stack.adminToken);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Drain node-2' }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Drain node-2' }).waitFor();
    for (const name of ['Charts', 'Policy', 'Events', 'Live']) await view(page, name);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Admin token').waitFor();
    await until(async () => (await page.getByText('node-2').count()) === 0, {
      what: 'nothing is left in the page',
      timeout: patience,
    });
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    await page.reload();
    await page.getByLabel('Admin token').waitFor();
    expect(addresses.length).toBeGreaterThan(10);
    expect(addresses.filter((address) => address.includes(field.stack.adminToken))).toEqual([]);
    expect(addresses.filter((address) => !address.startsWith(field.stack.url))).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('is worked by keyboard alone, and everything has its role and name', async () => {
    const ids: string[] = [];
    for (const seed of [11, 12, 13]) ids.push((await field.post(smallDescription(4, seed))).id);
    const page = await signedIn();
    const list = page.getByRole('listbox', { name: 'Videos' });
    const listed = () =>
      until(async () => (await list.getByRole('option').count()) >= 3, {
        what: 'the videos are listed',
        timeout: patience,
      });
    await listed();
    await page.reload();
    await listed();
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    // From there to the list there are the choice of videos, the search, the order.
    for (let stops = 0; stops < 6; stops += 1) {
      if ((await page.evaluate(() => document.activeElement?.id)) === 'rows') break;
      await page.keyboard.press('Tab');
    }
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('rows');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    const current = await page.evaluate(() => {
      const id = document.activeElement?.getAttribute('aria-activedescendant') ?? '';
      return document.getElementById(id)?.getAttribute('aria-label');
    });
    // Newest first: the second of three is the middle one.
    expect(current).toMatch(
      new RegExp(`^Video ${ids[1]?.slice(0, 10)}, \\w+, 0:04 long: of ${segmentsIn(4)} segments`),
    );
    await page.keyboard.press('Enter');
    const drawer = page.getByRole('dialog', { name: 'Video' });
    await drawer.getByText(ids[1] ?? '').waitFor();
    await drawer.getByRole('region', { name: 'Rendition audio' }).waitFor();
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'hidden' });
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('rows');
    await page.keyboard.press('End');
    await page.keyboard.press('Home');
    expect(await list.locator('[aria-selected="true"]').getAttribute('data-id')).toBe(ids[2]);

    for (const id of ['node-1', 'node-2']) {
      const node = page.getByRole('listitem').filter({ hasText: id });
      // A few segments are no whole percent of a disk.
      for (const [name, least] of [
        ['CPU', 1],
        ['Disk', 0],
      ] as const) {
        const meter = node.getByRole('meter', { name });
        await until(async () => Number((await meter.getAttribute('aria-valuenow')) ?? -1) >= least, {
          what: `${name} of ${id}`,
          timeout: patience,
        });
      }
    }
    await page.getByRole('radio', { name: /^failed/ }).check({ force: true });
    await page.getByText('No video is like that.').waitFor();
    // A name for everything that can be reached.
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll('a, button, input:not([hidden]), select, textarea')]
        .filter((one) => {
          const labels = (one as HTMLInputElement).labels ?? [];
          const text = `${one.textContent}${one.getAttribute('aria-label') ?? ''}${[...labels].map((label) => label.textContent).join('')}`;
          return text.trim() === '';
        })
        .map((one) => one.outerHTML),
    );
    expect(nameless).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('edits the policy: problems at their lines, the difference, and what was saved holds', async () => {
    const page = await signedIn();
    // As it is where nobody has decided anything, also at a second try.
    await fetch(`${field.stack.url}/v1/policy`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${field.stack.adminToken}` },
      body: '{}',
    });
    await view(page, 'Policy');
    const text = page.getByRole('textbox', { name: 'Policy as JSON' });
    const save = page.getByRole('button', { name: 'Save' });
    await until(async () => (await text.inputValue()).includes('"diskUsed": 0.9'), {
      what: 'the policy is shown',
      timeout: patience,
    });
    const original = await text.inputValue();

    await text.fill(original.replace('0.9', '9').replace('"on-trouble"', '"twice"'));
    const lineOf = (part: string) => original.split('\n').findIndex((line) => line.includes(part)) + 1;
    const problem = page.getByRole('button', { name: `line ${lineOf('diskUsed')} trouble.diskUsed` });
    await problem.waitFor();
    await page.getByRole('button', { name: `line ${lineOf('mode')} replicas.mode` }).waitFor();
    expect(await page.locator('.line.bad').allTextContents()).toEqual([
      expect.stringMatching(/"mode": "twice",.+none/),
      expect.stringMatching(/"diskUsed": 9,.+1/),
    ]);
    await page
      .getByRole('alert')
      .filter({ hasText: /^2 problems; the first is at line/ })
      .waitFor({ state: 'attached' });
    expect(await text.getAttribute('aria-invalid')).toBe('true');
    expect(await save.isDisabled()).toBe(true);
    await problem.click();
    expect(await page.evaluate(() => getSelection()?.toString() ?? '')).toContain('"diskUsed": 9');

    await text.fill(original.replace('0.9', '0.9,,'));
    await page.getByRole('button', { name: /no JSON/ }).waitFor();
    expect(await save.isDisabled()).toBe(true);

    await text.fill(original.replace('0.9', '0.85'));
    await until(() => save.isEnabled(), { what: 'it may be saved', timeout: patience });
    const changed = page.getByRole('list', { name: /^Difference/ }).getByRole('listitem');
    expect((await changed.allTextContents()).filter((line) => /removed|added/.test(line))).toEqual([
      expect.stringContaining('removed:     "diskUsed": 0.9,'),
      expect.stringContaining('added:     "diskUsed": 0.85,'),
    ]);
    await save.click();
    await page.getByRole('status').filter({ hasText: 'Saved at' }).waitFor();
    const held: unknown = await (
      await fetch(`${field.stack.url}/v1/policy`, {
        headers: { authorization: `Bearer ${field.stack.adminToken}` },
      })
    ).json();
    expect(held).toMatchObject({ trouble: { diskUsed: 0.85 } });
    await until(async () => (await changed.count()) === 0, { what: 'nothing differs', timeout: patience });
    await view(page, 'Events');
    await page.getByRole('log').getByText('of the policy was set by').first().waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('tries an edited policy on what was watched lately, beside the one in force', async () => {
    const page = await signedIn();
    await view(page, 'Policy');
    const panel = page.getByRole('region', { name: 'Dry run' });
    await panel.getByRole('button', { name: 'Run' }).click();
    await panel.getByRole('row').nth(10).waitFor({ timeout: patience });
    const rows = await panel.getByRole('row').allTextContents();
    expect(rows[0]).toBe('todayeditedchange');
    expect(rows.slice(1).map((row) => row.replace(/\d.*$/, ''))).toEqual([
      'Money a month',
      'Bucket requests',
      'Stored in the bucket',
      'Moved to the bucket',
      'CPU for copying',
      'CPU for rendering again',
      'Exposure, on average',
      'Exposure, at most',
      'Viewers interrupted',
      'Cold starts',
    ]);
    expect(rows.slice(1).every((row) => row.endsWith('same'))).toBe(true);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('shows a video move from the node that makes it to the bucket', async () => {
    const page = await signedIn();
    await field.proxy.fail({ kind: 'refuse' });
    const { id } = await field.post(smallDescription(12, Math.floor(Math.random() * 1e9)));
    const all = segmentsIn(12);
    const row = page.locator(`[role="option"][data-id="${id}"]`);
    await until(
      async () =>
        new RegExp(`: of ${all} segments ${all} on one node only`).test(
          (await row.getAttribute('aria-label')) ?? '',
        ),
      {
        what: 'all of it is on the node that made it',
        timeout: patience,
      },
    );
    const fill = () => row.locator('.fill').getAttribute('style');
    expect(await fill()).toContain('var(--node)');
    await until(async () => /12 s.*rendered/.test((await row.textContent()) ?? ''), {
      what: 'it is rendered',
      timeout: patience,
    });
    await row.click();
    const drawer = page.getByRole('dialog', { name: 'Video' });
    await drawer
      .getByText(/^node-\d$/)
      .first()
      .waitFor();

    await field.proxy.fail(undefined);
    await until(
      async () =>
        new RegExp(`stored.*: of ${all} segments ${all} in the bucket`).test(
          (await row.getAttribute('aria-label')) ?? '',
        ),
      {
        what: 'all of it is in the bucket',
        timeout: patience,
      },
    );
    expect(await fill()).toContain('var(--bucket) 0.00% 100.00%');
    await drawer.getByText(`of ${all} segments ${all} in the bucket`).first().waitFor();
    await page.keyboard.press('Escape');
    // A viewer who plays from the bucket is still seen.
    await fetch(`${field.stack.url}/v/${id}/180p/3.m4s`, { redirect: 'manual' });
    await until(async () => (await row.getAttribute('aria-label'))?.endsWith('viewers at segment 3'), {
      what: 'the viewer is seen',
      timeout: patience,
    });
    await view(page, 'Events');
    await page.getByRole('log').getByText('Everything is in the bucket').first().waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('links to the URL that the service tells, which may be signed', async () => {
    const { id } = await field.post(smallDescription(4, 14));
    const page = await signedIn();
    const signed = `${field.stack.url}/v/${id}~1~signature/index.m3u8`;
    await page.route(`**/v1/videos/${id}`, async (route) => {
      const response = await route.fetch();
      const video = (await response.json()) as object;
      await route.fulfill({ response, json: { ...video, url: signed } });
    });
    await page.locator(`[role="option"][data-id="${id}"]`).click();
    const link = page.getByRole('dialog', { name: 'Video' }).getByRole('link', { name: 'Playlist' });
    await link.waitFor();
    expect(await link.getAttribute('href')).toBe(signed);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('charts the last hours, and has them as tables', async () => {
    const page = await signedIn();
    await view(page, 'Charts');
    const chart = page.getByRole('region', { name: 'Where segments come from' });
    await chart.locator('canvas').waitFor();
    await chart.getByText('As a table').click();
    // A quarter of a minute after the start the first row is there.
    await chart.getByRole('row').nth(1).waitFor();
    expect(await chart.getByRole('columnheader').allTextContents()).toEqual([
      'Time',
      'bucket',
      'nodes',
      'held until made',
    ]);
    await page.getByRole('radio', { name: '24 h' }).check({ force: true });
    await page.getByRole('region', { name: 'Nodes' }).getByText('ready').first().waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  it.each(['light', 'dark'] as const)('fits a phone in %s, with one list at a time', async (colorScheme) => {
    const page = await signedIn({ viewport: { width: 390, height: 844 }, colorScheme });
    const nodes = page.getByRole('button', { name: 'Drain node-1' });
    expect(await nodes.isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Nodes', exact: true }).click();
    await nodes.waitFor();
    for (const name of ['Live', 'Charts', 'Policy', 'Events']) {
      await view(page, name);
      expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBe(390);
    }
    const shade = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const before = await shade();
    const button = page.getByRole('button', { name: /^Theme/ });
    for (let turns = 0; turns < 2 && (await shade()) === before; turns += 1) await button.click();
    expect(await shade(), 'the other theme can be chosen').not.toBe(before);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('drains a node', async () => {
    const page = await signedIn();
    const pid = field.stack.pidOf('node-2');
    await page.getByRole('button', { name: 'Drain node-2' }).click();
    const dialog = page.getByRole('dialog', { name: 'Drain node-2?' });
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Drain node-2' }).click();
    await dialog.getByLabel(/It ends within/).fill('20');
    await dialog.getByRole('button', { name: 'Drain it' }).click();
    await dialog.waitFor({ state: 'hidden' });
    // The stack starts another one in its place.
    await field.stack.restarted('node-2', pid);
    await view(page, 'Events');
    await page.getByRole('log').getByText('node-2 drains: it takes nothing new').waitFor();
    await page
      .getByRole('log')
      .getByText(/^node-2 (was started again|is ready)/)
      .first()
      .waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });
});
