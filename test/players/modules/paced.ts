import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { AudioContext, FrameContext } from '../../../src/render/module/contract.ts';

/** A call may take 10 s: a frame gives up waiting before that, and the next one goes on. */
const longestWaitMs = 8000;

/** Waits until a file exists. */
async function exists(path: string): Promise<void> {
  for (const end = performance.now() + longestWaitMs; !existsSync(path) && performance.now() < end; ) {
    await delay(20);
  }
}

/**
 * A video whose frames take a time of their own (`params.ms` each), so that rendering is as fast as a test wants on any
 * machine without loading it. Frames from `params.gateFrom` on wait until the file `params.gate` exists, so that a test says
 * when they can be made at all. No two frames that follow one another are alike.
 */
export async function frame(n: number, { ctx, width, height, params }: FrameContext): Promise<void> {
  const { ms, gate, gateFrom } = params;
  if (typeof gate === 'string' && typeof gateFrom === 'number' && n >= gateFrom) await exists(gate);
  if (typeof ms === 'number' && ms > 0) await delay(ms);
  ctx.fillStyle = `hsl(${(n * 2) % 360} 60% 30%)`;
  ctx.fillRect(0, 0, width, height);
  ctx.fillStyle = '#fff';
  ctx.fillRect((n * 5) % width, height * 0.4, width * 0.1, height * 0.2);
}

/** A quiet tone. */
export function audio(from: number, to: number, { sampleRate }: AudioContext): [Float32Array, Float32Array] {
  const tone = Float32Array.from(
    { length: to - from },
    (_, at) => 0.1 * Math.sin(((from + at) * 2 * Math.PI * 440) / sampleRate),
  );
  return [tone, tone];
}
