import { open, rename, rm } from 'node:fs/promises';
import { SegueError } from '../ops/errors.ts';
import { guardedInput } from './asset.ts';
import { runFfmpeg } from './run-ffmpeg.ts';

/** Longest sound that is used, seconds: the longest video. It keeps the WAV below the 4 GiB that its header can say. */
const maxSeconds = 21_600;
/** Bytes of the longest sound. */
const longestBytes = maxSeconds * 48_000 * 4 + 65_536;
/** Longest time that decoding the sound of one file may take. */
const decodeMs = 600_000;

/** A file that ends within so many bytes of its limit was cut there: ffmpeg stops before the packet that would exceed it. */
const cutBytes = 1 << 20;

const noRoom = (bytes: number): SegueError =>
  new SegueError(
    'storage_full',
    `its sound, decoded, has more than the ${Math.floor(bytes / 2 ** 20)} MiB that this disk has room for`,
    {
      hint: 'make room on the node, or use a file with less sound',
    },
  );

/**
 * Decodes the sound of a file once, to 48 kHz stereo pcm_s16le WAV, so that every later seek is exact to the sample and
 * costs nothing. Sample 0 is the start of the file: a sound that begins later is preceded by silence, holes are filled.
 * 5.1 and other layouts are mixed down so that nothing clips. Written to `temporary`, synced, then renamed to `target`.
 * Throws SegueError `asset_refused` where nothing can be decoded, `storage_full` where it has more than `maxBytes`.
 */
export async function decodeToWav(
  source: { path: string; channels: number },
  { temporary, target, maxBytes = longestBytes }: { temporary: string; target: string; maxBytes?: number },
  ffmpeg: string,
  signal: AbortSignal,
): Promise<void> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(decodeMs)]);
  // One resampler does everything, because aformat only tells aresample what to give. It would make mono 3 dB quieter.
  const mono = source.channels === 1 ? 'pan=stereo|c0=c0|c1=c0,' : '';
  const filter = `${mono}aresample=48000:async=1:first_pts=0:rematrix_maxval=1,aformat=sample_fmts=s16:channel_layouts=stereo`;
  const output = [
    '-map_metadata',
    '-1',
    '-fflags',
    '+bitexact',
    '-flags:a',
    '+bitexact',
    '-c:a',
    'pcm_s16le',
    '-f',
    'wav',
  ];
  const args = [
    '-v',
    'error',
    '-y',
    '-threads',
    '1',
    ...guardedInput(source.path),
    '-map',
    '0:a:0',
    '-t',
    String(maxSeconds),
    '-af',
    filter,
  ];
  try {
    const most = Math.min(longestBytes, maxBytes);
    await runFfmpeg(
      ffmpeg,
      [...args, '-fs', String(Math.floor(most)), ...output, `file:${temporary}`],
      () => undefined,
      limited,
      most,
    );
    await using file = await open(temporary, 'r+').catch(() => undefined);
    const { size } = (await file?.stat()) ?? { size: 0 };
    if (most < longestBytes && size > most - cutBytes) throw noRoom(most);
    if (file === undefined || size <= 44)
      throw new SegueError('asset_refused', 'its sound cannot be decoded');
    await file.sync();
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
