import { DeleteObjectsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import type { BucketSettings } from '../../src/ops/config.ts';
import { startBucket } from '../../src/stack/bucket.ts';
import { temporaryFolder } from './folder.ts';

/** A real S3 bucket with a public URL for one test file. */
export interface TestBucket extends AsyncDisposable {
  readonly settings: BucketSettings;
  /** Process number of the bucket's process. */
  readonly pid: number;
  /** A client for looking behind the scenes; it does not retry. */
  readonly s3: S3Client;
  /** Keys of all objects below a prefix, sorted. */
  keys(prefix?: string): Promise<string[]>;
  /** Deletes all objects. */
  empty(): Promise<void>;
  stop(): Promise<void>;
}

/** An S3 client for some settings, path style, without retries. */
export function s3ClientOf(settings: BucketSettings): S3Client {
  const { endpoint, region, accessKeyId, secretAccessKey } = settings;
  return new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  });
}

/** Starts the embedded bucket in a temporary folder (about a second). Use in `beforeAll`, stop in `afterAll`. */
export async function startTestBucket(): Promise<TestBucket> {
  const folder = await temporaryFolder();
  const secret = { accessKeyId: 'test-key', secretAccessKey: 'test-secret-test-secret' };
  const part = await startBucket({ dataFolder: folder.path, host: '127.0.0.1', ...secret });
  const { settings } = part;
  const s3 = s3ClientOf(settings);
  const Bucket = settings.bucket;

  const keys = async (prefix = '') => {
    const found: string[] = [];
    let token: string | undefined;
    do {
      const page = await s3.send(
        new ListObjectsV2Command({ Bucket, Prefix: prefix, ContinuationToken: token }),
      );
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) found.push(Key);
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return found.sort();
  };
  const empty = async () => {
    for (let all = await keys(); all.length > 0; all = await keys()) {
      const Objects = all.slice(0, 1000).map((Key) => ({ Key }));
      await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    }
  };
  let stopping: Promise<void> | undefined;
  const stop = () => {
    s3.destroy();
    stopping ??= part.stop().then(() => folder[Symbol.asyncDispose]());
    return stopping;
  };
  return { settings, pid: part.pid, s3, keys, empty, stop, [Symbol.asyncDispose]: stop };
}
