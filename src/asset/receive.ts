import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { SegueError } from '../ops/errors.ts';

/** A stream that was written to disk. */
export interface Received {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Writes a stream to a new file, hashing as it goes, and syncs it. Throws `tooMuch` above `maxBytes` (by default SegueError
 * `asset_refused`) and `asset_refused` for an empty stream; the file is gone then, as after any error.
 */
export async function receive(
  source: AsyncIterable<Uint8Array>,
  path: string,
  maxBytes: number,
  signal: AbortSignal,
  tooMuch: (maxBytes: number) => SegueError = tooLarge,
): Promise<Received> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    await using file = await open(path, 'wx');
    for await (const chunk of source) {
      signal.throwIfAborted();
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw tooMuch(maxBytes);
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    if (bytes === 0) throw new SegueError('asset_refused', 'the file is empty');
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return { path, sha256: hash.digest('hex'), bytes };
}

/** The error for a file above the limit. */
export const tooLarge = (maxBytes: number): SegueError =>
  new SegueError(
    'asset_refused',
    `larger than ${Math.floor(maxBytes / 2 ** 20)} MiB, the most that a file may have`,
  );
