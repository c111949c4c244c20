/** Counts: luma by frame number, a saw by sample number; draws on `Math.random` where it must not show. */
import type { AudioContext, FrameContext } from '../../../../../src/render/module/contract.ts';
import { gray } from './shade.ts';

export default {
  frame(n: number, { ctx, width, height }: FrameContext): void {
    ctx.fillStyle = gray(20 + ((n * 37) % 200));
    ctx.fillRect(0, 0, width, height);
    ctx.fillStyle = gray(Math.floor(255 * Math.random()));
    ctx.fillRect(0, 0, 16, 16);
  },
  async audio(from: number, to: number, { random }: AudioContext): Promise<Float32Array> {
    await Promise.resolve();
    const phase = random('phase');
    return Float32Array.from({ length: (to - from) * 2 }, (_, at) => {
      return 0.3 * Math.sin((2 * Math.PI * 440 * (from + (at >> 1))) / 48_000 + phase);
    });
  },
};
