import { SegueError } from '../ops/errors.ts';
import { type AssetFacts, guardedInput } from './asset.ts';
import { PacketReader, type StreamFacts } from './packets.ts';
import { runFfmpeg } from './run-ffmpeg.ts';

/** Longest time that ffmpeg may look at one file. */
const probeMs = 120_000;

/** Frame rates above this are a container's clock, not a camera's. */
const maxFrameRate = 240;

type Size = { width: number; height: number };

const refused = (message: string, lastLines: string): SegueError =>
  new SegueError('asset_refused', message, {
    hint: `use a common kind of file: mp4, mov, webm, mkv, ts, avi, wav, mp3, aac, ogg, flac, png, jpeg, webp, gif or bmp${lastLines === '' ? '' : ` (ffmpeg: ${lastLines})`}`,
  });

// The file's own path appears in ffmpeg's messages; where it lies is nobody's business.
const withoutPath = (lines: string, path: string): string =>
  lines.replaceAll(`file:${path}`, 'the file').replaceAll(path, 'the file');

/** First bytes of what ffmpeg makes of one stream, decoded: the header of the format asked for. */
async function decodedHeader(
  ffmpeg: string,
  path: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<{ header: Buffer; lastLines: string }> {
  const parts: Buffer[] = [];
  let held = 0;
  const keep = (chunk: Buffer): void => {
    if (held >= 512) return;
    parts.push(chunk.subarray(0, 512));
    held += chunk.length;
  };
  const run = await runFfmpeg(
    ffmpeg,
    ['-v', 'error', '-threads', '1', ...guardedInput(path), ...args, 'pipe:1'],
    keep,
    signal,
  );
  return { header: Buffer.concat(parts), lastLines: withoutPath(run.lastLines, path) };
}

/** Decodes the first frame. The YUV4MPEG2 header gives the size after rotation, the aspect of a pixel and the frame rate. */
async function firstFrame(
  ffmpeg: string,
  path: string,
  stream: StreamFacts,
  signal: AbortSignal,
): Promise<Size & { frameRate: number; codedWidth: number }> {
  const args = ['-map', '0:V:0', '-frames:v', '1', '-pix_fmt', 'yuv420p', '-f', 'yuv4mpegpipe'];
  const { header, lastLines } = await decodedHeader(ffmpeg, path, args, signal);
  const line = header.toString('latin1').split('\n', 1)[0] ?? '';
  const [, width = '', height = '', num = '', den = '', sarNum = '', sarDen = ''] =
    /^YUV4MPEG2 W(\d+) H(\d+) F(\d+):(\d+) \S+ A(\d+):(\d+)/.exec(line) ?? [];
  if (width === '') throw refused(`its picture (${stream.codec}) cannot be decoded`, lastLines);
  const aspect = Number(sarNum) / Number(sarDen);
  const square = aspect >= 1 / 16 && aspect <= 16 ? aspect : 1;
  const named = Number(num) / Number(den);
  const counted = stream.endSeconds > 0 ? stream.packets / stream.endSeconds : 25;
  return {
    width: Math.max(1, Math.round(Number(width) * square)),
    height: Number(height),
    frameRate: named > 0 && named <= maxFrameRate ? named : Math.min(counted, maxFrameRate),
    codedWidth: Number(width),
  };
}

/** Decodes the first half second. The WAV header gives the number of channels and the sample rate. */
async function firstSound(
  ffmpeg: string,
  path: string,
  stream: StreamFacts,
  signal: AbortSignal,
): Promise<{ channels: number; sampleRate: number }> {
  const args = [
    '-map',
    '0:a:0',
    '-t',
    '0.5',
    '-c:a',
    'pcm_s16le',
    '-map_metadata',
    '-1',
    '-fflags',
    '+bitexact',
    '-f',
    'wav',
  ];
  const { header, lastLines } = await decodedHeader(ffmpeg, path, args, signal);
  const hasSamples = header.length > 48 && header.toString('latin1', 0, 4) === 'RIFF';
  if (!hasSamples) throw refused(`its sound (${stream.codec}) cannot be decoded`, lastLines);
  return { channels: header.readUInt16LE(22), sampleRate: header.readUInt32LE(24) };
}

/** The rotation that ffmpeg logs of a display matrix (anti-clockwise, -180 to 180) as clockwise degrees. */
function rotationOf(log: string): 0 | 90 | 180 | 270 {
  const logged = /^ +displaymatrix: rotation of (-?\d+\.\d+) degrees/m.exec(log)?.[1];
  const quarters = Math.round(-Number(logged ?? 0) / 90);
  return ([0, 90, 180, 270] as const)[((quarters % 4) + 4) % 4] ?? 0;
}

/** Rounded to a microsecond: sums of time bases are not worth more. */
const micro = (seconds: number): number => Math.round(seconds * 1e6) / 1e6;

async function videoFacts(
  ffmpeg: string,
  path: string,
  { format, log, stream, alone }: { format: string; log: string; stream: StreamFacts; alone: boolean },
  signal: AbortSignal,
): Promise<Pick<AssetFacts, 'image' | 'video'>> {
  const { width, height, frameRate, codedWidth } = await firstFrame(ffmpeg, path, stream, signal);
  const { codec, packets } = stream;
  if (format.endsWith('_pipe') || (format === 'gif' && alone && packets === 1))
    return { image: { codec, width, height } };
  const logged = rotationOf(log);
  const turned = logged === 90 || logged === 270;
  const rotation = turned && codedWidth === stream.codedWidth && width !== height ? 0 : logged;
  const durationSeconds = micro(Math.max(stream.endSeconds, packets / maxFrameRate));
  return { video: { codec, width, height, frameRate, rotation, durationSeconds, frames: packets } };
}

/**
 * Finds out what a file is, with nothing but ffmpeg: its packets are read to the end (true durations, whatever the
 * container's header claims), and the beginning of each stream is decoded. Throws SegueError `asset_refused` where the
 * file is of a kind that is not allowed, or cannot be decoded.
 */
export async function probe(
  file: { path: string; sha256: string; bytes: number },
  ffmpeg: string,
  signal: AbortSignal,
): Promise<AssetFacts> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(probeMs)]);
  const reader = new PacketReader();
  const args = [
    ...guardedInput(file.path),
    '-map',
    '0:V:0?',
    '-map',
    '0:a:0?',
    '-c',
    'copy',
    '-f',
    'framecrc',
    'pipe:1',
  ];
  const run = await runFfmpeg(ffmpeg, args, (chunk) => reader.push(chunk), limited).catch(
    (error: unknown) => {
      signal.throwIfAborted();
      if (limited.aborted) throw refused(`ffmpeg did not get through it in ${probeMs / 1000} s`, '');
      throw error;
    },
  );
  const streams = reader.streams();
  const format = /^Input #0, (\S+), from /m.exec(run.log)?.[1];
  if (streams.length === 0 || format === undefined) {
    throw refused(
      'not an image, video or audio file of a kind that is allowed',
      withoutPath(run.lastLines, file.path),
    );
  }
  const video = streams.find(({ kind }) => kind === 'video');
  const audio = streams.find(({ kind }) => kind === 'audio');
  const seen =
    video &&
    (await videoFacts(ffmpeg, file.path, { format, log: run.log, stream: video, alone: !audio }, limited));
  const heard = audio && {
    codec: audio.codec,
    ...(await firstSound(ffmpeg, file.path, audio, limited)),
    durationSeconds: micro(audio.endSeconds),
  };
  const lengths = [seen?.video?.durationSeconds, heard?.durationSeconds].filter(
    (value) => value !== undefined,
  );
  return {
    sha256: file.sha256,
    bytes: file.bytes,
    format,
    ...(lengths.length === 0 ? {} : { durationSeconds: Math.max(...lengths) }),
    ...seen,
    ...(heard === undefined ? {} : { audio: heard }),
  };
}
