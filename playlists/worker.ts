import { openCatalog } from '../src/catalog/connect.ts';
import { type Environment, parsePlaylistsConfig } from '../src/ops/settings.ts';
import { createApp } from './app.ts';
import { catalogPort } from './catalog-port.ts';
import { changeHub } from './changes.ts';
import { portableCrc32 } from './crc32.ts';
import { demandRecorder } from './demand.ts';
import { factCache } from './fact-cache.ts';
import { queryMs, settingsOf } from './settings.ts';

/** Bindings of the Worker: the variables of the playlist service, and a Hyperdrive in the place of `DATABASE_URL` if there is one. */
type Bindings = Environment & { readonly HYPERDRIVE?: { readonly connectionString: string } };

/** What the runtime gives with each request. */
interface WorkerContext {
  waitUntil(work: Promise<unknown>): void;
}

/** Nothing is announced to a Worker: it looks again this often, in milliseconds, while a request is held. */
const pollMs = 250;

/**
 * The playlist service on Cloudflare Workers. Connections belong to the request that opened them, so app and catalog are made
 * for each request, and only plain facts are shared. The driver's `end` is not called: the runtime closes the sockets.
 */
function worker(): {
  fetch(request: Request, bindings: Bindings, context: WorkerContext): Promise<Response>;
} {
  const facts = factCache();
  return {
    async fetch(request, { HYPERDRIVE, ...variables }, context) {
      const databaseUrl = HYPERDRIVE?.connectionString ?? variables['DATABASE_URL'];
      const config = parsePlaylistsConfig({ ...variables, DATABASE_URL: databaseUrl });
      const catalog = openCatalog(config.databaseUrl, { max: 3, applicationName: 'segue-worker' });
      const port = catalogPort(catalog, config.leaseSeconds, queryMs);
      const demand = demandRecorder(port.policies, Date.now);
      const app = createApp({
        catalog: port,
        demand,
        changes: changeHub(),
        facts,
        settings: settingsOf(config, pollMs),
        fetch: (input, init) => globalThis.fetch(input, init),
        now: Date.now,
        crc32: portableCrc32,
        runtime: 'isolate',
      });
      const answer = await app.fetch(request);
      // Nobody waits for it, and nothing is wrong with an answer without it.
      if (demand.waiting > 0) context.waitUntil(demand.flush(true).catch(() => undefined));
      return answer;
    },
  };
}

export default worker();
