import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { copiesAt, recordCopies } from '../../../src/catalog/copies.ts';
import { acquireLease } from '../../../src/catalog/leases.ts';
import { heartbeat, suspectNode } from '../../../src/catalog/nodes.ts';
import { policyOf, setPolicy } from '../../../src/catalog/policy.ts';
import { admitSegments, createStream, writeRendition } from '../../../src/catalog/streams.ts';
import type { SegmentRenderer } from '../../../src/node/make-segment.ts';
import { replicaRenderer } from '../../../src/node/replica/render.ts';
import { replicateStep } from '../../../src/node/replica/replicate.ts';
import { whenReplicated } from '../../../src/node/replica/safe.ts';
import { urlSigner } from '../../../src/node/sign.ts';
import { defaultPolicy, type Policy } from '../../../src/policy/policy.ts';
import { type DiskStore, openDiskStore } from '../../../src/store/disk.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { initBytes, segmentBytes, startTestNode, type TestNode } from '../playlists/node.ts';
import { addVideo, announcement, emptyCatalog, log, names, testRenderer } from './kit.ts';

const secret = 'a secret of thirty-two characters';
let server: TestPostgres;
let databaseUrl: string;
let catalog: Catalog;
beforeAll(async () => {
  server = sharedPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  databaseUrl = await server.createDatabase();
  catalog = await emptyCatalog(databaseUrl);
  await addVideo(catalog, 'r', 20);
  return () => catalog.close();
});

const mode = (chosen: Policy['replicas']['mode']): Promise<unknown> =>
  setPolicy(
    catalog.db,
    { ...defaultPolicy, replicas: { mode: chosen, expectTroubleUntil: null } },
    { author: 'test' },
  );

/** A node `b` that takes replicas: real disk, real rows, real calls to other nodes. */
async function replica(renderer: SegmentRenderer = testRenderer()) {
  const folder = await temporaryFolder();
  const disk: DiskStore = await openDiskStore(folder.path);
  /** Segments that nobody else would copy, by render. */
  const strays = new Map<string, number>();
  const taken: string[] = [];
  const step = replicateStep({
    catalog,
    nodeId: 'b',
    leaseSeconds: 30,
    log,
    disk,
    signer: urlSigner(secret),
    isReady: () => true,
    isIdle: () => true,
    render: replicaRenderer(renderer, catalog),
    onStray: (renderId, segments) => strays.set(renderId, segments),
    onReplica: (_, how) => taken.push(how),
  });
  await heartbeat(catalog.db, announcement('b'));
  return {
    disk,
    strays,
    taken,
    step: () => step(new AbortController().signal),
    rows: async () =>
      Object.fromEntries(
        (await copiesAt(catalog.db, 'b')).map(({ rendition, segments }) => [rendition, segments]),
      ),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** The node `a` has made all of the video. */
async function maker(): Promise<TestNode> {
  const node = await startTestNode({ id: 'a', databaseUrl, secret, leaseSeconds: 30, aheadSeconds: 1000 });
  await fetch(`${node.url}/renders/r`, {
    method: 'POST',
    body: JSON.stringify({ want: { n: 0 } }),
    headers: { authorization: `Bearer ${secret}` },
  });
  await until(
    async () => {
      const rows = await copiesAt(catalog.db, 'a');
      return (
        rows.length === names.length && rows.every(({ segments: [all] }) => all?.[0] === 0 && all[1] === 8)
      );
    },
    {
      what: 'all of it is made',
    },
  );
  return node;
}

describe('replicas', () => {
  test('are pulled whole, recorded after they are on the disk, and only where the policy says so', async () => {
    await using a = await maker();
    await using b = await replica();
    expect(await policyOf(catalog.db)).toEqual(defaultPolicy);
    expect(await b.step()).toBe('idle');
    expect(b.taken, 'nobody is in trouble').toEqual([]);
    await recordCopies(catalog.db, 'r', '180p', 'bucket', [[0, 2]]);
    await mode('copy');
    await b.step();
    expect(await b.rows()).toEqual({ '180p': [[2, 8]], audio: [[0, 8]] });
    for (const name of names) {
      const held = await b.disk.read('r', name, 4);
      const made = await a.disk.read('r', name, 4);
      expect(Buffer.compare(held?.data ?? Buffer.alloc(0), made?.data ?? Buffer.alloc(1))).toBe(0);
    }
    expect(b.strays.size, 'its maker copies it').toBe(0);
    await b.step();
    expect(b.taken, 'nothing is pulled twice').toHaveLength(14);
  });

  test('of a maker that is gone are copied to the bucket by whoever has them', async () => {
    await using a = await maker();
    await using b = await replica();
    await mode('copy');
    await b.step();
    await a.kill();
    await suspectNode(catalog.db, 'a', a.url);
    await until(
      async () => {
        await b.step();
        return (b.strays.get('r') ?? 0) >= 16;
      },
      { what: 'they are queued' },
    );
    expect(b.strays).toEqual(new Map([['r', 16]]));
  });

  test('a node that drains is left as soon as others hold everything', async () => {
    await using a = await maker();
    await using b = await replica();
    const over = new AbortController();
    const safe = whenReplicated({ catalog, nodeId: 'a', leaseSeconds: 0.2, log }, over.signal);
    // Long enough for some looks; liveness is judged by the same time.
    const beats = setInterval(() => {
      heartbeat(catalog.db, announcement('b')).catch(() => undefined);
    }, 50);
    try {
      await mode('copy');
      expect(safe.aborted).toBe(false);
      await b.step();
      await until(() => safe.aborted, { what: 'it is seen that nothing would be lost' });
      expect(a.disk.bytes).toBe(b.disk.bytes);
    } finally {
      over.abort();
      clearInterval(beats);
    }
  });
});

test('a replica of a foreign segment takes the place of other bytes that were never listed', async () => {
  await using a = await startTestNode({ id: 'a', databaseUrl, secret, leaseSeconds: 30 });
  await using b = await replica();
  await mode('copy');
  const stream = { videoId: 's', renderId: 's', name: '', keyHash: 's', windowSeconds: null };
  await createStream(catalog.db, { ...stream, targetDuration: 2 });
  const acquired = await acquireLease(catalog.db, 's', 'a', 30);
  if (!acquired.ours) throw new Error('the lease is held');
  const attributes = { source: 'v.m3u8', role: 'variant', bandwidth: 1000 } as const;
  const rendition = { name: 'v0', position: 0, kind: 'video', container: 'mpegts', attributes } as const;
  await writeRendition(catalog.db, 's', acquired.lease, rendition);
  const listed = segmentBytes('v0', 0);
  const { bytes, crc32 } = await a.disk.put('s', 'v0', 0, listed);
  const segment = { n: 0, durationUs: 2_000_000, discontinuity: false, init: null, key: null, bytes };
  const source = { sequence: 0, uri: '0.ts', crc32 };
  await admitSegments(catalog.db, 's', 'v0', acquired.lease, [{ ...segment, programDateTime: null, source }]);
  // As of a node that was fenced between rename and row: the producer has sent other bytes since.
  await b.disk.put('s', 'v0', 0, segmentBytes('v0', 1));
  await b.step();
  expect(await b.rows()).toEqual({ v0: [[0, 1]] });
  const held = await b.disk.read('s', 'v0', 0);
  expect(Buffer.compare(held?.data ?? Buffer.alloc(0), listed)).toBe(0);
});

describe('replicas that are rendered', () => {
  const sameAs: SegmentRenderer = {
    make: async ({ n, renditions }) =>
      new Map(
        renditions.map(({ name }) => [name, { init: initBytes(name), segment: segmentBytes(name, n) }]),
      ),
  };

  test('are made from the description, not fetched', async () => {
    await using a = await maker();
    await using b = await replica(sameAs);
    await mode('render');
    const before = a.requests.length;
    await b.step();
    expect(b.taken).toEqual(Array.from({ length: 16 }, () => 'rendered'));
    expect(a.requests.length).toBe(before);
    expect(await b.rows()).toEqual({ '180p': [[0, 8]], audio: [[0, 8]] });
  });

  test('that are not the same are not used: the other node gives its own', async () => {
    await using a = await maker();
    const other = testRenderer();
    await using b = await replica(other);
    await mode('render');
    await b.step();
    expect(other.begun.length).toBeGreaterThan(0);
    expect(new Set(b.taken)).toEqual(new Set(['pulled']));
    expect(a.disk.bytes).toBe(b.disk.bytes);
  });
});
