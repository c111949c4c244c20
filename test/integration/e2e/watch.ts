import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findFfmpeg } from '../../../src/render/ffmpeg/find.ts';

/** What a source shows and sounds, decoded. */
export interface Watched {
  /** yuv420p, one a frame. */
  readonly frames: readonly Buffer[];
  /** Interleaved stereo samples at 48 kHz; empty where there is no sound. */
  readonly sound: Int16Array;
  /** What ffmpeg complained about. */
  readonly complaints: readonly string[];
}

/** What to decode. */
export interface WatchInput {
  /** URL or path. */
  readonly source: string;
  /** Size of the frames that come out, in pixels. */
  readonly size: { readonly width: number; readonly height: number };
  /** Filters of the picture; none: as it is. */
  readonly filters?: string;
}

// ffmpeg says so whenever a redirect leads to another host, and then opens a new connection by itself.
const harmless = /Cannot reuse HTTP connection for different host|keepalive request failed/;

async function run(args: readonly string[]): Promise<{ bytes: Buffer; complaints: string[] }> {
  const { path } = await findFfmpeg();
  const child = spawn(path, ['-nostdin', '-loglevel', 'error', ...args, 'pipe:1'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  let complaints = '';
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-20_000);
  });
  await once(child, 'close');
  const lines = complaints.split('\n').filter((line) => line !== '' && !harmless.test(line));
  return { bytes: Buffer.concat(chunks), complaints: lines };
}

/** Every frame of a source, as ffmpeg decodes it (upright where the file says how). @throws Error for bytes that are no whole frames */
export async function see({ source, size, filters }: WatchInput) {
  const shape = filters === undefined ? [] : ['-vf', filters];
  const output = ['-pix_fmt', 'yuv420p', '-vsync', 'passthrough', '-f', 'rawvideo'];
  const { bytes, complaints } = await run(['-i', source, '-map', '0:V:0', ...shape, ...output]);
  const frameBytes = (size.width * size.height * 3) / 2;
  if (bytes.length === 0 || bytes.length % frameBytes !== 0)
    throw new Error(
      `${bytes.length} bytes are no whole frames of ${size.width}x${size.height}: ${complaints.join()}`,
    );
  const count = bytes.length / frameBytes;
  const frames = Array.from({ length: count }, (_, n) =>
    bytes.subarray(n * frameBytes, (n + 1) * frameBytes),
  );
  return { frames, complaints };
}

/** The sound of a source, as ffmpeg decodes it: from the start of the file on, mixed down so that it cannot clip. */
export async function hear(source: string): Promise<{ sound: Int16Array; complaints: readonly string[] }> {
  const timed = ['-af', 'aresample=48000:async=1:first_pts=0', '-ac', '2', '-ar', '48000'];
  const output = ['-map', '0:a:0?', ...timed, '-c:a', 'pcm_s16le', '-f', 's16le'];
  const { bytes, complaints } = await run(['-i', source, ...output]);
  return { sound: new Int16Array(new Uint8Array(bytes).buffer), complaints };
}

/** Everything of a stream. */
export async function watch(input: WatchInput): Promise<Watched> {
  const [seen, heard] = await Promise.all([see(input), hear(input.source)]);
  return { frames: seen.frames, sound: heard.sound, complaints: [...seen.complaints, ...heard.complaints] };
}

/** Likeness of the brightness of two frames in dB, over the `columns` leftmost columns (default all). 100 where they are the same. */
export function likeness(
  a: Buffer | undefined,
  b: Buffer | undefined,
  { width, height }: WatchInput['size'],
  columns = width,
): number {
  if (a === undefined || b === undefined) return 0;
  let sum = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < columns; x += 1) sum += ((a[y * width + x] ?? 0) - (b[y * width + x] ?? 0)) ** 2;
  }
  return Math.min(100, 10 * Math.log10(255 ** 2 / (sum / (columns * height) || 1e-9)));
}

/** Root mean square of samples, 0 to 1. */
export function loudness(sound: Int16Array): number {
  const sum = sound.reduce((total, value) => total + (value / 32_768) ** 2, 0);
  return Math.sqrt(sum / Math.max(1, sound.length));
}

/** Correlation of two sounds sample by sample over the shorter one: 1 where they are the same, also in time. */
export function correlation(a: Int16Array, b: Int16Array): number {
  let [both, ofA, ofB] = [0, 0, 0];
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const [x, y] = [a[index] ?? 0, b[index] ?? 0];
    both += x * y;
    ofA += x * x;
    ofB += y * y;
  }
  return both / Math.sqrt(ofA * ofB || 1);
}
