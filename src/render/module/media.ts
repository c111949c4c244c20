import { type SegmentWindow, sampleRate } from '../../grid/grid.ts';
import type { RunningModule } from './run.ts';

/** Samples asked of a module at a time. */
const audioPiece = sampleRate;

/** Bytes of one stereo sample: two 32-bit floats. */
export const sampleBytes = 8;

/** The sound of a window; silence before the video's start and after its end (in samples), and where the module has none. */
export async function soundOf(
  module: RunningModule,
  window: SegmentWindow,
  end: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(window.sampleCount * sampleBytes);
  if (!module.hasAudio) return bytes;
  const to = Math.min(end, window.firstSample + window.sampleCount);
  for (let from = Math.max(0, window.firstSample); from < to; from += audioPiece) {
    const piece = await module.audio(from, Math.min(to, from + audioPiece));
    bytes.set(piece, (from - window.firstSample) * sampleBytes);
  }
  return bytes;
}

/**
 * Frames of a window; the next is drawn while one is written, in two arrays that take turns: a frame is the module's own
 * again as soon as the next is asked for.
 */
export async function* framesOf(module: RunningModule, window: SegmentWindow): AsyncGenerator<Uint8Array> {
  const last = window.firstFrame + window.frameCount - 1;
  let next = module.frame(window.firstFrame);
  let free: Uint8Array<ArrayBuffer> | undefined;
  for (let n = window.firstFrame; n <= last; n += 1) {
    const pixels = await next;
    if (n < last) {
      next = module.frame(n + 1, free);
      // Awaited in the next round; until then a failure must not count as unhandled.
      next.catch(() => undefined);
    }
    yield pixels;
    free = pixels;
  }
}
