import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { SegueError } from '../ops/errors.ts';

/** An uploaded file on this node's disk, under a name that has nothing to do with the producer's. Durable. */
export interface SpooledFile {
  readonly file: string;
  readonly bytes: number;
  readonly crc32: number;
  /** Its first bytes: at least 512, or all. */
  readonly head: Uint8Array;
}

/** A folder of uploads. What an earlier process left there was never listed, and is removed when it is opened. */
export interface Spool {
  /**
   * Writes a body to a file of its own. It is on the disk for good when the promise resolves; nothing is left of one that fails.
   * `onBytes` is told of bytes before they are written, and may throw.
   * @throws SegueError `too_large` above `most` bytes, `invalid_request` where the body ends early, `storage_full`
   */
  receive(
    body: ReadableStream<Uint8Array> | null,
    most: number,
    length?: number,
    onBytes?: (bytes: number) => void,
  ): Promise<SpooledFile>;
  /** All of a file, or what lies in a range of it. */
  read(file: SpooledFile, range?: ByteRange): Promise<Buffer<ArrayBuffer>>;
  /** A range of a file as a file of its own. The range has to lie inside. */
  cut(file: SpooledFile, range: ByteRange): Promise<SpooledFile>;
  remove(file: SpooledFile): Promise<void>;
}

/** Bytes of a file, from `offset` on. */
interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

const headBytes = 512;

/** Opens the folder, and empties it. It has to be on the same file system as the segments. */
export async function openSpool(folder: string): Promise<Spool> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });

  const write = async (
    handle: FileHandle,
    body: ReadableStream<Uint8Array> | null,
    most: number,
    onBytes: (bytes: number) => void,
  ): Promise<Omit<SpooledFile, 'file'>> => {
    // Of its own: a view would keep the chunk that it looks into for as long as the file waits.
    const head = new Uint8Array(headBytes);
    let bytes = 0;
    let crc = 0;
    for await (const chunk of body ?? []) {
      if (bytes < headBytes) head.set(chunk.subarray(0, headBytes - bytes), bytes);
      bytes += chunk.byteLength;
      if (bytes > most) {
        throw new SegueError('too_large', `A file may have at most ${most} bytes`, {
          hint: 'Make segments shorter. A file that grows for as long as the stream lasts cannot be uploaded: use `segue ingest`.',
        });
      }
      onBytes(chunk.byteLength);
      crc = crc32(chunk, crc);
      await writeAll(handle, chunk);
    }
    // Begun here, so that the playlist that lists it, which comes next, need not wait for the disk.
    await handle.datasync();
    return { bytes, crc32: crc, head: head.subarray(0, bytes) };
  };

  const receive: Spool['receive'] = async (body, most, length, onBytes = () => undefined) => {
    if (length !== undefined && length > most) {
      throw new SegueError('too_large', `A file of ${length} bytes is too large: at most ${most}`);
    }
    const file = join(folder, randomUUID());
    try {
      const handle = await open(file, 'wx');
      try {
        const written = await write(handle, body, most, onBytes);
        if (length === undefined || length === written.bytes) return { file, ...written };
        throw new SegueError(
          'invalid_request',
          `The body has ${written.bytes} bytes, not the ${length} announced`,
        );
      } finally {
        await handle.close();
      }
    } catch (error) {
      await rm(file, { force: true });
      throw diskError(error);
    }
  };

  return {
    receive,
    read: async ({ file }, range) => {
      if (range === undefined) return readFile(file);
      const handle = await open(file, 'r');
      try {
        const { buffer, bytesRead } = await handle.read({
          buffer: Buffer.alloc(range.length),
          position: range.offset,
        });
        return buffer.subarray(0, bytesRead);
      } finally {
        await handle.close();
      }
    },
    cut: ({ file }, { offset, length }) => {
      const part = createReadStream(file, { start: offset, end: offset + length - 1 });
      return receive(Readable.toWeb(part) as ReadableStream<Uint8Array>, length, length);
    },
    remove: ({ file }) => rm(file, { force: true }),
  };
}

/** A write may take less than all (a disk that is nearly full, a signal), and says so without an error. */
async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength; ) at += (await handle.write(chunk, at)).bytesWritten;
}

/** A full disk is the node's trouble, and the producer may try another one. */
function diskError(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') {
    return error instanceof Error && 'syscall' in error
      ? new SegueError('storage_full', 'This node cannot write to its disk', { cause: error })
      : error;
  }
  return new SegueError('storage_full', "This node's disk is full", {
    cause: error,
    hint: 'Send the stream to another node, or give this one room.',
  });
}
