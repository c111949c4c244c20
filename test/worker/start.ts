import { fileURLToPath } from 'node:url';
import { unstable_startWorker } from 'wrangler';
import { adminToken, leaseSeconds, secret } from '../integration/playlists/setup.ts';

/** The playlist service in a real workerd, as wrangler bundles it. */
export interface TestWorker extends AsyncDisposable {
  /** Without a trailing slash. */
  readonly url: string;
}

/** Starts the Worker with wrangler.toml and the given backing services. */
export async function startTestWorker(databaseUrl: string, bucketPublicUrl: string): Promise<TestWorker> {
  const text = (value: string) => ({ type: 'plain_text' as const, value });
  const worker = await unstable_startWorker({
    config: fileURLToPath(new URL('../../wrangler.toml', import.meta.url)),
    bindings: {
      DATABASE_URL: text(databaseUrl),
      S3_PUBLIC_URL: text(bucketPublicUrl),
      SEGUE_SECRET: text(secret),
      SEGUE_ADMIN_TOKEN: text(adminToken),
      SEGUE_LEASE_SECONDS: text(String(leaseSeconds)),
      SEGUE_HOLD_SECONDS: text('60'),
      SEGUE_HOLD_SILENT_SECONDS: text('3'),
      SEGUE_CHANGES_PER_MINUTE: text('30'),
    },
    dev: {
      server: { hostname: '127.0.0.1', port: 0 },
      inspector: false,
      watch: false,
      persist: false,
      logLevel: 'error',
    },
  });
  const url = (await worker.url).origin;
  return { url, [Symbol.asyncDispose]: () => worker.dispose() };
}
