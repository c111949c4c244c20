import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { recordCopies, replaceCopies } from '../../../src/catalog/copies.ts';
import { acquireLease } from '../../../src/catalog/leases.ts';
import { heartbeat, suspectNode } from '../../../src/catalog/nodes.ts';
import type { Ranges } from '../../../src/catalog/ranges.ts';
import { renderById } from '../../../src/catalog/videos.ts';
import { openHeldRender } from '../../../src/node/held-render.ts';
import { presenceStep } from '../../../src/node/presence.ts';
import { addPresent, addWant } from '../../../src/node/wants.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import {
  addVideo,
  emptyCatalog,
  log,
  names,
  startTestRenders,
  type TestRenderer,
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
  await addVideo(catalog, 'r', 20);
  await beat();
  return () => catalog.close();
});

/** The other node says that it lives, for as long as a test takes: the lease time is shorter than that. */
const beat = async (): Promise<void> => {
  await heartbeat(catalog.db, {
    id: 'b',
    url: 'http://b',
    host: 'test',
    pid: 1,
    state: 'ready',
    load: { renders: 0, encoders: 0, copyQueue: 0, diskBytes: 0, residentBytes: 0 },
  });
  await catalog.db.execute(`UPDATE nodes SET heartbeat_at = now() + interval '1 hour'`);
};
const other = async (segments: Ranges): Promise<void> => {
  for (const name of names) await replaceCopies(catalog.db, 'r', name, 'b', segments);
};

test.each([
  ['comes back without its disk', () => other([])],
  ['dies', () => suspectNode(catalog.db, 'b', 'http://b')],
])('what another node had is made here once that node %s', async (_, happens) => {
  await other([[0, 7]]);
  await using a = await startTestRenders({ catalog, renderer, leaseSeconds: 0.5 });
  await a.renders.take('r');
  await until(() => a.made.length === 1, { what: 'the only missing segment is made' });
  expect(renderer.begun).toEqual([7]);
  await happens();
  await until(() => a.made.length === 8, { what: 'so are the lost ones' });
  expect(new Set(renderer.begun).size, 'each once').toBe(renderer.begun.length);
});

test('what another place gets meanwhile is not made, but for what somebody waits for', async () => {
  const acquired = await acquireLease(catalog.db, 'r', 'a', 30);
  const row = await renderById(catalog.db, 'r');
  if (!acquired.ours || row === undefined) throw new Error('no lease');
  const held = await openHeldRender(catalog.db, row, acquired.lease, { now: 0, liveSeconds: 30 });
  const look = (during?: () => void) => {
    const list = [held];
    const step = presenceStep({
      catalog,
      nodeId: 'a',
      leaseSeconds: 30,
      log,
      held: () => list,
      onCorrected: () => undefined,
    })();
    during?.();
    return step;
  };
  for (const name of names) await recordCopies(catalog.db, 'r', name, 'bucket', [[1, 8]]);
  // It is there by its row, but who asks did not get it.
  addWant(held, 5, ['180p'], { now: 0, isHere: () => false });
  await look();
  expect(held.present).toEqual(
    new Map([
      [
        '180p',
        [
          [1, 5],
          [6, 8],
        ],
      ],
      ['audio', [[1, 8]]],
    ]),
  );
  // What is made while rows are read is not forgotten again.
  await look(() => addPresent(held, 0, names));
  expect(held.present.get('audio')).toEqual([[0, 8]]);
});
