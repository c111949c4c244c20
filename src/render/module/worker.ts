import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { createCanvas, GlobalFonts } from '@napi-rs/canvas';
import { seededRandom, seededSequence } from '../../description/random.ts';
import { sampleRate } from '../../grid/grid.ts';
import type { ModuleContext, StereoSamples, VideoModule } from './contract.ts';
import type { ModuleReply, ModuleRequest, ModuleWorkerData } from './protocol.ts';

/** The fonts that every machine has: those that Segue brings. */
const fonts = ['DejaVuSans', 'DejaVuSans-Bold', 'DejaVuSerif', 'DejaVuSerif-Bold', 'DejaVuSansMono'];

function registerFonts(): void {
  const folder = dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json'));
  for (const name of fonts) GlobalFonts.registerFromPath(join(folder, 'ttf', `${name}.ttf`));
}

/** Signals reach whatever its user may reach: the node, and the whole machine. */
function withoutSignals(): void {
  const refuse = (): never => {
    throw new Error('A module may not send signals');
  };
  for (const name of ['kill', '_kill', '_debugProcess'])
    Object.defineProperty(process, name, { value: refuse });
}

async function loadModule(path: string): Promise<VideoModule> {
  const loaded = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  const exported = (loaded['default'] ?? loaded) as Record<string, unknown>;
  const pick = (name: string) => loaded[name] ?? exported[name];
  const [frame, audio] = [pick('frame'), pick('audio')];
  if (typeof frame !== 'function') throw new TypeError('it does not export a function `frame`');
  if (audio !== undefined && typeof audio !== 'function')
    throw new TypeError('its `audio` is not a function');
  return { frame, ...(audio === undefined ? {} : { audio }) } as VideoModule;
}

/** Interleaved samples of what a module returned, checked. */
function interleaved(samples: StereoSamples, from: number, to: number): Float32Array<ArrayBuffer> {
  const frames = to - from;
  const result = new Float32Array(frames * 2);
  if (samples instanceof Float32Array) {
    if (samples.length !== frames * 2) {
      throw new RangeError(`${samples.length} interleaved values for ${frames} stereo samples`);
    }
    result.set(samples);
  } else {
    const [left, right] = samples;
    if (!(left instanceof Float32Array) || left.length !== frames || right?.length !== frames) {
      throw new RangeError(`expected [left, right], each a Float32Array of ${frames} samples`);
    }
    for (let at = 0; at < frames; at += 1) {
      result[at * 2] = left[at] ?? 0;
      result[at * 2 + 1] = right[at] ?? 0;
    }
  }
  const bad = result.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new RangeError(`sample ${from + (bad >> 1)} is ${result[bad]}`);
  return result;
}

/** Answers requests for frames and samples of one module, one after the other. */
function answerer(module: VideoModule, data: ModuleWorkerData) {
  const { width, height, fps, frameCount, seed, params } = data;
  const random = (...labels: (string | number)[]) => seededRandom(seed, ...labels);
  const common: ModuleContext = {
    width,
    height,
    fps,
    frameCount,
    duration: frameCount / fps,
    seed,
    params,
    random,
  };
  const canvas = createCanvas(width, height);
  const ctx = canvas.getContext('2d');
  return async (request: ModuleRequest): Promise<Uint8Array<ArrayBuffer>> => {
    const place = request.kind === 'frame' ? request.n : request.from;
    Math.random = seededSequence(seed, 'Math.random', request.kind, place);
    if (request.kind === 'audio') {
      const { from, to } = request;
      const samples = await module.audio?.(from, to, { ...common, sampleRate });
      const whole =
        samples === undefined ? new Float32Array((to - from) * 2) : interleaved(samples, from, to);
      return new Uint8Array(whole.buffer);
    }
    ctx.reset();
    ctx.fillStyle = '#000';
    ctx.fillRect(0, 0, width, height);
    await module.frame(request.n, { ...common, ctx, canvas, time: request.n / fps });
    // Premultiplied, so that whatever was made transparent shows the black behind it. Copied into an array that goes
    // round: memory that each frame asked for anew would be given back much later than it is needed.
    const pixels = request.into ?? new Uint8Array(width * height * 4);
    pixels.set(canvas.data());
    return pixels;
  };
}

async function serve(data: ModuleWorkerData): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('started outside a worker thread');
  const failed = (error: unknown): ModuleReply => ({
    kind: 'failed',
    message: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    stack: error instanceof Error ? (error.stack ?? '') : '',
  });
  try {
    registerFonts();
    withoutSignals();
    const module = await loadModule(data.path);
    const answer = answerer(module, data);
    port.on('message', (request: ModuleRequest) => {
      answer(request).then(
        (bytes) => port.postMessage({ kind: 'bytes', bytes } satisfies ModuleReply, [bytes.buffer]),
        (error: unknown) => port.postMessage(failed(error)),
      );
    });
    port.postMessage({ kind: 'ready', hasAudio: module.audio !== undefined } satisfies ModuleReply);
  } catch (error) {
    port.postMessage(failed(error));
  }
}

await serve(workerData as ModuleWorkerData);
