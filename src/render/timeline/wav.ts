import { type FileHandle, open } from 'node:fs/promises';
import { SegueError } from '../../ops/errors.ts';

/** Bytes of one stereo sample of pcm_s16le. */
const sampleBytes = 4;
/** The data chunk begins within these bytes: a header and a little metadata. */
const headerBytes = 65_536;

/** Samples of a WAV file of 48 kHz stereo pcm_s16le. */
export interface WavReader extends AsyncDisposable {
  /** Up to `count` stereo samples from `first`, left and right in turn; fewer at the end of the file. */
  read(first: number, count: number): Promise<Int16Array>;
}

/** Where the samples lie in the file (RIFF: chunks of a four-letter name and a 32-bit length). */
function dataChunk(header: Buffer, fileBytes: number): { start: number; bytes: number } | undefined {
  if (header.toString('latin1', 0, 4) !== 'RIFF' || header.toString('latin1', 8, 12) !== 'WAVE')
    return undefined;
  for (let at = 12; at + 8 <= header.byteLength; ) {
    const length = header.readUInt32LE(at + 4);
    if (header.toString('latin1', at, at + 4) === 'data') {
      const rest = fileBytes - at - 8;
      // A writer that could not seek back leaves 0 or the largest number.
      return { start: at + 8, bytes: length === 0 || length > rest ? rest : length };
    }
    at += 8 + length + (length % 2);
  }
  return undefined;
}

async function readFully(file: FileHandle, target: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < target.byteLength) {
    const { bytesRead } = await file.read(target, done, target.byteLength - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/**
 * Opens a WAV file that asset decoding wrote.
 * @throws SegueError `render_failed` when it is no WAV file
 */
export async function openWav(path: string): Promise<WavReader> {
  const file = await open(path);
  try {
    const header = Buffer.alloc(headerBytes);
    const got = await readFully(file, header, 0);
    const data = dataChunk(header.subarray(0, got), (await file.stat()).size);
    if (data === undefined) {
      throw new SegueError('render_failed', 'The decoded sound of an asset is not a WAV file', {
        retryable: true,
      });
    }
    const samples = Math.floor(data.bytes / sampleBytes);
    return {
      read: async (first, count) => {
        const from = Math.min(Math.max(first, 0), samples);
        const bytes = new Uint8Array(sampleBytes * Math.max(0, Math.min(count, samples - from)));
        const read = await readFully(file, bytes, data.start + sampleBytes * from);
        // Written by ffmpeg for this machine's byte order, little-endian on everything Node runs on today.
        return new Int16Array(bytes.buffer, 0, 2 * Math.floor(read / sampleBytes));
      },
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}
