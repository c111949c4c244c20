import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { addVideo, emptyCatalog, startTestRenders, testRenderer } from './kit.ts';

let server: TestPostgres;
beforeAll(async () => {
  server = sharedPostgres();
});
afterAll(() => server.stop());

/** Segments begin at 0, 0.96, 1.92, 3.84, 7.68, 11.52 s, and so on. */
const seconds = 60;

test('a render goes as far ahead of its viewers as the policy says, less where nobody watches, and further as they do', async () => {
  await using catalog = await emptyCatalog(await server.createDatabase());
  await addVideo(catalog, 'r', seconds);
  const renderer = testRenderer();
  let keep: { aheadSeconds: number | null; unwatchedSeconds: number | null } = {
    aheadSeconds: 10,
    unwatchedSeconds: 2,
  };
  await using node = await startTestRenders({ catalog, renderer, keepOf: () => keep });
  const isMade = async (to: number): Promise<boolean> =>
    JSON.stringify(await node.rows('r')) === JSON.stringify([[0, to]]);
  await node.renders.take('r');
  // What plays at two seconds, and what is before it.
  await until(() => isMade(3), { what: 'the beginning is made' });
  await node.renders.step();
  expect(await node.rows('r')).toEqual([[0, 3]]);
  node.renders.played('r', '180p', 1);
  // 0.96 + 10 s is within segment 4.
  await until(() => isMade(5), { what: 'ten seconds ahead are made' });
  await node.renders.step();
  expect(await node.rows('r')).toEqual([[0, 5]]);
  node.renders.played('r', '180p', 4);
  // 7.68 + 10 s is within segment 6.
  await until(() => isMade(7), { what: 'it goes on with the viewer' });
  keep = { aheadSeconds: null, unwatchedSeconds: null };
  await until(() => isMade(18), { what: 'it goes on to its end' });
  expect(new Set(renderer.begun).size).toBe(renderer.begun.length);
});
