import { clipFrames, transitionFrames } from '../description/frames.ts';
import type { PinnedClip, PinnedTimeline } from '../description/schema.ts';
import { type Canvas, fills, placementOf } from '../render/timeline/layout.ts';
import { overlapOf, type Span } from '../render/timeline/span.ts';
import type { FileFacts, Files } from './files.ts';
import type { Look } from './weights.ts';
import type { WorkSum } from './work-sum.ts';

/** A clip that is seen. */
export interface DrawnClip {
  /** Frames of the video in which it is on. */
  readonly span: Span;
  readonly look: Look;
  /** Million pixels of the frame that it takes. */
  readonly area: number;
  /** Part of its frames that show something else than the frame before: a file of fewer frames a second than the video has repeats them. */
  readonly fresh: number;
  /** Frames in which it fades or moves. */
  readonly restless: readonly Span[];
  /** Whether it hides all that lies below it while it is at rest. */
  readonly covers: boolean;
  /** Adds what it takes to draw it in some frames of it, apart from what the encoder makes of it. */
  readonly draw: (sum: WorkSum, frames: Span) => void;
}

/** Most inputs of a file that is repeated, in one segment: the compiler makes one for each turn. */
const shortestTurn = 0.2;

const million = (width: number, height: number): number => (width * height) / 1e6;

function lookOf({ asset }: PinnedClip): Look | undefined {
  switch (asset.type) {
    case 'color':
    case 'text':
    case 'video':
      return asset.type;
    case 'gradient':
      return asset.motion === 'drift' ? 'drift' : 'gradient';
    case 'pattern':
      return asset.pattern;
    case 'image':
      return 'picture';
    case 'timecode':
      return 'text';
    case 'audio':
    case 'tone':
    case 'noise':
    case 'silence':
      return undefined;
  }
}

/** Width of a letter as a part of its height, about: what is drawn is not measured here. */
const letterWidth = 0.5;

function textArea(clip: PinnedClip, canvas: Canvas): { area: number; lines: number } | undefined {
  const { asset } = clip;
  if (asset.type !== 'text' && asset.type !== 'timecode') return undefined;
  const lines = asset.type === 'text' ? asset.text.split('\n') : ['00:00:00:00'];
  const pixels = Math.min(2 * canvas.height, Math.max(4, asset.size * clip.scale * canvas.height));
  const letters = Math.max(...lines.map((line) => line.length));
  const shown = Math.min(lines.length, Math.ceil(canvas.height / pixels));
  const width = Math.min(canvas.width, letters * pixels * letterWidth);
  const height = Math.min(canvas.height, pixels * shown);
  return { area: million(width, height), lines: shown };
}

function drawnText(clip: PinnedClip, span: Span, canvas: Canvas): DrawnClip | undefined {
  const seen = textArea(clip, canvas);
  if (seen === undefined) return undefined;
  const { asset } = clip;
  const background = 'background' in asset && asset.background !== undefined;
  return {
    span,
    look: 'text',
    area: seen.area,
    fresh: 1,
    covers: false,
    restless: [],
    draw(sum, { from, to }) {
      sum.add('line', seen.lines * (to - from));
      sum.add('text', seen.area * (to - from));
      if (background) sum.add('overlay', seen.area * (to - from));
    },
  };
}

/** What a video file takes besides being drawn: each turn of it is opened, and decoded from a whole second before. */
function readVideo(
  sum: WorkSum,
  seconds: number,
  { bytes = 0, video }: FileFacts,
  { from, loop }: { from: number; loop: boolean },
): void {
  if (video === undefined) return;
  const { width, height, frameRate, durationSeconds } = video;
  const rest = Math.max(shortestTurn, durationSeconds - from);
  const turns = loop ? Math.max(1, Math.ceil(seconds / rest)) : 1;
  sum.add('input', turns);
  // One second more than is shown, and one in which the key frame before is looked for.
  const decoded = (loop ? seconds : Math.min(seconds, rest)) + 2 * turns;
  sum.add('decode', million(width, height) * frameRate * decoded);
  sum.add('bytes', (bytes / 1e6) * Math.min(turns, decoded / Math.max(shortestTurn, durationSeconds)));
}

/** What the node itself paints once for a segment, in pixels and generations. */
function paint(sum: WorkSum, clip: PinnedClip, area: number, frames: number): void {
  const { asset } = clip;
  if (asset.type === 'gradient') sum.add('painted', 0.06);
  if (asset.type !== 'pattern') return;
  const { pattern, cells, speed } = asset;
  if (pattern === 'checker') sum.add('painted', area);
  else if (pattern === 'static') sum.add('painted', area / 4);
  else if (pattern !== 'life') sum.add('painted', 0.2);
  else {
    // Each segment counts from the beginning: on average to the middle.
    const reached = Math.min(512, clip.length * 8 * speed) / 2;
    sum.add('cells', (reached * cells * Math.min(512, 2 * cells)) / 1e6);
    sum.add('painted', (frames * cells * cells * 8) / 1e6);
  }
}

function restlessOf(clip: PinnedClip, { from, to }: Span, fps: number): Span[] {
  const [into, out] = [transitionFrames(clip.in, fps), transitionFrames(clip.out, fps)];
  return [
    { from, to: from + into },
    { from: to - out, to },
  ].filter((span) => span.from < span.to);
}

function drawnPicture(
  clip: PinnedClip,
  look: Look,
  span: Span,
  canvas: Canvas,
  files: Files,
): DrawnClip | undefined {
  const { asset } = clip;
  const file = 'src' in asset ? files.get(asset.src.slice('sha256:'.length)) : undefined;
  if ('src' in asset && file === undefined) return undefined;
  const placement = placementOf(clip, canvas, file?.image ?? file?.video);
  if (placement === undefined) return undefined;
  const { rect } = placement;
  const area = million(rect.width, rect.height);
  const isOpaque = asset.type !== 'image' || file?.image?.codec === 'mjpeg';
  return {
    span,
    look,
    area,
    fresh: file?.video === undefined ? 1 : Math.min(1, file.video.frameRate / canvas.fps),
    covers: isOpaque && clip.opacity >= 1 && fills(rect, canvas),
    restless: restlessOf(clip, span, canvas.fps),
    draw(sum, frames) {
      const count = frames.to - frames.from;
      sum.add('layer', 1);
      sum.add(look, area * count);
      paint(sum, clip, area, count);
      if (file?.image !== undefined) {
        sum.add('input', 1);
        sum.add('image', million(file.image.width, file.image.height));
      } else if (file?.video !== undefined && asset.type === 'video') {
        readVideo(sum, count / canvas.fps, file, asset);
      }
    },
  };
}

/** The clips of a timeline that are seen, lowest first. Files that are not known are left out. */
export function drawnClips({ tracks, size, fps }: PinnedTimeline, files: Files): DrawnClip[] {
  const canvas: Canvas = { ...size, fps };
  return tracks.flatMap(({ clips }) =>
    clips.flatMap((clip) => {
      const look = lookOf(clip);
      if (look === undefined || clip.opacity === 0) return [];
      const span = clipFrames(clip, fps);
      const drawn =
        look === 'text' ? drawnText(clip, span, canvas) : drawnPicture(clip, look, span, canvas, files);
      return drawn === undefined ? [] : [drawn];
    }),
  );
}

/** What of these clips is drawn in a window, with the frames of each: all but what another hides for the whole of it. */
export function drawnIn(
  clips: readonly DrawnClip[],
  window: Span,
): { clip: DrawnClip; frames: Span; isLowest: boolean }[] {
  const on = clips.flatMap((clip) => {
    const frames = overlapOf(clip.span, window);
    return frames === undefined ? [] : [{ clip, frames }];
  });
  const lowest = on.findLastIndex(
    ({ clip, frames }) =>
      clip.covers &&
      frames.from === window.from &&
      frames.to === window.to &&
      clip.restless.every((span) => overlapOf(span, window) === undefined),
  );
  return on
    .slice(Math.max(0, lowest))
    .map((each, index) => ({ ...each, isLowest: lowest >= 0 && index === 0 }));
}
