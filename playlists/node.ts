import { hostname } from 'node:os';
import { crc32 } from 'node:zlib';
import { openCatalog } from '../src/catalog/connect.ts';
import { migrateCatalog } from '../src/catalog/migrate.ts';
import { type Subscription, subscribe } from '../src/catalog/wake.ts';
import type { PlaylistsConfig } from '../src/ops/config.ts';
import { cutConnection, listen } from '../src/ops/listen.ts';
import { createLog, type Log } from '../src/ops/log.ts';
import { type Loop, startLoop } from '../src/ops/loop.ts';
import { createMetrics, type Metrics } from '../src/ops/metrics.ts';
import { createApp } from './app.ts';
import { catalogPort } from './catalog-port.ts';
import { type ChangeHub, changeHub } from './changes.ts';
import { demandRecorder } from './demand.ts';
import { factCache } from './fact-cache.ts';
import { requestObserver, troubleLog } from './observe.ts';
import { demoRoutes } from './pages/demo-node.ts';
import { type Pages, pageRoutes } from './pages/pages.ts';
import { loadPages } from './pages/pages-node.ts';
import type { CatalogPort } from './ports.ts';
import { queryMs, settingsOf } from './settings.ts';

/** Parts that a process or a test brings along. */
export interface PlaylistsDeps {
  readonly log?: Log;
  readonly metrics?: Metrics;
  /** What people are shown. Default: the pages of the checkout. */
  readonly pages?: Pages;
}

/** A running playlist service. */
export interface Playlists extends AsyncDisposable {
  /** Where it listens, without a trailing slash. */
  readonly url: string;
  /** Takes no new request, lets those that run end within a few seconds, and closes everything. Safe to call twice. */
  stop(): Promise<void>;
}

/** Look again this often while nothing is announced, in milliseconds. */
const pollMs = 500;
/** What still runs after this long when the service stops is cut, in milliseconds: players ask again. */
const stopGraceMs = 5000;
/** The same where another service has taken over the port already: nothing waits for this one to end. */
const sharedGraceMs = 30_000;
const connections = 8;
/** Who watches what is written this often, in milliseconds. */
const demandMs = 2000;

/** Starts the playlist service on Node. @throws where the port is taken */
export async function startPlaylists(config: PlaylistsConfig, deps: PlaylistsDeps = {}): Promise<Playlists> {
  const log = deps.log ?? createLog('playlists', config.logLevel);
  const metrics = deps.metrics ?? createMetrics();
  const database = openCatalog(config.databaseUrl, { max: connections, applicationName: 'segue-playlists' });
  const catalog = catalogPort(database, config.leaseSeconds, queryMs);
  const changes = changeHub();
  const demand = demandRecorder(catalog.policies, Date.now);
  const follow = followChanges(
    async () => {
      await migrateCatalog(config.databaseUrl);
      return subscribe(
        database,
        (change) => changes.notify(change),
        () => changes.notifyAll(),
      );
    },
    changes,
    log,
  );
  await follow.tried;
  const app = createApp({
    catalog,
    changes,
    demand,
    facts: factCache(),
    settings: settingsOf(config, pollMs),
    fetch: globalThis.fetch,
    now: Date.now,
    crc32,
    metrics,
    onRequest: requestObserver(log, metrics),
    onTrouble: troubleLog(log, metrics),
    cut: cutConnection,
    runtime: 'process',
    routes: [pageRoutes(deps.pages ?? (await loadPages())), ...(config.demo ? [demo(catalog)] : [])],
  });
  const server = await listen(app, config.host, config.port, { sharePort: config.sharePort }).catch(
    async (error: unknown) => {
      await follow.loop.stop();
      await database.close();
      throw error;
    },
  );
  log.info({ url: server.url }, 'listening');
  const recording = startLoop(async () => demand.flush().then(() => 'idle' as const), {
    name: 'demand',
    intervalMs: demandMs,
    log,
  });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      await server.close(config.sharePort ? sharedGraceMs : stopGraceMs);
      await follow.loop.stop();
      await recording.stop();
      await demand.flush(true).catch((error: unknown) => log.warn({ err: error }, 'demand not noted'));
      await database.close();
    })();
    return stopping;
  };
  return { url: server.url, stop, [Symbol.asyncDispose]: stop };
}

const demo = (catalog: CatalogPort) => demoRoutes({ nodes: () => catalog.nodes(), host: hostname() });

/**
 * Brings the schema up to date and subscribes to the catalog's announcements; goes on trying while the database is away, so
 * that the service starts all the same and answers what it can. `tried` resolves after the first attempt.
 */
function followChanges(
  begin: () => Promise<Subscription>,
  changes: ChangeHub,
  log: Log,
): { loop: Pick<Loop, 'stop'>; tried: Promise<void> } {
  let subscription: Subscription | undefined;
  const first = Promise.withResolvers<void>();
  const loop = startLoop(
    async () => {
      try {
        subscription ??= await begin();
      } finally {
        first.resolve();
      }
      changes.notifyAll();
      return 'idle';
    },
    { name: 'subscription', intervalMs: 3_600_000, log },
  );
  const stop = async (): Promise<void> => {
    await loop.stop();
    // The connection may be gone already; there is nothing to unsubscribe then.
    await subscription?.stop().catch(() => undefined);
  };
  return { loop: { stop }, tried: first.promise };
}
