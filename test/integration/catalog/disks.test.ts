import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Catalog, openCatalog } from '../../../src/catalog/connect.ts';
import { copiesAt, recordCopies } from '../../../src/catalog/copies.ts';
import {
  claimDisks,
  releaseDisks,
  removeFormerCopies,
  renewDisks,
  settleDisks,
} from '../../../src/catalog/disks.ts';
import { migrateCatalog } from '../../../src/catalog/migrate.ts';
import { insertVideo } from '../../../src/catalog/videos.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';

let server: TestPostgres;
let catalog: Catalog;
beforeAll(async () => {
  server = sharedPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  const url = await server.createDatabase();
  await migrateCatalog(url);
  catalog = openCatalog(url, { max: 10 });
  return () => catalog.close();
});

const fresh = (id: string) => ({ id, formerNodes: [], isSettled: false });
const claim = (nodeId: string, ...ids: string[]) => claimDisks(catalog.db, nodeId, ids, 60);
/** As silence does in time. */
const endClaims = (nodeId: string) =>
  catalog.sql`UPDATE disks SET expires_at = now() WHERE node_id = ${nodeId}`;

test('a node claims its disk again at each start, another node can only once the claim has ended', async () => {
  expect(await claim('a', 'd')).toEqual({ ours: true, disks: [fresh('d')] });
  expect(await claim('a', 'd')).toEqual({ ours: true, disks: [fresh('d')] });
  const refused = await claim('b', 'd');
  expect(refused).toMatchObject({ ours: false, held: [{ id: 'd', nodeId: 'a' }] });
  expect(await claim('b', 'd'), 'the same until it is renewed').toEqual(refused);
  expect(await renewDisks(catalog.db, 'a', ['d'], 90)).toEqual(new Set(['d']));
  expect(await claim('b', 'd')).not.toEqual(refused);

  await releaseDisks(catalog.db, 'b', ['d']);
  expect(await claim('b', 'd')).toMatchObject({ ours: false });
  await releaseDisks(catalog.db, 'a', ['d']);
  const taken = { ours: true, disks: [{ id: 'd', formerNodes: ['a'], isSettled: false }] };
  expect(await claim('b', 'd')).toEqual(taken);
  expect(await claim('b', 'd'), 'until it has gone through it').toEqual(taken);
  expect(await renewDisks(catalog.db, 'a', ['d'], 60)).toEqual(new Set());
  await settleDisks(catalog.db, 'b', ['d']);
  expect(await claim('b', 'd')).toEqual({ ours: true, disks: [{ ...fresh('d'), isSettled: true }] });
});

test('all disks or none', async () => {
  await claim('a', 'd');
  expect(await claim('b', 'own', 'd', 'more')).toMatchObject({ ours: false, held: [{ id: 'd' }] });
  expect(await claim('c', 'own', 'more')).toMatchObject({ ours: true });
});

test('of nodes that claim at the same time one wins', async () => {
  const nodes = Array.from({ length: 8 }, (_, i) => `n${i}`);
  const winners = async (...ids: string[]) => {
    const claims = await Promise.all(nodes.map((node) => claim(node, ...ids)));
    return claims.filter(({ ours }) => ours).length;
  };
  expect(await winners('d')).toBe(1);
  await catalog.sql`UPDATE disks SET expires_at = now()`;
  expect(await winners('d')).toBe(1);
  await catalog.sql`UPDATE disks SET expires_at = now()`;
  expect(await winners('d', 'e')).toBe(1);
});

test('whoever had a disk is known until its rows are right; a node that starts without it has corrected its own', async () => {
  for (const node of ['a', 'b', 'c']) {
    await claim(node, 'd');
    await endClaims(node);
  }
  expect(await claim('d', 'd')).toMatchObject({ disks: [{ formerNodes: ['a', 'b', 'c'] }] });
  await claim('b', 'another');
  expect(await claim('d', 'd')).toMatchObject({ disks: [{ formerNodes: ['a', 'c'] }] });
  await endClaims('d');
  expect(await claim('a', 'd'), 'a former node itself').toMatchObject({
    disks: [{ formerNodes: ['c', 'd'] }],
  });
  // It lets go of what it does not claim any more, and no rows of its speak of that.
  await claim('a', 'another one');
  expect(await claim('e', 'd')).toMatchObject({ ours: true, disks: [{ formerNodes: ['c', 'd'] }] });
});

test('the rows of a former node lose what is on the disk, unless it has started again since', async () => {
  const frameRate = { num: 25, den: 1 };
  await insertVideo(
    catalog.db,
    { id: 'v', description: '{}', frameRate, frameCount: 100 },
    { id: 'r', generation: 1, rendererVersion: '1', profile: 'default', renditions: [] },
  );
  const rowsOf = async (node: string) => (await copiesAt(catalog.db, node))[0]?.segments;
  await recordCopies(catalog.db, 'r', '720p', 'a', [[0, 10]]);
  await claim('a', 'd');
  await endClaims('a');
  await claim('b', 'd');
  await removeFormerCopies(catalog.db, 'd', 'x', 'r', '720p', [[0, 5]]);
  expect(await rowsOf('a')).toEqual([[0, 10]]);
  await removeFormerCopies(catalog.db, 'd', 'a', 'r', '720p', [[0, 5]]);
  expect(await rowsOf('a')).toEqual([[5, 10]]);
  await claim('a', 'new');
  await removeFormerCopies(catalog.db, 'd', 'a', 'r', '720p', [[5, 10]]);
  expect(await rowsOf('a')).toEqual([[5, 10]]);
});
