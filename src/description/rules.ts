import { z } from 'zod';
import { clipFrames, frameCountOf, transitionFrames } from './frames.ts';
import type { Problem } from './problem.ts';
import { type ClipAsset, limits, soundOnlyTypes } from './schema.ts';
import { subtitleProblems } from './subtitle-rules.ts';

// The rules are read from the raw JSON, leniently: a field that is wrong by itself becomes NaN, every comparison with it
// is false, and so all problems are reported at once instead of these only after the others are gone.
const number = z.number().catch(Number.NaN);
const transition = z.object({ duration: number }).optional().catch(undefined);
const nothing = { start: Number.NaN, length: Number.NaN, asset: { type: '' }, fadeIn: 0, fadeOut: 0 };
const looseClip = z
  .object({
    start: number.default(0),
    length: number,
    in: transition,
    out: transition,
    fadeIn: number.default(0),
    fadeOut: number.default(0),
    asset: z
      .object({ type: z.string().catch(''), src: z.string().optional().catch(undefined) })
      .catch({ type: '' }),
  })
  .catch(nothing);
const looseTrack = z.object({ clips: z.array(looseClip).catch([]) }).catch({ clips: [] });
const loose = z
  .object({
    fps: number,
    duration: number,
    tracks: z.array(looseTrack).catch([]),
    params: z.unknown().optional(),
  })
  .catch({ fps: Number.NaN, duration: Number.NaN, tracks: [], params: {} });
type LooseClip = z.output<typeof looseClip>;

const seconds = (value: number): string => `${Number(value.toFixed(3))} s`;

function clipPlaceProblems(clip: LooseClip, video: { fps: number; duration: number }): Problem[] {
  const { from, to } = clipFrames(clip, video.fps);
  const frames = frameCountOf(video);
  const end = `the video ends at ${seconds(video.duration)}`;
  if (from >= frames) {
    const message = `the clip starts at ${seconds(clip.start)}, but ${end}; start it earlier or raise duration`;
    return [{ path: ['start'], message }];
  }
  if (to > frames) {
    const room = seconds(video.duration - clip.start);
    const message = `the clip ends at ${seconds(clip.start + clip.length)}, but ${end}; shorten it to ${room} or raise duration`;
    return [{ path: ['length'], message }];
  }
  return [];
}

function transitionProblems(clip: LooseClip, fps: number): Problem[] {
  const problems: Problem[] = [];
  for (const side of ['in', 'out'] as const) {
    if (clip[side] !== undefined && soundOnlyTypes.has(clip.asset.type as ClipAsset['type'])) {
      const instead = side === 'in' ? 'fadeIn' : 'fadeOut';
      problems.push({
        path: [side],
        message: `"${clip.asset.type}" has no picture to fade or move; use ${instead}`,
      });
    }
  }
  const { from, to } = clipFrames(clip, fps);
  const [into, out] = [transitionFrames(clip.in, fps), transitionFrames(clip.out, fps)];
  const lasts = `but the clip lasts ${seconds(clip.length)}`;
  const wayOut = 'shorten the transition or lengthen the clip';
  const tooLong = (side: 'in' | 'out') => ({
    path: [side, 'duration'],
    message: `the transition lasts ${seconds(clip[side]?.duration ?? 0)}, ${lasts}; ${wayOut}`,
  });
  if (into > to - from) problems.push(tooLong('in'));
  if (out > to - from) problems.push(tooLong('out'));
  if (into <= to - from && out <= to - from && into + out > to - from) {
    const together = seconds((clip.in?.duration ?? 0) + (clip.out?.duration ?? 0));
    problems.push({
      path: ['out', 'duration'],
      message: `in and out together last ${together}, ${lasts}; shorten one of them`,
    });
  }
  if (clip.fadeIn + clip.fadeOut > clip.length + 1e-9) {
    const together = seconds(clip.fadeIn + clip.fadeOut);
    problems.push({
      path: [clip.fadeOut > 0 ? 'fadeOut' : 'fadeIn'],
      message: `the sound fades for ${together}, ${lasts}; shorten the fades`,
    });
  }
  return problems;
}

/** The most clips that are on at the same frame, and that frame. */
function busiest(clips: readonly LooseClip[], fps: number): { count: number; frame: number } {
  const changes = clips
    .map((clip) => clipFrames(clip, fps))
    .filter(({ from, to }) => Number.isFinite(from) && Number.isFinite(to))
    .flatMap(({ from, to }) => [
      { frame: from, by: 1 },
      { frame: to, by: -1 },
    ])
    .sort((a, b) => a.frame - b.frame || a.by - b.by);
  let [now, count, frame] = [0, 0, 0];
  for (const change of changes) {
    now += change.by;
    if (now > count) [count, frame] = [now, change.frame];
  }
  return { count, frame };
}

/** Why a value cannot be `params`; walks without recursion, so that no nesting overflows the stack. */
function paramsProblem(params: unknown): string | undefined {
  const waiting: { value: unknown; depth: number }[] = [{ value: params, depth: 0 }];
  let bytes = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, depth } = next;
    if (depth > limits.paramsDepth) return `nested deeper than ${limits.paramsDepth} levels; flatten it`;
    bytes += 2;
    if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        if (key === '__proto__') return 'no key may be called __proto__; rename it';
        if (!Array.isArray(value)) bytes += new TextEncoder().encode(key).byteLength + 3;
        waiting.push({ value: inner, depth: depth + 1 });
      }
    } else if (typeof value === 'string') {
      if (!value.isWellFormed() || value.includes('\u0000'))
        return 'a text in it is not valid Unicode, or has a NUL';
      bytes += new TextEncoder().encode(value).byteLength;
    } else bytes += 8;
    if (bytes > limits.paramsBytes)
      return `above ${limits.paramsBytes} bytes; put large data into the module`;
  }
  return undefined;
}

/** What the fields of a description, each right by itself, get wrong together. Takes any JSON value. */
export function crossFieldProblems(json: unknown): Problem[] {
  const video = loose.parse(json);
  const problems: Problem[] = [];
  for (const [trackIndex, track] of video.tracks.entries()) {
    for (const [clipIndex, clip] of track.clips.entries()) {
      const found = [...clipPlaceProblems(clip, video), ...transitionProblems(clip, video.fps)];
      const base = ['tracks', trackIndex, 'clips', clipIndex];
      problems.push(...found.map((problem) => ({ ...problem, path: [...base, ...problem.path] })));
    }
  }
  const clips = video.tracks.flatMap((track) => track.clips);
  if (clips.length > limits.clips) {
    problems.push({
      path: ['tracks'],
      message: `${clips.length} clips, the most is ${limits.clips}; make fewer, or two videos`,
    });
  }
  const { count, frame } = busiest(clips, video.fps);
  if (count > limits.clipsAtOnce) {
    const message = `${count} clips are on at ${seconds(frame / video.fps)}, the most is ${limits.clipsAtOnce}; let fewer overlap`;
    problems.push({ path: ['tracks'], message });
  }
  const files = new Set(
    clips.flatMap(({ asset }) => ('src' in asset && asset.src !== undefined ? [asset.src] : [])),
  ).size;
  if (files > limits.files) {
    problems.push({
      path: ['tracks'],
      message: `${files} different files, the most is ${limits.files}; use fewer`,
    });
  }
  problems.push(...subtitleProblems(json, video));
  const wrongParams = paramsProblem(video.params);
  if (wrongParams !== undefined) problems.push({ path: ['params'], message: wrongParams });
  return problems;
}
