import { setTimeout as delay } from 'node:timers/promises';
import type { AudioContext, FrameContext } from '../../../src/render/module/contract.ts';

/**
 * A video whose frames take a time of their own (`params.ms` each), so that rendering is as fast as a test wants on any
 * machine without loading it. No two frames that follow one another are alike.
 */
export async function frame(n: number, { ctx, width, height, params }: FrameContext): Promise<void> {
  const { ms } = params;
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
