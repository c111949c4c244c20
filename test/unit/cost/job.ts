import type { Files } from '../../../src/cost/files.ts';
import type { Job } from '../../../src/cost/work.ts';
import { frameCountOf } from '../../../src/description/frames.ts';
import { parsePinnedDescription } from '../../../src/description/parse.ts';
import { gridOf } from '../../../src/grid/grid.ts';
import { isPlayed, profileNamed, renditionsOf } from '../../../src/render/profile.ts';

/** A clip as JSON. */
export type ClipJson = Record<string, unknown>;

/** What is made of a timeline: each clip on a track of its own. */
export function jobOf(
  clips: readonly ClipJson[],
  {
    width = 1280,
    height = 720,
    fps = 25,
    duration = 20,
    profile = 'default',
    files = new Map(),
  }: {
    width?: number;
    height?: number;
    fps?: number;
    duration?: number;
    profile?: string;
    files?: Files;
  } = {},
): Job {
  const tracks = clips.map((clip) => ({
    clips: [{ position: { x: 0.5, y: 0.5 }, start: 0, length: duration, ...clip }],
  }));
  const description = parsePinnedDescription({
    segue: 1,
    kind: 'timeline',
    size: { width, height },
    fps,
    duration,
    tracks,
  });
  const frameRate = { num: fps, den: 1 };
  const named = profileNamed(profile);
  if (named === undefined) throw new Error(`no profile ${profile}`);
  return {
    description,
    grid: gridOf(frameRate, frameCountOf(description)),
    renditions: renditionsOf({ width, height, frameRate }, named).filter(isPlayed),
    files,
  };
}

/** A clip that shows a pattern. */
export const pattern = (name: string, more: ClipJson = {}): ClipJson => ({
  asset: { type: 'pattern', pattern: name },
  ...more,
});
