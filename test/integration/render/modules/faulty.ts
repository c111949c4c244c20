/** Goes wrong in the way that `params.how` says. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { AudioContext, FrameContext } from '../../../../src/render/module/contract.ts';

export function frame(n: number, { params, ctx, width, height, time }: FrameContext): void {
  if (n < 2) {
    ctx.fillStyle = `hsl(${time * 90}, 50%, 50%)`;
    ctx.fillRect(0, 0, width, height);
    return;
  }
  switch (params['how']) {
    case 'file':
      writeFileSync(String(params['path']), new Uint8Array(1 << 20));
      break;
    case 'process':
      spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }).unref();
      break;
    case 'thread':
      new Worker('for (;;);', { eval: true, execArgv: [] }).unref();
      break;
    case 'signal':
      process.kill(Number(params['pid']), 'SIGKILL');
      break;
    case 'throw':
      throw new RangeError('out of ideas');
    case 'loop':
      for (;;);
    case 'exit':
      process.exit(3);
      break;
    case 'memory': {
      const hoard: unknown[] = [];
      for (;;) hoard.push(Array.from({ length: 1000 }).fill(0.5));
    }
    case 'native memory': {
      const hoard: Uint8Array[] = [];
      for (;;) hoard.push(new Uint8Array(1 << 20).fill(1));
    }
    default:
  }
}

export function audio(from: number, to: number, { params }: AudioContext): Float32Array {
  if (params['how'] === 'short') return new Float32Array(7);
  const samples = new Float32Array((to - from) * 2);
  if (params['how'] === 'nan') samples[5] = Number.NaN;
  return samples;
}
