import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { recordCopies } from '../../../src/catalog/copies.ts';
import { leaseOf } from '../../../src/catalog/leases.ts';
import { renderById } from '../../../src/catalog/videos.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
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
  server = sharedPostgres();
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
  await node.renders.take('r', { n: 0 });
  await madeCount(node, 5, 'what every viewer gets is made');
  expect(new Set(made(node).map((one) => one.slice(3)))).toEqual(new Set(['180p audio']));
  await node.renders.take('r', { n: 3, rendition: 'thumbnails' });
  await madeCount(node, 10, 'the rest of the thumbnails follows');
  expect(renderer.begun.slice(5)).toEqual([3, 0, 1, 2, 4]);
  expect(new Set(made(node).slice(5))).toEqual(new Set([0, 1, 2, 3, 4].map((n) => `${n}: thumbnails`)));
  expect(await node.rows('r', 'thumbnails')).toEqual([[0, 5]]);
  expect(await node.rows('r', 'iframes')).toEqual([]);
});

test('a rendition asked for early is made in the same process as the others, and is not caught up', async () => {
  await addLadder();
  renderer.holds = (n) => n === 2;
  // No time passes: an encoder that has just begun gives way.
  await using node = await startTestRenders({ catalog, renderer, now: () => 0 });
  await node.renders.take('r', { n: 0 });
  await until(() => renderer.begun.includes(2), { what: 'the third is begun' });
  await node.renders.take('r', { n: 3, rendition: '120p' });
  renderer.holds = () => false;
  await madeCount(node, 4, 'the end is reached');
  expect(made(node).toSorted().slice(2)).toEqual(['3: 180p 120p audio', '4: 180p 120p audio']);
  for (let steps = 0; steps < 20; steps += 1) await node.renders.step();
  expect(node.renders.encoding, 'nobody plays: the start of it is not made').toBe(0);
});

test('a still that somebody waits for does not wait for the segment, nor move the playhead', async () => {
  await addLadder();
  renderer.holds = (n) => n === 0;
  await using node = await startTestRenders({ catalog, renderer, encoders: 2, aheadSeconds: 0 });
  await node.renders.take('r', { n: 0 });
  await until(() => renderer.begun.includes(0), { what: 'the first is begun' });
  await node.renders.take('r', { n: 4, rendition: 'iframes' });
  await until(() => made(node).includes('4: iframes'), { what: 'the still is made' });
  renderer.holds = () => false;
  await until(() => made(node).includes('0: 180p audio'), { what: 'the first is made' });
  node.renders.played('r', '180p', 0);
  await until(() => made(node).includes('4: 180p audio'), { what: 'the end is reached' });
  // Of two encoders the one with the end may be done first.
  await until(() => made(node).includes('1: 180p audio iframes'), { what: 'what comes before is made' });
});

test('the poster has one segment, and other names are refused', async () => {
  await addLadder();
  await using node = await startTestRenders({ catalog, renderer, aheadSeconds: 0 });
  await expect(node.renders.take('r', { n: 1, rendition: 'poster' })).rejects.toMatchObject({
    code: 'invalid_request',
  });
  await expect(node.renders.take('r', { n: 0, rendition: 'nosuch' })).rejects.toMatchObject({
    code: 'invalid_request',
  });
  await node.renders.take('r', { n: 0, rendition: 'poster' });
  await until(() => made(node).includes('0: poster'), { what: 'the poster is made' });
  await node.renders.take('r', { n: 4 });
  await until(() => made(node).includes('4: 180p audio'), { what: 'the last segment is made' });
});

test('what only some want cannot fail the video', async () => {
  await addLadder();
  renderer.fails = (_, names) => (names.includes('120p') ? new Error('no 120p here') : undefined);
  await using node = await startTestRenders({ catalog, renderer });
  await node.renders.take('r', { n: 0, rendition: '120p' });
  await until(() => made(node).includes('4: 180p audio'), { what: 'the end is reached' });
  await until(() => renderer.begun.filter((n) => n === 0).length >= 4, { what: 'it was tried again' });
  for (let steps = 0; steps < 20; steps += 1) await node.renders.step();
  expect(await renderById(catalog.db, 'r')).toMatchObject({ state: 'active' });
});

test('failures of stills do not count against the video', async () => {
  await addLadder();
  let broken = true;
  renderer.fails = (n, names) =>
    broken && n === 4 && names.includes('thumbnails') ? new Error('no') : undefined;
  await using node = await startTestRenders({ catalog, renderer, aheadSeconds: 0 });
  await node.renders.take('r', { n: 4, rendition: 'thumbnails' });
  await until(() => renderer.begun.filter((n) => n === 4).length >= 3, { what: 'the still has failed' });
  await until(() => node.renders.encoding === 0, { what: 'it was given up' });
  // The segment itself fails once, for a reason that passes.
  let times = 0;
  renderer.fails = (n) => (n === 4 && times++ === 0 ? new Error('killed') : undefined);
  broken = false;
  await node.renders.take('r', { n: 4 });
  await until(() => made(node).some((one) => one.startsWith('4: 180p')), { what: 'it is made' });
  expect(await renderById(catalog.db, 'r')).toMatchObject({ state: 'active' });
});

test('another init segment of a rendition on demand does not end a complete render', async () => {
  await addLadder();
  await using node = await startTestRenders({ catalog, renderer });
  await node.renders.take('r', { n: 0, rendition: 'iframes' });
  await until(() => made(node).includes('4: 180p audio iframes'), { what: 'all is made' });
  await node.renders.stop();
  for (const name of ['180p', 'audio']) await recordCopies(catalog.db, 'r', name, 'bucket', [[0, 5]]);
  // Another build of ffmpeg.
  renderer.init = (rendition) => Buffer.from(`other init of ${rendition}`);
  await using other = await startTestRenders({ catalog, renderer, id: 'b' });
  await other.renders.take('r', { n: 3, rendition: 'iframes' });
  await until(async () => (await leaseOf(catalog.db, 'r')) === undefined, { what: 'it is left to others' });
  expect(await renderById(catalog.db, 'r')).toMatchObject({ state: 'active', generation: 1 });
  await expect(other.renders.take('r', { n: 3, rendition: 'iframes' })).rejects.toMatchObject({
    code: 'no_node',
  });
});

test('an init segment is had where the viewer is, and the playhead stays there', async () => {
  await addLadder();
  await using node = await startTestRenders({ catalog, renderer, aheadSeconds: 0 });
  await node.renders.take('r', { n: 3 });
  await until(() => made(node).includes('3: 180p audio'), { what: 'somebody watches' });
  await node.renders.take('r', { rendition: '120p' });
  await until(() => made(node).some((one) => one.includes('120p')), { what: 'one of the rendition is made' });
  expect(made(node).at(-1)).toBe('3: 120p');
});

test('a node without the encoder leaves the render to others', async () => {
  await addVideo(catalog, 'r', 10);
  await using node = await startTestRenders({ catalog, renderer, hasEncoder: (name) => name !== 'libx264' });
  await expect(node.renders.take('r', { n: 0 })).rejects.toMatchObject({
    code: 'no_node',
    message: expect.stringContaining('libx264'),
  });
  expect(await leaseOf(catalog.db, 'r')).toBeUndefined();
  expect(await renderById(catalog.db, 'r')).toMatchObject({ state: 'active' });
});
