import { join } from 'node:path';
import { z } from 'zod';
import { type Field, startFieldOn } from '../faults/kit.ts';
import { startTestBucket } from '../support/bucket.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startTestPostgres } from '../support/postgres.ts';
import { type FaultProxy, startFaultProxy, through } from '../support/proxy.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/wait.ts';
import { startCdn } from './cdn.ts';
import { type Disks, makeDisks } from './disks.ts';
import { type FarNode, startFarNode } from './far-node.ts';

/** Where it all happens: a stack with its database and bucket outside, and a hand on every way between them. */
export interface Ground extends AsyncDisposable {
  readonly field: Field;
  /** Between the services and the database. */
  readonly database: TcpProxy;
  /** Between the nodes and the bucket. */
  readonly writes: FaultProxy;
  /** Between viewers (and the playlist service) and the CDN, which asks the service for what the bucket does not give. */
  readonly reads: FaultProxy;
  readonly disks: Disks;
  readonly far: FarNode;
  /** Waits until so many nodes say that they are ready. Default: all three. */
  ready(count?: number): Promise<void>;
}

const nodesSchema = z.object({ nodes: z.array(z.object({ state: z.string() })) });

/** What a node leaves free of its disk. */
const reserveBytes = 8 << 20;
/** Bytes of a node's disk: nothing is ever removed from it. */
const diskBytes = (minutes: number): number => (64 + Math.ceil(minutes * 10)) << 20;

/** Starts everything for a run of so many minutes. `onLog` is told what the stack writes. */
export async function startGround(minutes: number, onLog: (piece: string) => void): Promise<Ground> {
  await using started = new AsyncDisposableStack();
  const folder = started.use(await temporaryFolder());
  const dataFolder = join(folder.path, 'stack');
  const server = started.use(await startTestPostgres());
  const database = started.use(await startTcpProxy(server.url));
  const bucket = started.use(await startTestBucket());
  const writes = started.use(await startFaultProxy(bucket.settings.endpoint));
  const cdn = started.use(await startCdn(bucket.settings.publicUrl));
  const reads = started.use(await startFaultProxy(cdn.url));
  const disks = started.use(await makeDisks(dataFolder, diskBytes(minutes)));
  const databaseUrl = through(database, server.url);
  const field = started.use(
    await startFieldOn(bucket, writes, {
      dataFolder,
      detached: true,
      onLog,
      publicUrl: () => reads.url,
      env: {
        DATABASE_URL: databaseUrl,
        SEGUE_SHARE_PORT: 'on',
        // A node on a database of others is called as its host, unless it is told otherwise.
        SEGUE_NODE_ID: 'node',
        SEGUE_DISK_RESERVE_BYTES: String(reserveBytes),
      },
    }),
  );
  cdn.failOver(field.stack.url);
  const farFolder = started.use(await temporaryFolder()).path;
  const far = started.use(await startFarNode({ field, database, databaseUrl, folder: farFolder, onLog }));
  const parts = started.move();
  return {
    field,
    database,
    writes,
    reads,
    disks,
    far,
    async ready(count = 3) {
      const look = async (): Promise<boolean> => {
        const answer = await fetch(`${field.stack.url}/v1/nodes`, {
          headers: { authorization: `Bearer ${field.stack.adminToken}` },
          signal: AbortSignal.timeout(5000),
        });
        const { nodes } = nodesSchema.parse(await answer.json());
        return nodes.filter(({ state }) => state === 'ready').length === count;
      };
      await until(look, { what: 'all nodes are ready', timeout: 180_000, every: 200 });
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
