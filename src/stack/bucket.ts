import { fork } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { BucketSettings } from '../ops/config.ts';
import { SegueError } from '../ops/errors.ts';
import type { BucketOrder } from './bucket-process.ts';
import { endProcess, exitOf, guard, killGroup, type Part } from './part.ts';
import { reachableHost, stablePort } from './ports.ts';

/** A running embedded bucket. */
export interface EmbeddedBucket extends Part {
  readonly settings: BucketSettings;
}

/** What the embedded bucket needs. */
export interface EmbeddedBucketOptions {
  /** The stack's data folder; objects are kept in `bucket` below it. */
  readonly dataFolder: string;
  readonly host: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const bucket = 'segue';
const readySchema = z.object({ url: z.string() });
const startMs = 60_000;

/** Host name that viewers use for a server bound to `host`: for all interfaces, the first address that others can reach. */
function publicHost(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return reachableHost(host);
  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find((address) => !address.internal && address.family === 'IPv4');
  return outside?.address ?? reachableHost(host);
}

/** How the embedded bucket on a host and port is reached. */
export function bucketSettings(
  host: string,
  port: number,
  keys: { readonly bucketKeyId: string; readonly bucketKey: string },
): BucketSettings {
  return {
    endpoint: `http://${reachableHost(host)}:${port}/cdn-cgi/local/r2/s3`,
    bucket,
    region: 'auto',
    accessKeyId: keys.bucketKeyId,
    secretAccessKey: keys.bucketKey,
    publicUrl: `http://${publicHost(host)}:${port}`,
  };
}

/**
 * Starts the embedded bucket in a process of its own: Miniflare's R2, kept on disk, with its S3 endpoint for writing and a
 * public route for reading (CORS, Range, ETag), as a CDN would. Its port stays the same from start to start. It ends with
 * this process.
 * @throws SegueError `bucket_unavailable` when it does not start.
 */
export async function startBucket(options: EmbeddedBucketOptions): Promise<EmbeddedBucket> {
  const { host, accessKeyId, secretAccessKey } = options;
  const folder = join(options.dataFolder, 'bucket');
  await rm(join(folder, 'tmp'), { recursive: true, force: true });
  await mkdir(join(folder, 'tmp'), { recursive: true, mode: 0o700 });
  const port = await stablePort(join(folder, 'port'), host);
  const child = fork(fileURLToPath(new URL('./bucket-process.ts', import.meta.url)), [], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    detached: true,
    execArgv: ['--max-semi-space-size=1', '--optimize-for-size', '--disable-warning=ExperimentalWarning'],
  });
  const exited = exitOf(child);
  void exited.then(() => killGroup(child));
  if (child.pid !== undefined) guard(child, 'group');
  const order: BucketOrder = { folder, host, port, bucket, accessKeyId, secretAccessKey };
  child.send(order);

  const ready = new Promise<'ready'>((resolve) => {
    child.once('message', (message) => readySchema.safeParse(message).success && resolve('ready'));
  });
  const timeout = new AbortController();
  const late = delay(startMs, `not ready after ${startMs / 1000} s`, { signal: timeout.signal });
  const outcome = await Promise.race([ready, exited, late]).finally(() => timeout.abort());
  if (outcome !== 'ready') {
    killGroup(child);
    throw new SegueError('bucket_unavailable', `The embedded bucket did not start (${outcome})`, {
      hint: `Its objects are in ${folder}. Set S3_ENDPOINT, S3_BUCKET and the other S3_ variables to use another bucket.`,
    });
  }

  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= endProcess(child, 'SIGTERM', 7000));
  return {
    name: 'bucket',
    pid: child.pid ?? 0,
    url: `http://${reachableHost(host)}:${port}`,
    exited,
    stop,
    kill: () => killGroup(child),
    [Symbol.asyncDispose]: stop,
    settings: bucketSettings(host, port, { bucketKeyId: accessKeyId, bucketKey: secretAccessKey }),
  };
}
