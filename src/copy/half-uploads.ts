import { inBucket, type Outcome, type Tally } from '../catalog/findings.ts';
import { SegueError } from '../ops/errors.ts';
import type { Bucket, PendingUpload, PendingUploads } from '../store/bucket.ts';
import { assetsPrefix, rendersPrefix } from '../store/names.ts';

/** What looking for half uploads needs. */
export interface HalfUploadOptions {
  readonly bucket: Pick<Bucket, 'uploads' | 'abortUpload'>;
  readonly tally: Tally;
  /** An upload that began longer ago, in seconds, is nobody's any more. */
  readonly graceSeconds: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/**
 * Aborts multipart uploads of Segue's own names that were begun long ago: a process that died in one leaves parts, which are
 * stored and paid for, and which no listing of objects shows. Where the provider does not list them, the report says so.
 */
export async function abortHalfUploads(options: HalfUploadOptions, signal: AbortSignal): Promise<void> {
  const { bucket, tally } = options;
  const oldest = (options.now ?? Date.now)() - options.graceSeconds * 1000;
  for (const prefix of [rendersPrefix, assetsPrefix]) {
    let after: PendingUploads['next'];
    for (;;) {
      signal.throwIfAborted();
      const page = await bucket.uploads(prefix, after, signal);
      if (page === undefined) {
        tally.uploads = 'unsupported';
        return;
      }
      for (const upload of page.uploads) {
        // Some providers take the prefix for the whole name, or for nothing.
        if (!upload.key.startsWith(prefix) || upload.begunAt.getTime() > oldest) continue;
        tally.note(inBucket('half-upload', upload.key, 0, await abort(bucket, upload, signal)));
      }
      const { next } = page;
      if (next === undefined || (next.key === after?.key && next.uploadId === after.uploadId)) break;
      after = next;
    }
  }
  tally.uploads = 'checked';
}

/** Credentials may list uploads and not end them: that ends no sweep. */
async function abort(
  bucket: HalfUploadOptions['bucket'],
  upload: PendingUpload,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    await bucket.abortUpload(upload, signal);
    return 'aborted';
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SegueError) return 'left';
    throw error;
  }
}
