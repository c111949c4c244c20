import { open, rename, rm } from 'node:fs/promises';
import { SegueError } from '../ops/errors.ts';
import { guardedInput } from './asset.ts';
import { runFfmpeg } from './run-ffmpeg.ts';

/** Longest sound that is used, seconds: the longest video. It keeps the WAV below the 4 GiB that its header can say. */
const maxSeconds = 21_600;
/** Longest time that decoding the sound of one file may take. */
const decodeMs = 600_000;

/**
 * Decodes the sound of a file once, to 48 kHz stereo pcm_s16le WAV, so that every later seek is exact to the sample and
 * costs nothing. Sample 0 is the start of the file: a sound that begins later is preceded by silence, holes are filled.
 * 5.1 and other layouts are mixed down so that nothing clips. Written to `temporary`, synced, then renamed to `target`.
 * Throws SegueError `asset_refused` where nothing can be decoded.
 */
export async function decodeToWav(
  source: { path: string; channels: number },
  { temporary, target }: { temporary: string; target: string },
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
    await runFfmpeg(ffmpeg, [...args, ...output, `file:${temporary}`], () => undefined, limited);
    await using file = await open(temporary, 'r+').catch(() => undefined);
    const { size } = (await file?.stat()) ?? { size: 0 };
    if (file === undefined || size <= 44)
      throw new SegueError('asset_refused', 'its sound cannot be decoded');
    await file.sync();
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
