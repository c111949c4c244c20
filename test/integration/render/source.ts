import type { SegmentWindow } from '../../../src/grid/grid.ts';
import type { SourcePlan } from '../../../src/render/source.ts';

/** Size of the test picture: small, because what counts is which frame it is. */
export const size = { width: 128, height: 96 } as const;

/** Luma of frame n of the test picture: neighbours differ clearly, and no two within 200 frames are the same. */
export function lumaOf(frame: number): number {
  return 20 + ((frame * 37) % 200);
}

/** Sounds as a function of the sample number, so that a test knows each sample. Written twice: for ffmpeg and here. */
export const sounds = {
  tone: {
    expression: '0.3*sin(2*PI*440*S/48000)',
    at: (sample: number) => 0.3 * Math.sin((2 * Math.PI * 440 * sample) / 48_000),
  },
  chord: {
    expression: '0.15*sin(2*PI*261.63*S/48000)+0.15*sin(2*PI*329.63*S/48000)+0.15*sin(2*PI*1567.98*S/48000)',
    at: (sample: number) =>
      [261.63, 329.63, 1567.98].reduce(
        (sum, pitch) => sum + 0.15 * Math.sin((2 * Math.PI * pitch * sample) / 48_000),
        0,
      ),
  },
} as const;

/** One of {@link sounds}. */
export type SoundName = keyof typeof sounds;

/** A plan whose every frame and sample is known from its absolute number. */
export function knownPlan(window: SegmentWindow, sound: SoundName): SourcePlan {
  const { firstFrame, frameCount, firstSample, sampleCount, frameRate } = window;
  const rate = `${frameRate.num}/${frameRate.den}`;
  const voice = sounds[sound].expression.replaceAll('S', `(n+(${firstSample}))`);
  return {
    inputs: [],
    filterGraph:
      `color=c=gray:s=${size.width}x${size.height}:r=${rate},trim=end_frame=${frameCount},format=yuv420p,` +
      `geq=lum='20+mod((N+${firstFrame})*37,200)':cb=128:cr=128[v];` +
      `aevalsrc=exprs='${voice}|${voice}':s=48000:c=stereo,atrim=end_sample=${sampleCount},aformat=sample_fmts=fltp[a]`,
  };
}
