import { join } from 'node:path';
import type { BucketSettings, StackConfig } from '../ops/config.ts';
import { SegueError } from '../ops/errors.ts';
import { type FolderLock, lockFolder } from '../ops/folder-lock.ts';
import type { Log } from '../ops/log.ts';
import { type EmbeddedBucket, startBucket } from './bucket.ts';
import { endLeftovers, playlistsPort } from './clear-way.ts';
import { fillCompileCache } from './compile.ts';
import { loadSecrets, type StackSecrets, writePrivate } from './files.ts';
import type { Part } from './part.ts';
import { freePort, reachableHost } from './ports.ts';
import { type EmbeddedPostgres, startPostgres } from './postgres.ts';
import { ProcessRecord } from './process-record.ts';
import { startService } from './service.ts';
import { type Supervised, supervise } from './supervise.ts';

/** A part as it is told to people and programs; without `pid` when it is not ours. */
export interface PartReport {
  readonly name: string;
  readonly url: string;
  readonly pid?: number;
}

/** What a stack is started with besides its configuration. */
export interface StackOptions {
  readonly log: Log;
  /** Called for each part each time that it becomes ready. */
  readonly report: (part: PartReport) => void;
}

/** The whole of Segue on one machine. */
export interface Stack extends AsyncDisposable {
  /** Resolves when every part is ready; rejects when one does not start, after stopping the others. */
  readonly ready: Promise<void>;
  /** Base URL of the playlist service, known once `ready`. */
  url(): string;
  /** Drains and ends everything: playlist service, nodes, bucket, database. */
  stop(): Promise<void>;
  /** Ends everything at once. */
  kill(): void;
}

const nodeCount = 2;

/** Everything of a stack that has been started so far, in the order in which it is to be stopped. */
class Running {
  playlists: Supervised<Part> | undefined;
  readonly nodes: Supervised<Part>[] = [];
  bucket: Supervised<EmbeddedBucket> | undefined;
  database: Supervised<EmbeddedPostgres> | undefined;

  services(): Supervised<Part>[] {
    return [...(this.playlists === undefined ? [] : [this.playlists]), ...this.nodes];
  }

  async stop(): Promise<void> {
    await this.playlists?.stop();
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.bucket?.stop();
    await this.database?.stop();
  }

  kill(): void {
    for (const part of [...this.services(), this.bucket, this.database]) part?.kill();
  }
}

/** What the services are to know of the database and the bucket, as it is now. */
interface Backing {
  readonly databaseUrl: () => string;
  readonly bucket: () => BucketSettings;
}

class StackRun {
  readonly #config: StackConfig;
  readonly #options: StackOptions;
  readonly #record: ProcessRecord;
  readonly #ended = new AbortController();
  readonly running = new Running();

  constructor(config: StackConfig, options: StackOptions) {
    this.#config = config;
    this.#options = options;
    this.#record = new ProcessRecord(config.dataFolder);
  }

  abort(): void {
    this.#ended.abort();
  }

  async start(): Promise<number> {
    const { dataFolder } = this.#config;
    await endLeftovers(this.#record, this.#options.log);
    const wantedPort = await playlistsPort(this.#config);
    const secrets = await loadSecrets(join(dataFolder, 'secrets.json'));
    const adminToken = this.#config.adminToken ?? secrets.adminToken;
    await writePrivate(join(dataFolder, 'admin-token'), `${adminToken}\n`);
    const cache = { NODE_COMPILE_CACHE: this.#config.compileCache };
    const [backing] = await Promise.all([
      this.#startBacking(secrets),
      fillCompileCache(cache.NODE_COMPILE_CACHE, this.#ended.signal),
    ]);
    this.#ended.signal.throwIfAborted();
    const shared = {
      ...cache,
      SEGUE_LOG_LEVEL: this.#config.logLevel,
      SEGUE_MODULES: this.#config.modulesFolder,
      SEGUE_SECRET: this.#config.secret ?? secrets.secret,
    };
    const playlists = this.#startPlaylists(wantedPort, backing, { ...shared, SEGUE_ADMIN_TOKEN: adminToken });
    await settled([
      playlists,
      ...Array.from({ length: nodeCount }, (_, i) =>
        this.#startNode(`${this.#config.nodeId}-${i + 1}`, backing, shared),
      ),
    ]);
    return playlists;
  }

  /** Supervises a part; one that starts after the stack was told to stop is ended by the abort check of its start. */
  async #keep<P extends Part>(
    name: string,
    start: () => Promise<P>,
    changed?: () => void,
  ): Promise<Supervised<P>> {
    let url: string | undefined;
    return supervise<P>({
      name,
      log: this.#options.log,
      start: async (signal) => {
        AbortSignal.any([signal, this.#ended.signal]).throwIfAborted();
        return start();
      },
      started: async (part) => {
        if (part.name !== 'database') await this.#record.set(name, part.pid);
        this.#options.report({ name, url: part.url, pid: part.pid });
        if (url !== undefined && url !== part.url) changed?.();
        url = part.url;
      },
    });
  }

  async #startBacking(secrets: StackSecrets): Promise<Backing> {
    const { dataFolder, databaseUrl, bucket, host } = this.#config;
    const { log, report } = this.#options;
    const { running } = this;
    // Services know an address from their environment, so a new one means to start them again.
    const restartServices = () => {
      for (const service of running.services()) void service.current().stop();
    };
    const startDatabase = async () => {
      if (databaseUrl !== undefined)
        return report({ name: 'database', url: withoutCredentials(databaseUrl) });
      running.database = await this.#keep('database', () => startPostgres(dataFolder, log), restartServices);
    };
    const startObjects = async () => {
      if (bucket !== undefined) return report({ name: 'bucket', url: bucket.publicUrl });
      const options = {
        dataFolder,
        host,
        accessKeyId: secrets.bucketKeyId,
        secretAccessKey: secrets.bucketKey,
      };
      running.bucket = await this.#keep('bucket', () => startBucket(options), restartServices);
    };
    await settled([startDatabase(), startObjects()]);
    return {
      databaseUrl: () => databaseUrl ?? running.database?.current().databaseUrl ?? '',
      bucket: () => {
        const settings = bucket ?? running.bucket?.current().settings;
        if (settings === undefined) throw new SegueError('bucket_unavailable', 'The bucket is not running');
        return settings;
      },
    };
  }

  /** @returns its port: `wanted`, or a free one where that is 0, which it then keeps. */
  async #startPlaylists(wanted: number, backing: Backing, secrets: Record<string, string>): Promise<number> {
    const { host, demo } = this.#config;
    let port = wanted;
    let hasRun = false;
    const start = async () => {
      if (port === 0) port = await freePort(host);
      const part = await startService(
        {
          name: 'playlists',
          args: ['playlists'],
          url: `http://${reachableHost(host)}:${port}`,
          readyPath: '/readyz',
          env: {
            ...secrets,
            HOST: host,
            PORT: String(port),
            DATABASE_URL: backing.databaseUrl(),
            S3_PUBLIC_URL: backing.bucket().publicUrl,
            S3_SECRET_ACCESS_KEY: undefined,
            SEGUE_DEMO: String(demo),
          },
        },
        this.#ended.signal,
      );
      hasRun = true;
      return part;
    };
    // Somebody else may take a free port between our look and the service's start.
    const again = (error: unknown): Promise<Part> => {
      this.#ended.signal.throwIfAborted();
      if (wanted !== 0 || hasRun) throw error;
      port = 0;
      return start();
    };
    this.running.playlists = await this.#keep('playlists', () => start().catch(again));
    return port;
  }

  async #startNode(id: string, backing: Backing, secrets: Record<string, string>): Promise<void> {
    let port = 0;
    const start = async () => {
      port = await freePort('127.0.0.1', port);
      const { endpoint, bucket, region, accessKeyId, secretAccessKey, publicUrl } = backing.bucket();
      const url = `http://127.0.0.1:${port}`;
      return startService(
        {
          name: id,
          args: ['node'],
          url,
          readyPath: '/healthz',
          env: {
            ...secrets,
            HOST: '127.0.0.1',
            SEGUE_NODE_ID: id,
            SEGUE_NODE_PORT: String(port),
            SEGUE_NODE_URL: url,
            SEGUE_DATA: join(this.#config.dataFolder, 'nodes', id),
            SEGUE_ADMIN_TOKEN: undefined,
            // A disk can be one node's only, and reading one may take longer than the stack waits for a part.
            SEGUE_ADOPT: undefined,
            // Less than the stack waits for a part to end.
            SEGUE_DRAIN_SECONDS: '5',
            DATABASE_URL: backing.databaseUrl(),
            S3_ENDPOINT: endpoint,
            S3_BUCKET: bucket,
            S3_REGION: region,
            S3_ACCESS_KEY_ID: accessKeyId,
            S3_SECRET_ACCESS_KEY: secretAccessKey,
            S3_PUBLIC_URL: publicUrl,
          },
        },
        this.#ended.signal,
      );
    };
    // Somebody else may take the port between our look and the node's start.
    const again = (): Promise<Part> => {
      this.#ended.signal.throwIfAborted();
      return start();
    };
    const node = await this.#keep(id, () => start().catch(again));
    this.running.nodes.push(node);
  }
}

/** Waits for all, then throws the first failure: nothing is left running in the background. */
async function settled(work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function withoutCredentials(url: string): string {
  const parsed = new URL(url);
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}

/**
 * Starts everything on one machine, below one data folder: database and bucket (embedded, unless configured), the playlist
 * service and two nodes, each a process of its own that is started again when it ends.
 * Errors come through `ready`: SegueError `configuration` for a folder or port in use, and whatever a part throws.
 */
export function openStack(config: StackConfig, options: StackOptions): Stack {
  const run = new StackRun(config, options);
  let port = config.port;
  let stopping: Promise<void> | undefined;

  const begin = async (): Promise<FolderLock> => {
    const lock = await lockFolder(config.dataFolder);
    try {
      port = await run.start();
      return lock;
    } catch (error) {
      await run.running.stop();
      await lock.release();
      throw error;
    }
  };
  const begun = begin();
  const ready = begun.then(() => undefined);

  const stop = async () => {
    run.abort();
    const lock = await begun.catch(() => undefined);
    await run.running.stop();
    await lock?.release();
  };
  const stopOnce = () => (stopping ??= stop());
  return {
    ready,
    url: () => `http://${reachableHost(config.host)}:${port}`,
    stop: stopOnce,
    kill: () => {
      run.abort();
      run.running.kill();
    },
    [Symbol.asyncDispose]: stopOnce,
  };
}
