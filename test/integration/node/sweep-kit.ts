import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { recordCopies, storedOf } from '../../../src/catalog/copies.ts';
import { type Report, tally } from '../../../src/catalog/findings.ts';
import { acquireLease } from '../../../src/catalog/leases.ts';
import { heartbeat } from '../../../src/catalog/nodes.ts';
import type { Ranges } from '../../../src/catalog/ranges.ts';
import { addSizes } from '../../../src/catalog/sizes.ts';
import { renderById, settleInit } from '../../../src/catalog/videos.ts';
import { startCopying } from '../../../src/copy/copying.ts';
import { lostCopies } from '../../../src/copy/lost.ts';
import type { SweepOptions } from '../../../src/copy/sweep.ts';
import { type SweepOutcome, sweepInTurn } from '../../../src/copy/sweep-turn.ts';
import { uncopied } from '../../../src/node/reconcile.ts';
import { type Bucket, openBucket } from '../../../src/store/bucket.ts';
import { type DiskStore, openDiskStore } from '../../../src/store/disk.ts';
import { segmentName } from '../../../src/store/names.ts';
import { startTestBucket, type TestBucket } from '../../support/bucket.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { type FaultProxy, startFaultProxy, through } from '../../support/proxy.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { addVideo, bytesOf, emptyCatalog, log, names } from './kit.ts';

/** Segments of each rendition of a {@link SweepField.storedRender}. */
export const count = 4;
/** A signal that does not abort. */
export const never = new AbortController().signal;

/** Name of a segment's object. */
export const key = (n: number, renderId = 'r', rendition = '180p'): string =>
  segmentName(renderId, rendition, n, 'fmp4');

/** `kind name done` of each example, sorted, without the prefix of all names. */
export const lines = ({ findings }: Report): string[] =>
  findings
    .flatMap(({ kind, examples }) =>
      examples.map(({ name, done }) => `${kind} ${name.replace(/^renders\//, '')} ${done}`),
    )
    .sort();

/** What all tests of a file share: a database server, and a bucket behind a proxy that can fail. */
export interface SweepBacking extends AsyncDisposable {
  readonly server: TestPostgres;
  readonly store: TestBucket;
  readonly proxy: FaultProxy;
  readonly bucket: Bucket;
}

/** Starts it. */
export async function startSweepBacking(): Promise<SweepBacking> {
  const server = sharedPostgres();
  const store = await startTestBucket();
  const proxy = await startFaultProxy(store.settings.endpoint);
  const bucket = openBucket({ ...store.settings, endpoint: through(proxy, store.settings.endpoint) });
  return {
    server,
    store,
    proxy,
    bucket,
    async [Symbol.asyncDispose]() {
      bucket.close();
      await proxy.stop();
      await Promise.all([server.stop(), store.stop()]);
    },
  };
}

/** An empty catalog, an empty bucket and the disk of node `a`, and what can be done with them. */
export interface SweepField extends Omit<SweepBacking, 'server'> {
  readonly catalog: Catalog;
  readonly disk: DiskStore;
  /** What the rows say that the bucket has. */
  stored(renderId?: string, rendition?: string): Promise<Ranges>;
  /** A node that lives, and is said to hold the render. */
  holder(id: string, renderId?: string): Promise<void>;
  /** A render with its sizes, all of it in the bucket and recorded; on no disk. */
  storedRender(renderId?: string): Promise<void>;
  /** The render `r`, all of it on this disk, copied and sealed. */
  sealedRender(): Promise<void>;
  /** Writes behind everybody's back. */
  put(name: string, body: Uint8Array | string): Promise<unknown>;
  /** Removes behind everybody's back. */
  take(name: string): Promise<unknown>;
  /** How node `a` sweeps: without a grace time for orphans. */
  optionsOf(changed?: Partial<SweepOptions>): SweepOptions;
  begin(changed?: Partial<SweepOptions>, freshSeconds?: number): Promise<SweepOutcome>;
  /** Sweeps; it has to get its turn. */
  sweep(changed?: Partial<SweepOptions>): Promise<Report>;
}

/** Empties the bucket, and makes the rest anew. */
export async function openSweepField(backing: SweepBacking): Promise<SweepField> {
  const { server, store, proxy, bucket } = backing;
  const catalog = await emptyCatalog(await server.createDatabase());
  const own = await temporaryFolder();
  const disk = await openDiskStore(own.path);
  await proxy.fail(undefined);
  await store.empty();
  const Bucket = store.settings.bucket;
  const put = (Key: string, Body: Uint8Array | string) =>
    store.s3.send(new PutObjectCommand({ Bucket, Key, Body }));
  const noteSizes = async (renderId: string, name: string): Promise<void> => {
    const sizes = Array.from({ length: count }, (_, n) => [n, bytesOf(name, n).byteLength] as const);
    await addSizes(catalog.db, renderId, name, sizes);
  };
  const optionsOf = (changed: Partial<SweepOptions> = {}): SweepOptions => ({
    catalog,
    bucket,
    lost: lostCopies({ catalog, bucket: changed.bucket ?? bucket, disk, log }),
    nodeId: 'a',
    log,
    liveSeconds: 60,
    orphanGraceSeconds: 0,
    uploadGraceSeconds: 86_400,
    ...changed,
  });
  const begin = (changed: Partial<SweepOptions> = {}, freshSeconds = 0): Promise<SweepOutcome> =>
    sweepInTurn(optionsOf(changed), tally(), freshSeconds, never);
  return {
    store,
    proxy,
    bucket,
    catalog,
    disk,
    stored: async (renderId = 'r', rendition = '180p') =>
      (await storedOf(catalog.db, renderId)).get(rendition) ?? [],
    async holder(id, renderId = 'r') {
      const load = { renders: 0, encoders: 0, copyQueue: 0, diskBytes: 0, residentBytes: 0 };
      const node = { id, url: 'http://127.0.0.1:1', host: 'h', pid: 1, state: 'ready', load } as const;
      await heartbeat(catalog.db, node);
      for (const name of names) await recordCopies(catalog.db, renderId, name, id, [[0, count]]);
    },
    async storedRender(renderId = 'r') {
      await addVideo(catalog, renderId, 5);
      for (const name of names) {
        for (let n = 0; n < count; n += 1) await put(key(n, renderId, name), bytesOf(name, n));
        await noteSizes(renderId, name);
        await recordCopies(catalog.db, renderId, name, 'bucket', [[0, count]]);
      }
    },
    async sealedRender() {
      await addVideo(catalog, 'r', 5);
      const acquired = await acquireLease(catalog.db, 'r', 'a', 60);
      if (!acquired.ours) throw new Error('the lease is held');
      for (const name of names) {
        await settleInit(catalog.db, 'r', name, Buffer.from(`init of ${name}`), acquired.lease);
        for (let n = 0; n < count; n += 1) await disk.put('r', name, n, bytesOf(name, n));
        await noteSizes('r', name);
      }
      const copying = startCopying({ disk, bucket, catalog, log, concurrency: 3, onCopied: () => undefined });
      await copying.resume(() => uncopied({ catalog, disk, bucket, nodeId: 'a', log }, never), never);
      await until(async () => (await renderById(catalog.db, 'r'))?.sealedAt, { what: 'it is sealed' });
      // Nothing is stored any more afterwards.
      await copying.idle(never);
      await copying.stop();
    },
    put,
    take: (Key) => store.s3.send(new DeleteObjectCommand({ Bucket, Key })),
    optionsOf,
    begin,
    async sweep(changed) {
      const outcome = await begin(changed);
      if (outcome.kind !== 'swept') throw new Error(`the sweep is ${outcome.kind}`);
      return outcome.report;
    },
    async [Symbol.asyncDispose]() {
      await catalog.close();
      await own[Symbol.asyncDispose]();
    },
  };
}
