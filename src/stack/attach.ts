import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BucketSettings, StackConfig } from '../ops/config.ts';
import { holderOf, lockFolder } from '../ops/folder-lock.ts';
import type { Log } from '../ops/log.ts';
import { bucketSettings, startBucket } from './bucket.ts';
import { loadSecrets } from './files.ts';
import { databaseUrlOf, startPostgres } from './postgres.ts';

/** Database and bucket of a data folder, running. */
export interface Attached extends AsyncDisposable {
  readonly databaseUrl: string;
  readonly bucket: BucketSettings;
  /** Process number of the `segue up` that runs them; undefined when they were started for this purpose, or are external. */
  readonly runBy: number | undefined;
}

/** Number kept in a file of the data folder. */
async function portIn(path: string): Promise<number> {
  return Number((await readFile(path, 'utf8')).trim());
}

/**
 * The database and the bucket that `segue up` would use: those configured, those of the `segue up` that runs on the data
 * folder now, or the embedded ones, started for as long as this is held.
 * @throws SegueError when an embedded part cannot be started.
 */
export async function attach(config: StackConfig, log: Log): Promise<Attached> {
  const { dataFolder, host } = config;
  const none = async () => undefined;
  if (config.databaseUrl !== undefined && config.bucket !== undefined) {
    const { databaseUrl, bucket } = config;
    return { databaseUrl, bucket, runBy: undefined, [Symbol.asyncDispose]: none };
  }
  const holder = await holderOf(dataFolder);
  if (holder !== undefined) {
    const secrets = await loadSecrets(join(dataFolder, 'secrets.json'));
    const port = config.bucket === undefined ? await portIn(join(dataFolder, 'bucket', 'port')) : 0;
    return {
      databaseUrl: config.databaseUrl ?? (await databaseUrlOf(dataFolder)),
      bucket: config.bucket ?? bucketSettings(host, port, secrets),
      runBy: holder.pid,
      [Symbol.asyncDispose]: none,
    };
  }
  await using started = new AsyncDisposableStack();
  started.use(await lockFolder(dataFolder));
  const secrets = await loadSecrets(join(dataFolder, 'secrets.json'));
  const databaseUrl = config.databaseUrl ?? started.use(await startPostgres(dataFolder, log)).databaseUrl;
  const bucket =
    config.bucket ?? started.use(await startBucket({ dataFolder, host, ...bucketKeys(secrets) })).settings;
  const kept = started.move();
  return {
    databaseUrl,
    bucket,
    runBy: undefined,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function bucketKeys(secrets: { bucketKeyId: string; bucketKey: string }) {
  return { accessKeyId: secrets.bucketKeyId, secretAccessKey: secrets.bucketKey };
}
