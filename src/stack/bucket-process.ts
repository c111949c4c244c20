import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { Log, LogLevel, Miniflare, type MiniflareOptions } from 'miniflare';
import { z } from 'zod';
import { createLog } from '../ops/log.ts';
import { runUntilStopped } from '../ops/shutdown.ts';

// The process of the embedded bucket: Miniflare's R2 with its S3 endpoint, started by bucket.ts over an IPC channel.

const orderSchema = z.object({
  folder: z.string(),
  host: z.string(),
  port: z.number(),
  bucket: z.string(),
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
});

/** What the process is told when it starts. */
export type BucketOrder = z.infer<typeof orderSchema>;

/** Binding and worker of the public route. */
async function options(order: BucketOrder): Promise<MiniflareOptions> {
  const source = await readFile(new URL('./public-route.ts', import.meta.url), 'utf8');
  const { accessKeyId, secretAccessKey } = order;
  return {
    host: order.host,
    port: order.port,
    resourcePersistencePath: `${order.folder}/objects`,
    resourceTmpPath: `${order.folder}/tmp`,
    logRequests: false,
    telemetry: { enabled: false },
    log: new Log(LogLevel.ERROR),
    workers: [
      {
        config: {
          name: 'public',
          compatibilityDate: '2026-10-01',
          manifest: {
            mainModule: 'public-route.js',
            modules: { 'public-route.js': { type: 'esm', contents: stripTypeScriptTypes(source) } },
          },
          env: {
            BUCKET: {
              type: 'r2',
              name: order.bucket,
              dev: { experimentalS3Credentials: { accessKeyId, secretAccessKey } },
            },
          },
        },
      },
    ],
  };
}

function receive(): Promise<BucketOrder> {
  return new Promise((resolve, reject) => {
    process.once('message', (message) => {
      const parsed = orderSchema.safeParse(message);
      if (parsed.success) resolve(parsed.data);
      else reject(parsed.error);
    });
  });
}

const log = createLog('bucket', 'info');
const server = new Miniflare(await options(await receive()));
const url = await server.ready;
process.send?.({ url: url.origin });
// No process.exit() at once: in the middle of background compilation it never returns (nodejs/node issue 54918).
process.exitCode = await runUntilStopped(() => server.dispose(), { log, deadlineMs: 5000 });
// What is left open all the same keeps it no longer than this.
setTimeout(() => process.exit(), 1000).unref();
