import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { leaseOf } from '../../../src/catalog/leases.ts';
import { renderById } from '../../../src/catalog/videos.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { until } from '../../support/wait.ts';
import {
  addVideo,
  emptyCatalog,
  startTestRenders,
  type TestRenderer,
  type TestRenders,
  testRenderer,
} from './kit.ts';

let server: TestPostgres;
let catalog: Catalog;
let renderer: TestRenderer;
beforeAll(async () => {
  server = await startTestPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  catalog = await emptyCatalog(await server.createDatabase());
  renderer = testRenderer();
  return () => catalog.close();
});

/** A ladder of which only the best video and the audio are made unasked. Five segments. */
const addLadder = () =>
  addVideo(catalog, 'r', 10, 'ladder', [
    { name: '180p', kind: 'video', container: 'fmp4' },
    { name: '120p', kind: 'video', container: 'fmp4', onDemand: true },
    { name: 'audio', kind: 'audio', container: 'fmp4' },
    { name: 'iframes', kind: 'iframes', container: 'fmp4', onDemand: true },
    { name: 'thumbnails', kind: 'images', container: 'jpeg', onDemand: true },
    { name: 'poster', kind: 'images', container: 'jpeg', onDemand: true },
  ]);

/** What each process made: `n: names`. */
const made = (node: TestRenders): string[] =>
  node.made.map(({ n, renditions }) => `${n}: ${renditions.map(({ name }) => name).join(' ')}`);

const madeCount = (node: TestRenders, count: number, what: string) =>
  until(() => node.made.length === count, { what });

test('what is on demand is made for nobody; once asked for, alone and in play order', async () => {
  await addLadder();
  await using node = await startTestRenders({ catalog, renderer });
  await node.renders.take('r', 0);
  await madeCount(node, 5, 'what every viewer gets is made');
  expect(new Set(made(node).map((one) => one.slice(3)))).toEqual(new Set(['180p audio']));
  await node.renders.take('r', 3, 'thumbnails');
  await madeCount(node, 10, 'the rest of the thumbnails follows');
  expect(made(node).slice(5)).toEqual(['3', '0', '1', '2', '4'].map((n) => `${n}: thumbnails`));
  expect(await node.rows('r', 'thumbnails')).toEqual([[0, 5]]);
  expect(await node.rows('r', 'iframes')).toEqual([]);
});

test('a rendition asked for early is made in the same process as the others, and is not caught up', async () => {
  await addLadder();
  renderer.holds = (n) => n === 2;
  await using node = await startTestRenders({ catalog, renderer });
  await node.renders.take('r', 0);
  await until(() => renderer.begun.includes(2), { what: 'the third is begun' });
  await node.renders.take('r', 3, '120p');
  renderer.holds = () => false;
  await madeCount(node, 4, 'the end is reached');
  expect(made(node).slice(2)).toEqual(['3: 180p 120p audio', '4: 180p 120p audio']);
  for (let steps = 0; steps < 20; steps += 1) await node.renders.step();
  expect(node.renders.encoding, 'nobody plays: the start of it is not made').toBe(0);
});

test('a still that somebody waits for does not wait for the segment, nor move the playhead', async () => {
  await addLadder();
  renderer.holds = (n) => n === 0;
  await using node = await startTestRenders({ catalog, renderer, encoders: 2, aheadSeconds: 0 });
  await node.renders.take('r', 0);
  await until(() => renderer.begun.includes(0), { what: 'the first is begun' });
  await node.renders.take('r', 4, 'iframes');
  await until(() => made(node).includes('4: iframes'), { what: 'the still is made' });
  renderer.holds = () => false;
  await until(() => made(node).includes('0: 180p audio'), { what: 'the first is made' });
  node.renders.played('r', '180p', 0);
  await until(() => made(node).includes('4: 180p audio'), { what: 'the end is reached' });
  expect(made(node)).toContain('1: 180p audio iframes');
});

test('the poster has one segment, and other names are refused', async () => {
  await addLadder();
  await using node = await startTestRenders({ catalog, renderer, aheadSeconds: 0 });
  await expect(node.renders.take('r', 1, 'poster')).rejects.toMatchObject({ code: 'invalid_request' });
  await expect(node.renders.take('r', 0, 'nosuch')).rejects.toMatchObject({ code: 'invalid_request' });
  await node.renders.take('r', 0, 'poster');
  await until(() => made(node).includes('0: poster'), { what: 'the poster is made' });
  await node.renders.take('r', 4);
  await until(() => made(node).includes('4: 180p audio'), { what: 'the last segment is made' });
});

test('what only some want cannot fail the video', async () => {
  await addLadder();
  renderer.fails = (_, names) => (names.includes('120p') ? new Error('no 120p here') : undefined);
  await using node = await startTestRenders({ catalog, renderer });
  await node.renders.take('r', 0, '120p');
  await until(() => made(node).includes('4: 180p audio'), { what: 'the end is reached' });
  await until(() => renderer.begun.filter((n) => n === 0).length >= 4, { what: 'it was tried again' });
  for (let steps = 0; steps < 20; steps += 1) await node.renders.step();
  expect(await renderById(catalog.db, 'r')).toMatchObject({ state: 'active' });
});

test('a node without the encoder leaves the render to others', async () => {
  await addVideo(catalog, 'r', 10);
  await using node = await startTestRenders({ catalog, renderer, hasEncoder: (name) => name !== 'libx264' });
  await expect(node.renders.take('r', 0)).rejects.toMatchObject({
    code: 'no_node',
    message: expect.stringContaining('libx264'),
  });
  expect(await leaseOf(catalog.db, 'r')).toBeUndefined();
  expect(await renderById(catalog.db, 'r')).toMatchObject({ state: 'active' });
});
