import { type Clip, type Description, frameCountOf } from './schema.ts';

export { frameCountOf } from './schema.ts';

/** Seconds to whole frames, rounded to the nearest. */
const framesOf = (seconds: number, fps: number): number => Math.round(seconds * fps);

/** First frame of a clip and the frame after its last. Both ends are rounded, so that clips that touch go on touching; a clip has at least 1 frame. */
export function clipFrames(
  clip: { start: number; length: number },
  fps: number,
): { from: number; to: number } {
  const from = framesOf(clip.start, fps);
  return { from, to: Math.max(from + 1, framesOf(clip.start + clip.length, fps)) };
}

/** Frames of a transition: at least 1. */
export const transitionFrames = (transition: { duration: number } | undefined, fps: number): number =>
  transition === undefined ? 0 : Math.max(1, framesOf(transition.duration, fps));

function wholeFrames(clip: Clip, fps: number): Clip {
  const { from, to } = clipFrames(clip, fps);
  const whole = { ...clip, start: from / fps, length: (to - from) / fps };
  for (const side of ['in', 'out'] as const) {
    const transition = clip[side];
    if (transition !== undefined) {
      whole[side] = { ...transition, duration: transitionFrames(transition, fps) / fps };
    }
  }
  return whole;
}

/** The same description with `duration`, and each clip's `start`, `length` and transitions, in whole frames. Idempotent. */
export function quantised<D extends Description>(description: D): D {
  const duration = frameCountOf(description) / description.fps;
  if (description.kind === 'module') return { ...description, duration };
  const tracks = description.tracks.map((track) => ({
    clips: track.clips.map((clip) => wholeFrames(clip, description.fps)),
  }));
  return { ...description, duration, tracks };
}
