import { join } from 'node:path';
import { z } from 'zod';
import { type Field, startFieldOn } from '../faults/kit.ts';
import { startTestBucket } from '../support/bucket.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startTestPostgres } from '../support/postgres.ts';
import { type FaultProxy, startFaultProxy } from '../support/proxy.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/wait.ts';
import { type Disks, makeDisks } from './disks.ts';

/** Where it all happens: a stack with its database and bucket outside, and a hand on every way between them. */
export interface Ground extends AsyncDisposable {
  readonly field: Field;
  /** Between the services and the database. */
  readonly database: TcpProxy;
  /** Between the nodes and the bucket. */
  readonly writes: FaultProxy;
  /** Between viewers (and the playlist service) and the bucket. */
  readonly reads: FaultProxy;
  readonly disks: Disks;
  /** Waits until both nodes say that they are ready. */
  ready(): Promise<void>;
}

const nodesSchema = z.object({ nodes: z.array(z.object({ state: z.string() })) });

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
  const own = new URL(bucket.settings.publicUrl);
  const reads = started.use(await startFaultProxy(own.origin));
  const disks = started.use(await makeDisks(dataFolder, diskBytes(minutes)));
  const databaseUrl = new URL(server.url);
  databaseUrl.port = String(database.port);
  const field = started.use(
    await startFieldOn(bucket, writes, {
      dataFolder,
      detached: true,
      onLog,
      publicUrl: () => `${reads.url}${own.pathname.replace(/\/$/, '')}`,
      // A node on a database of others is called as its host, unless it is told otherwise.
      env: { DATABASE_URL: databaseUrl.href, SEGUE_SHARE_PORT: 'on', SEGUE_NODE_ID: 'node' },
    }),
  );
  const parts = started.move();
  return {
    field,
    database,
    writes,
    reads,
    disks,
    async ready() {
      const look = async (): Promise<boolean> => {
        const answer = await fetch(`${field.stack.url}/v1/nodes`, {
          headers: { authorization: `Bearer ${field.stack.adminToken}` },
          signal: AbortSignal.timeout(5000),
        });
        const { nodes } = nodesSchema.parse(await answer.json());
        return nodes.filter(({ state }) => state === 'ready').length === 2;
      };
      await until(look, { what: 'both nodes are ready', timeout: 90_000, every: 200 });
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
