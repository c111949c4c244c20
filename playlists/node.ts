import { hostname } from 'node:os';
import { crc32 } from 'node:zlib';
import { openCatalog } from '../src/catalog/connect.ts';
import { historyStepSeconds } from '../src/catalog/history.ts';
import { migrateCatalog } from '../src/catalog/migrate.ts';
import { type Subscription, subscribe } from '../src/catalog/wake.ts';
import type { PlaylistsConfig } from '../src/ops/config.ts';
import { addressOf, cutConnection, listen } from '../src/ops/listen.ts';
import { createLog, type Log } from '../src/ops/log.ts';
import { type Loop, startLoop } from '../src/ops/loop.ts';
import { createMetrics, type Metrics } from '../src/ops/metrics.ts';
import { openTracing } from '../src/ops/otlp.ts';
import { isLoopback } from '../src/ops/settings.ts';
import { tracedFetch } from '../src/ops/traced-fetch.ts';
import { createApp } from './app.ts';
import { catalogPort } from './catalog-port.ts';
import { type ChangeHub, changeHub } from './changes.ts';
import { factCache } from './fact-cache.ts';
import { serviceMetrics, troubleLog } from './observe.ts';
import { answerCounts } from './overview/answer-counts.ts';
import { playheads } from './overview/playheads.ts';
import { samplerStep } from './overview/sampler.ts';
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

/** Starts the playlist service on Node. @throws where the port is taken */
export async function startPlaylists(config: PlaylistsConfig, deps: PlaylistsDeps = {}): Promise<Playlists> {
  const log = deps.log ?? createLog('playlists', config.logLevel);
  const metrics = deps.metrics ?? createMetrics();
  const tracing = await openTracing(
    config.tracesUrl,
    { service: 'segue-playlists', instance: `${hostname()}-${process.pid}` },
    log,
  );
  const database = openCatalog(config.databaseUrl, { max: connections, applicationName: 'segue-playlists' });
  const catalog = catalogPort(database, config.leaseSeconds, queryMs);
  const changes = changeHub();
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
  const heads = playheads(Date.now);
  const answers = answerCounts();
  const measures = serviceMetrics(log, metrics, { now: Date.now, nodes: () => catalog.nodes() });
  changes.watchAll((change) => measures.heard(change));
  const localOnly = isLoopback(config.host) && config.admission.trustedProxies === 0;
  const app = createApp({
    catalog,
    changes,
    facts: factCache(),
    playheads: heads,
    settings: settingsOf(config, pollMs),
    fetch: tracedFetch(tracing, globalThis.fetch),
    now: Date.now,
    crc32,
    metrics,
    tracing,
    ...measures,
    onRequest: (event) => {
      measures.onRequest(event);
      answers.add(event.source);
    },
    onTrouble: troubleLog(log, metrics),
    cut: cutConnection,
    addressOf: (_, environment) => addressOf(environment),
    localOnly,
    runtime: 'process',
    routes: [
      pageRoutes(deps.pages ?? (await loadPages())),
      ...(config.demo ? [demo(catalog, localOnly)] : []),
    ],
  });
  const server = await listen(app, config.host, config.port, { sharePort: config.sharePort }).catch(
    async (error: unknown) => {
      await follow.loop.stop();
      await database.close();
      await tracing?.close();
      throw error;
    },
  );
  log.info({ url: server.url }, 'listening');
  const sampling = startLoop(
    samplerStep({ db: database.db, answers, playheads: heads, liveSeconds: config.leaseSeconds }),
    { name: 'history', intervalMs: historyStepSeconds * 1000, log },
  );
  await warnOfOpenness(config, catalog, log);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      await Promise.all([sampling.stop(), server.close(config.sharePort ? sharedGraceMs : stopGraceMs)]);
      await follow.loop.stop();
      await database.close();
      await tracing?.close();
    })();
    return stopping;
  };
  return { url: server.url, stop, [Symbol.asyncDispose]: stop };
}

/** Says so where everybody who reaches this service may post. */
async function warnOfOpenness(config: PlaylistsConfig, catalog: CatalogPort, log: Log): Promise<void> {
  if (isLoopback(config.host) || config.admission.keysRequired) return;
  // While the catalog is away nobody can post at all.
  if (await catalog.access.areKeysInUse().catch(() => true)) return;
  log.warn(
    { host: config.host },
    'everybody who reaches this may post videos: make a key with `segue keys create`',
  );
}

const demo = (catalog: CatalogPort, localOnly: boolean) =>
  demoRoutes({ nodes: () => catalog.nodes(), host: hostname(), localOnly });

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
