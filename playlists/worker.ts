import { openCatalog } from '../src/catalog/connect.ts';
import { type Environment, parsePlaylistsConfig } from '../src/ops/settings.ts';
import { createApp } from './app.ts';
import { catalogPort } from './catalog-port.ts';
import { changeHub } from './changes.ts';
import { portableCrc32 } from './crc32.ts';
import { factCache } from './fact-cache.ts';
import { playheads } from './overview/playheads.ts';
import { queryMs, settingsOf } from './settings.ts';

/** Bindings of the Worker: the variables of the playlist service, and a Hyperdrive in the place of `DATABASE_URL` if there is one. */
type Bindings = Environment & { readonly HYPERDRIVE?: { readonly connectionString: string } };

/** Nothing is announced to a Worker: it looks again this often, in milliseconds, while a request is held. */
const pollMs = 250;

/**
 * The playlist service on Cloudflare Workers. Connections belong to the request that opened them, so app and catalog are made
 * for each request, and only plain facts are shared. The driver's `end` is not called: the runtime closes the sockets.
 */
function worker(): { fetch(request: Request, bindings: Bindings): Promise<Response> } {
  const facts = factCache();
  const heads = playheads(Date.now);
  return {
    async fetch(request, { HYPERDRIVE, ...variables }) {
      const databaseUrl = HYPERDRIVE?.connectionString ?? variables['DATABASE_URL'];
      const config = parsePlaylistsConfig({ ...variables, DATABASE_URL: databaseUrl });
      const catalog = openCatalog(config.databaseUrl, { max: 3, applicationName: 'segue-worker' });
      const app = createApp({
        catalog: catalogPort(catalog, config.leaseSeconds, queryMs),
        changes: changeHub(),
        facts,
        playheads: heads,
        settings: settingsOf(config, pollMs),
        fetch: (input, init) => globalThis.fetch(input, init),
        now: Date.now,
        crc32: portableCrc32,
        // The platform sets it, whatever the client sent.
        addressOf: (incoming) => incoming.headers.get('cf-connecting-ip') ?? undefined,
        runtime: 'isolate',
      });
      return app.fetch(request);
    },
  };
}

export default worker();
