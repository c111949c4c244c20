import { frameCountOf } from '../../description/frames.ts';
import type { PinnedModule } from '../../description/schema.ts';
import { type SegmentWindow, sampleRate } from '../../grid/grid.ts';
import { SegueError } from '../../ops/errors.ts';
import { feedTarget, type SourcePlan } from '../source.ts';
import { defaultModuleLimits, type ModuleLimits } from './job.ts';
import { sampleBytes } from './media.ts';
import { hashModule, type ModuleRegistry, moduleNamed, type RegisteredModule } from './registry.ts';
import { startHost } from './start-host.ts';

/** Makes sure that a module is still the one that the description was pinned to. */
async function unchanged(module: RegisteredModule, description: PinnedModule): Promise<void> {
  if ((await hashModule(module.root)) === description.moduleSha256) return;
  const message = `Module "${module.name}" has changed since the description was accepted`;
  throw new SegueError('render_failed', message, {
    hint: 'Put the former module back, or post the description again to make a new video with the new one.',
    retryable: false,
  });
}

/** The two streams of a window, out of the one that a host gives: the sound whole, then the frames as they come. */
interface WindowMedia {
  readonly sound: Uint8Array;
  readonly frames: AsyncGenerator<Uint8Array>;
}

/** What is left of a stream, which must be so many bytes. Leaving it early ends the module's process. */
async function* exactly(
  media: AsyncGenerator<Uint8Array>,
  bytes: number,
  name: string,
): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const piece of media) {
    left -= piece.byteLength;
    yield piece;
  }
  if (left !== 0) throw endedEarly(name);
}

function endedEarly(name: string): SegueError {
  return new SegueError('render_failed', `Module "${name}": its process ended early`, {
    hint: 'It was killed, or crashed in native code.',
    retryable: true,
  });
}

/** Reads the sound off the front of what a host gives. */
async function split(
  media: AsyncGenerator<Uint8Array>,
  soundBytes: number,
  frameBytes: number,
  name: string,
): Promise<WindowMedia> {
  const sound = new Uint8Array(soundBytes);
  let got = 0;
  while (got < soundBytes) {
    const { done, value } = await media.next();
    if (done === true) throw endedEarly(name);
    const part = value.subarray(0, soundBytes - got);
    sound.set(part, got);
    got += part.byteLength;
    // A piece belongs to one record, and the sound is one: nothing of a frame is lost here.
  }
  return { sound, frames: exactly(media, frameBytes, name) };
}

/**
 * Compiles a window of a module description. Each plan starts the module in a fresh worker thread of a fresh process, asks
 * it for the window's sound first and then for its frames in order, so that even a module which keeps something from call
 * to call makes the same segment each time. `onSpent` is told the CPU seconds that the process took.
 * @throws SegueError `unknown_asset` when the module is not registered here
 */
export function compileModule(
  description: PinnedModule,
  window: SegmentWindow,
  registry: ModuleRegistry,
  limits: ModuleLimits = defaultModuleLimits,
  onSpent?: (seconds: number) => void,
): SourcePlan {
  const module = moduleNamed(registry, description.module);
  const { size, fps, seed, params } = description;
  const { width, height } = size;
  const { num, den } = window.frameRate;
  const data = { path: module.path, width, height, fps, frameCount: frameCountOf(description), seed, params };
  let prepared: Promise<WindowMedia> | undefined;
  // Both feeds wait for the sound: were they to draw on the module in turns, the order would be ffmpeg's.
  const prepare = async (signal: AbortSignal): Promise<WindowMedia> => {
    await unchanged(module, description);
    const { media } = await startHost({ name: module.name, data, window, limits }, signal, onSpent);
    const frameBytes = window.frameCount * width * height * 4;
    return split(media, window.sampleCount * sampleBytes, frameBytes, module.name);
  };
  async function* frames(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    prepared ??= prepare(signal);
    yield* (await prepared).frames;
  }
  async function* sound(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    prepared ??= prepare(signal);
    yield (await prepared).sound;
  }
  const picture = ['-pixel_format', 'rgb0', '-video_size', `${width}x${height}`];
  return {
    inputs: [
      ['-f', 'rawvideo', ...picture, '-framerate', `${num}/${den}`, '-i', feedTarget],
      ['-f', 'f32le', '-ar', String(sampleRate), '-ac', '2', '-i', feedTarget],
    ],
    filterGraph:
      '[0:v]scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int+bitexact,' +
      'format=yuv420p,setsar=1[v];[1:a]aformat=sample_fmts=fltp:channel_layouts=stereo[a]',
    feeds: [
      { inputIndex: 0, bytes: frames },
      { inputIndex: 1, bytes: sound },
    ],
  };
}
