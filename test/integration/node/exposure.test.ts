import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { bucketPlace } from '../../../src/catalog/bucket-place.ts';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { recordCopies } from '../../../src/catalog/copies.ts';
import { exposedAt } from '../../../src/catalog/exposure.ts';
import { acquireLease } from '../../../src/catalog/leases.ts';
import { heartbeat, retireNode } from '../../../src/catalog/nodes.ts';
import { admitSegments, createStream, writeFile, writeRendition } from '../../../src/catalog/streams.ts';
import { exposureStep, startExposure } from '../../../src/node/exposure.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { addVideo, announcement, bytesOf, emptyCatalog, log } from './kit.ts';

let server: TestPostgres;
let catalog: Catalog;
beforeAll(async () => {
  server = sharedPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  catalog = await emptyCatalog(await server.createDatabase());
  await heartbeat(catalog.db, announcement('a'));
  await heartbeat(catalog.db, announcement('b'));
  return () => catalog.close();
});

const signal = new AbortController().signal;
const options = { nodeId: 'a', leaseSeconds: 600, log };

async function exposure(nodeId = 'a'): Promise<number> {
  const seen: number[] = [];
  const step = exposureStep({ ...options, catalog, nodeId, onExposure: (seconds) => seen.push(seconds) });
  expect(await step(signal)).toBeGreaterThanOrEqual(5000);
  expect(seen).toHaveLength(1);
  return seen[0] ?? Number.NaN;
}
const copy = (renderId: string, rendition: string, place: string, from: number, to: number): Promise<void> =>
  recordCopies(catalog.db, renderId, rendition, place, [[from, to]]);

// Segments last 0.96, 0.96, 1.92 and 1.16 s.
test('a segment counts while its picture or its sound is on this node alone', async () => {
  await addVideo(catalog, 'r', 5);
  expect(await exposure()).toBe(0);
  await copy('r', '180p', 'a', 0, 4);
  expect(await exposure()).toBeCloseTo(5, 6);
  await copy('r', 'audio', 'a', 0, 2);
  expect(await exposure(), 'not counted twice').toBeCloseTo(5, 6);
  await copy('r', '180p', bucketPlace, 0, 2);
  expect(await exposure(), 'its sound is still here alone').toBeCloseTo(5, 6);
  await copy('r', 'audio', bucketPlace, 0, 1);
  expect(await exposure()).toBeCloseTo(5 - 0.96, 6);
  await copy('r', '180p', 'b', 2, 3);
  expect(await exposure(), 'another node has it').toBeCloseTo(0.96 + 1.16, 6);
  expect(await exposure('b'), 'nor is it alone there').toBe(0);
  await retireNode(catalog.db, 'b');
  expect(await exposure(), 'that node is gone').toBeCloseTo(5 - 0.96, 6);
  await copy('r', '180p', bucketPlace, 2, 4);
  await copy('r', 'audio', bucketPlace, 1, 2);
  expect(await exposure()).toBe(0);
});

test('many renders are looked at in pages, and none is left out', async () => {
  for (const renderId of ['r1', 'r2', 'r3', 'r4', 'r5']) {
    await addVideo(catalog, renderId, 5);
    await copy(renderId, '180p', 'a', 0, 1);
  }
  await copy('r2', '180p', bucketPlace, 0, 1);
  const found: string[] = [];
  let pages = 0;
  for (let after: string | undefined = ''; after !== undefined; pages += 1) {
    const { rows, next } = await exposedAt(catalog.db, 'a', { after, limit: 2, liveSeconds: 600 });
    found.push(...rows.map(({ renderId }) => renderId));
    after = next;
  }
  expect(found).toEqual(['r1', 'r3', 'r4', 'r5']);
  expect(pages).toBe(3);
  expect(await exposure()).toBeCloseTo(4 * 0.96, 6);
});

test('of a foreign stream the longest rendition counts: its segments say how long they are', async () => {
  const stream = {
    videoId: 's',
    renderId: 's',
    name: '',
    keyHash: 's',
    windowSeconds: null,
    targetDuration: 4,
  };
  await createStream(catalog.db, stream);
  const acquired = await acquireLease(catalog.db, 's', 'a', 600);
  if (!acquired.ours) throw new Error('the lease is held');
  for (const [position, [name, durationUs]] of (
    [
      ['v0', 2_000_000],
      ['v1', 3_500_000],
    ] as const
  ).entries()) {
    const attributes = { source: `${name}.m3u8`, role: 'variant', bandwidth: 1000 } as const;
    await writeRendition(catalog.db, 's', acquired.lease, {
      name,
      position,
      kind: 'video',
      container: 'fmp4',
      attributes,
    });
    const init = { name: 'init-0.mp4', contentType: 'video/mp4', bytes: bytesOf('init', 0) };
    await writeFile(catalog.db, 's', name, acquired.lease, init);
    const segments = [0, 1].map((n) => ({
      n,
      durationUs,
      discontinuity: false,
      init: 0,
      key: null,
      programDateTime: null,
      bytes: 1,
      source: { sequence: n, uri: `${n}.m4s`, crc32: n },
    }));
    expect(await admitSegments(catalog.db, 's', name, acquired.lease, segments)).toBe(true);
  }
  expect(await exposure()).toBeCloseTo(7, 6);
  await copy('s', 'v1', bucketPlace, 0, 1);
  expect(await exposure()).toBeCloseTo(4, 6);
});

test('the loop looks at once', async () => {
  await addVideo(catalog, 'r', 5);
  await copy('r', '180p', 'a', 0, 1);
  let seen = 0;
  const loop = startExposure({ ...options, catalog, onExposure: (seconds) => (seen = seconds) });
  await until(() => seen > 0, { what: 'it is computed' });
  await loop.stop();
});
