import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { LocalAsset } from '../../../src/asset/asset.ts';
import { probe } from '../../../src/asset/probe.ts';
import { decodeToWav } from '../../../src/asset/wav.ts';
import { parseDescription } from '../../../src/description/parse.ts';
import type { DescriptionInput, PinnedTimeline } from '../../../src/description/schema.ts';
import { type SegmentWindow, sampleRate } from '../../../src/grid/grid.ts';
import { findFfmpeg } from '../../../src/render/ffmpeg/find.ts';
import { runFfmpeg } from '../../../src/render/ffmpeg/run.ts';
import { feedTarget, type SourcePlan } from '../../../src/render/source.ts';
import { compileTimeline } from '../../../src/render/timeline/compile.ts';
import { dejavuFonts } from '../../../src/render/timeline/font.ts';
import { textFilesIn } from '../../../src/render/timeline/text-files.ts';

/** The ffmpeg that Segue finds on this machine; the one that comes with npm where there is no better one. */
export const anyFfmpeg = (await findFfmpeg()).path;

const { path: fallback } = createRequire(import.meta.url)('@ffmpeg-installer/ffmpeg') as { path: string };

/** The builds that everything must work with, by path: the one found, and the one of 2018 that comes with npm. */
export const builds: Readonly<Record<string, string>> =
  anyFfmpeg === fallback ? { 2018: fallback } : { found: anyFfmpeg, 2018: fallback };

/** What one window showed and sounded. */
export interface Shown {
  /** yuv420p, one a frame. */
  readonly frames: Buffer[];
  /** Interleaved stereo float32. */
  readonly samples: Float32Array;
}

/** A window given in frames; its sound is that of the same time unless `sound` says otherwise. */
export function windowOfFrames(
  fps: number,
  [from, to]: readonly [number, number],
  sound: readonly [number, number] = [(from * sampleRate) / fps, (to * sampleRate) / fps],
): SegmentWindow {
  return {
    frameRate: { num: fps, den: 1 },
    firstFrame: from,
    frameCount: to - from,
    sampleRate,
    firstSample: sound[0],
    sampleCount: sound[1] - sound[0],
  };
}

/** Runs a plan without encoding. */
export async function runPlan(ffmpeg: string, plan: SourcePlan, frameBytes: number): Promise<Shown> {
  const [video, audio]: [Buffer[], Buffer[]] = [[], []];
  await runFfmpeg({
    path: ffmpeg,
    args: ({ outputs, inputs }) => [
      '-loglevel',
      'error',
      '-filter_complex_threads',
      '1',
      ...plan.inputs.flatMap((input, index) => {
        const feed = (plan.feeds ?? []).findIndex(({ inputIndex }) => inputIndex === index);
        return input.map((argument) => (argument === feedTarget ? (inputs[feed] ?? '') : argument));
      }),
      '-filter_complex',
      plan.filterGraph,
      '-map',
      '[v]',
      '-vsync',
      '0',
      '-f',
      'rawvideo',
      outputs[0] ?? '',
      '-map',
      '[a]',
      '-f',
      'f32le',
      '-c:a',
      'pcm_f32le',
      outputs[1] ?? '',
    ],
    outputs: [(chunk) => void video.push(Buffer.from(chunk)), (chunk) => void audio.push(Buffer.from(chunk))],
    inputs: (plan.feeds ?? []).map(({ bytes }) => bytes),
  });
  const [pictures, sound] = [Buffer.concat(video), Buffer.concat(audio)];
  const count = pictures.byteLength / frameBytes;
  if (!Number.isInteger(count)) throw new Error(`${pictures.byteLength} bytes are no whole frames`);
  return {
    frames: Array.from({ length: count }, (_, n) => pictures.subarray(n * frameBytes, (n + 1) * frameBytes)),
    samples: new Float32Array(new Uint8Array(sound).buffer),
  };
}

/** Short name of a frame's content. */
export const digest = (bytes: Uint8Array): string =>
  createHash('sha1').update(bytes).digest('hex').slice(0, 12);

/** A name for a file in descriptions: 64 hex digits, as the content hash would be. */
export const nameOf = (path: string): string => createHash('sha256').update(path).digest('hex');

/** Files that timelines of a test can use, probed and decoded as a node would. */
export class TestAssets {
  readonly #assets = new Map<string, LocalAsset>();
  readonly #folder: string;
  readonly #ffmpeg: string;

  constructor(folder: string, ffmpeg = anyFfmpeg) {
    this.#folder = folder;
    this.#ffmpeg = ffmpeg;
  }

  /** Adds a file and returns its `src`. */
  async add(path: string): Promise<string> {
    const signal = AbortSignal.timeout(60_000);
    const sha256 = nameOf(path);
    const facts = await probe({ path, sha256, bytes: 1 }, this.#ffmpeg, signal);
    let audioPath: string | undefined;
    if (facts.audio !== undefined) {
      audioPath = `${this.#folder}/${sha256}.wav`;
      const temporary = `${audioPath}.tmp`;
      const source = { path, channels: facts.audio.channels };
      await decodeToWav(source, { temporary, target: audioPath }, this.#ffmpeg, signal);
    }
    const local = { sha256, facts, path, ...(audioPath === undefined ? {} : { audioPath }) };
    this.#assets.set(sha256, local);
    return `sha256:${sha256}`;
  }

  /** The file of a name. */
  readonly find = (sha256: string): LocalAsset => {
    const found = this.#assets.get(sha256);
    if (found === undefined) throw new Error(`No test asset ${sha256}`);
    return found;
  };
}

/** Size, rate and one list of clips a track: everything else has its default. */
export type Sketch = Omit<Extract<DescriptionInput, { kind: 'timeline' }>, 'segue' | 'kind'>;

/** A timeline as it is rendered. */
export function timeline(sketch: Sketch): PinnedTimeline {
  const description = parseDescription({ segue: 1, kind: 'timeline', ...sketch });
  if (description.kind !== 'timeline') throw new Error('not a timeline');
  return description as PinnedTimeline;
}

/** Compiles and runs one window of a timeline. */
export function show(
  description: PinnedTimeline,
  window: SegmentWindow,
  { ffmpeg, assets, folder }: { ffmpeg: string; assets: TestAssets; folder: string },
): Promise<Shown> {
  const resources = { font: dejavuFonts(), textFile: textFilesIn(`${folder}/text`) };
  const plan = compileTimeline(description, assets.find, window, resources);
  const { width, height } = description.size;
  return runPlan(ffmpeg, plan, (width * height * 3) / 2);
}
