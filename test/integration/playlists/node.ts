import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { type Catalog, openCatalog } from '../../../src/catalog/connect.ts';
import { loseCopy } from '../../../src/catalog/copies.ts';
import { nodeApp } from '../../../src/node/app.ts';
import { startHeartbeat } from '../../../src/node/heartbeat.ts';
import { type SegmentRenderer, segmentMaker } from '../../../src/node/make-segment.ts';
import { reconcileDisk } from '../../../src/node/reconcile.ts';
import { reconciling } from '../../../src/node/reconciling.ts';
import { startRenders } from '../../../src/node/renders.ts';
import { urlSigner } from '../../../src/node/sign.ts';
import { createLog } from '../../../src/ops/log.ts';
import { createMetrics } from '../../../src/ops/metrics.ts';
import { type DiskStore, openDiskStore } from '../../../src/store/disk.ts';
import { temporaryFolder } from '../../support/folder.ts';

/** A real node whose encoder is replaced by bytes that a test can predict, and hold back. */
export interface TestNode extends AsyncDisposable {
  readonly id: string;
  readonly url: string;
  readonly disk: DiskStore;
  readonly catalog: Catalog;
  /** Requests that arrived, as `METHOD path`. */
  readonly requests: string[];
  /** Segments are made only while this is true. */
  open: boolean;
  /** Heartbeats end and connections are refused, as after kill -9. Nothing is tidied up. */
  kill(): Promise<void>;
}

/** What a test node is told. */
export interface TestNodeOptions {
  readonly id: string;
  readonly databaseUrl: string;
  readonly secret: string;
  readonly leaseSeconds: number;
  readonly open?: boolean;
  /** How far it renders while nobody plays. Default 4. */
  readonly aheadSeconds?: number;
  /** Bytes of a segment. Default 300 000. */
  readonly segmentSize?: number;
  /** Whether the bucket has lost a segment. Default: it has not. */
  readonly isLost?: (rendition: string, n: number) => boolean;
  /** Facts by `src`, for `POST /assets`. */
  readonly assets?: Readonly<Record<string, unknown>>;
}

/** The bytes of a made segment. */
export function segmentBytes(rendition: string, n: number, size = 300_000): Uint8Array<ArrayBuffer> {
  return new Uint8Array(size).fill((n * 7 + rendition.length) & 0xff);
}

/** The bytes of a rendition's init segment. */
export const initBytes = (rendition: string): Uint8Array => new TextEncoder().encode(`init of ${rendition}`);

/** Starts a node in this process: real disk, catalog, leases, HTTP. */
export async function startTestNode(options: TestNodeOptions): Promise<TestNode> {
  const { id, secret, leaseSeconds } = options;
  const folder = await temporaryFolder();
  const catalog = openCatalog(options.databaseUrl, { max: 4 });
  const log = createLog(id, 'silent');
  const disk = await openDiskStore(folder.path);
  const requests: string[] = [];
  const gate = { open: options.open ?? true };

  const renderer: SegmentRenderer = {
    async make({ n, renditions }, signal) {
      while (!gate.open) {
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const made = renditions.map(({ name }) => {
        return [
          name,
          { init: initBytes(name), segment: segmentBytes(name, n, options.segmentSize) },
        ] as const;
      });
      return new Map(made);
    },
  };
  const renders = startRenders({
    catalog,
    nodeId: id,
    log,
    leaseSeconds,
    encoders: 1,
    aheadSeconds: options.aheadSeconds ?? 4,
    makeSegment: segmentMaker({ renderer, disk, catalog, log }),
    hasEncoder: () => true,
    isHere: (renderId, rendition, n) => disk.facts(renderId, rendition, n) !== undefined,
    onMade: () => undefined,
  });
  const app = nodeApp({
    disk,
    renders,
    secret,
    signer: urlSigner(secret),
    metrics: createMetrics({ process: false }),
    pinAsset: async (src) => options.assets?.[src],
    moduleHash: async (name) => name.padEnd(64, '0').replaceAll(/[^0-9a-f]/g, '0'),
    onDamaged: () => undefined,
    isReady: () => true,
    drain: () => undefined,
    checkCopy: async ({ renderId, rendition, n }) => {
      const isLost = options.isLost?.(rendition, n) ?? false;
      if (isLost) await loseCopy(catalog.db, renderId, rendition, n);
      return isLost ? 'lost' : 'there';
    },
    readCopy: async ({ rendition, n }) => segmentBytes(rendition, n),
    reconciling: reconciling({
      disk: (_, tally) => reconcileDisk({ catalog, disk, nodeId: id, log, tally }),
      // There is no bucket behind this node.
      bucket: async (tally) => tally.report(),
      log,
      onFinding: () => undefined,
    }),
  });
  const listener = getRequestListener(app.fetch);
  const server: Server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url?.split('?')[0]}`);
    void listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const heart = await startHeartbeat({
    catalog,
    holders: [renders],
    leaseSeconds,
    log,
    announcement: () => ({
      id,
      url,
      host: 'test',
      pid: process.pid,
      state: 'ready',
      load: {
        renders: renders.leases().length,
        encoders: renders.encoding,
        copyQueue: 0,
        diskBytes: disk.bytes,
        residentBytes: 0,
      },
    }),
  });
  let killing: Promise<void> | undefined;
  const kill = (): Promise<void> => {
    killing ??= (async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await heart.stop();
      await closed;
    })();
    return killing;
  };
  return {
    id,
    url,
    disk,
    catalog,
    requests,
    get open() {
      return gate.open;
    },
    set open(open) {
      gate.open = open;
    },
    kill,
    async [Symbol.asyncDispose]() {
      await kill();
      gate.open = true;
      await renders.stop();
      await catalog.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}
