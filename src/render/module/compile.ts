import { frameCountOf } from '../../description/frames.ts';
import type { PinnedModule } from '../../description/schema.ts';
import { type SegmentWindow, sampleRate } from '../../grid/grid.ts';
import { SegueError } from '../../ops/errors.ts';
import { feedTarget, type SourcePlan } from '../source.ts';
import { hashModule, type ModuleRegistry, moduleNamed, type RegisteredModule } from './registry.ts';
import { type ModuleLimits, type RunningModule, runModule } from './run.ts';

/** Samples asked of a module at a time. */
const audioPiece = sampleRate;

/** Bytes of one stereo sample. */
const sampleBytes = 8;

/** Starts a module after making sure that it is still the one that the description was pinned to. */
async function start(
  module: RegisteredModule,
  description: PinnedModule,
  signal: AbortSignal,
  limits?: ModuleLimits,
): Promise<RunningModule> {
  if ((await hashModule(module.root)) !== description.moduleSha256) {
    throw new SegueError(
      'render_failed',
      `Module "${module.name}" has changed since the description was accepted`,
      {
        hint: 'Put the former module back, or post the description again to make a new video with the new one.',
        retryable: false,
      },
    );
  }
  const data = {
    path: module.path,
    ...description.size,
    fps: description.fps,
    frameCount: frameCountOf(description),
    seed: description.seed,
    params: description.params,
  };
  return runModule(module.name, data, signal, limits);
}

/** The sound of a window in pieces; silence before the video's start and after its end. */
async function soundOf(running: RunningModule, window: SegmentWindow, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(window.sampleCount * sampleBytes);
  if (!running.hasAudio) return bytes;
  const to = Math.min(end, window.firstSample + window.sampleCount);
  for (let from = Math.max(0, window.firstSample); from < to; from += audioPiece) {
    const piece = await running.audio(from, Math.min(to, from + audioPiece));
    bytes.set(piece, (from - window.firstSample) * sampleBytes);
  }
  return bytes;
}

/** Frames of a window; the next is drawn while one is written, in two arrays that take turns. */
async function* framesOf(running: RunningModule, window: SegmentWindow): AsyncGenerator<Uint8Array> {
  const last = window.firstFrame + window.frameCount - 1;
  let next = running.frame(window.firstFrame);
  let free: Uint8Array<ArrayBuffer> | undefined;
  for (let n = window.firstFrame; n <= last; n += 1) {
    const pixels = await next;
    if (n < last) {
      next = running.frame(n + 1, free);
      // Awaited in the next round; until then a failure must not count as unhandled.
      next.catch(() => undefined);
    }
    yield pixels;
    free = pixels;
  }
}

/**
 * Compiles a window of a module description. Each plan starts the module in a fresh worker thread, asks it for the
 * window's sound first and then for its frames in order, so that even a module which keeps something from call to call
 * makes the same segment each time.
 * @throws SegueError `unknown_asset` when the module is not registered here
 */
export function compileModule(
  description: PinnedModule,
  window: SegmentWindow,
  registry: ModuleRegistry,
  limits?: ModuleLimits,
): SourcePlan {
  const module = moduleNamed(registry, description.module);
  const { width, height } = description.size;
  const { num, den } = window.frameRate;
  const end = Math.round((frameCountOf(description) * sampleRate) / description.fps);
  let prepared: Promise<{ running: RunningModule; sound: Uint8Array }> | undefined;
  // Both feeds wait for the sound: were they to draw on the module in turns, the order would be ffmpeg's.
  const prepare = (signal: AbortSignal) => {
    prepared ??= start(module, description, signal, limits).then(async (running) => ({
      running,
      sound: await soundOf(running, window, end).catch(async (error: unknown) => {
        await running[Symbol.asyncDispose]();
        throw error;
      }),
    }));
    return prepared;
  };
  async function* frames(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    await using running = (await prepare(signal)).running;
    yield* framesOf(running, window);
  }
  async function* sound(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    yield (await prepare(signal)).sound;
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
