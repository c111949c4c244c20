import { guardedInput, type LocalAsset } from '../../asset/asset.ts';
import { SegueError } from '../../ops/errors.ts';
import { filter } from './graph.ts';
import type { Canvas, Placement } from './layout.ts';
import { cut, formatted, held, type Picture, scaled } from './picture.ts';

/** One decoder thread an input: segments are made side by side, and the output must not depend on threads. */
const oneThread = ['-threads', '1'];

/** Untagged video of at least this many lines is BT.709, as everybody assumes. */
const hdLines = 720;

/** Image codecs that know no transparency. */
const opaqueCodecs: ReadonlySet<string> = new Set(['mjpeg', 'jpegls']);

/** The picture of an image file: its first frame. */
export function imagePicture(local: LocalAsset, { rect, part }: Placement, canvas: Canvas): Picture {
  const opaque = opaqueCodecs.has(local.facts.image?.codec ?? '');
  return {
    rect,
    opaque,
    draw: (graph, span, opacity) => {
      const input = graph.input([...oneThread, '-r', String(canvas.fps), ...guardedInput(local.path)]);
      return graph.chain(
        [`${input}:v:0`],
        filter('trim', { end_frame: 1 }),
        ...cut(part),
        ...scaled(rect),
        ...formatted(opaque, opacity),
        ...held(canvas, span),
      );
    },
  };
}

/** A stretch of a video file on the timeline: file time `start` (seconds) lies at frame `at`. */
export interface Playing {
  readonly at: number;
  readonly start: number;
}

/** Ticks a frame of the time base in which times of the file are moved to the timeline. */
const ticks = 1000;
/** How far behind the end of a file time is taken to stand still, seconds: everything there shows the last frame. */
const afterEnd = 0.5;
/** The last frame is looked for at least this far before the end, seconds. */
const beforeEnd = 0.1;

/** Where in the file the decoder begins for a frame of the timeline, and where the file then lies on the timeline. */
export function seekFor({ at, start }: Playing, frame: number, fps: number, duration: number) {
  const wanted = start + (frame - at) / fps;
  const standing = Math.max(0, Math.floor((wanted - duration - afterEnd) * fps));
  const needed = wanted - standing / fps;
  // Whole seconds: then the rounding to the frame grid is the same from wherever a window begins.
  const seconds = Math.max(0, Math.floor(Math.min(needed, duration - beforeEnd) + 1e-9));
  return { seconds, at: at + standing };
}

/**
 * The picture of a video file. The decoder begins at a whole second at or before the window without dropping what comes
 * before it (`-noaccurate_seek`), so that the frame that is visible there is known even across a long gap of a variable
 * rate; `fps` puts frames on the absolute grid, `tpad` holds the last one.
 */
export function videoPicture(
  local: LocalAsset,
  playing: Playing,
  { rect, part }: Placement,
  canvas: Canvas,
): Picture {
  const { fps } = canvas;
  const { video } = local.facts;
  if (video === undefined) {
    throw new SegueError('asset_refused', 'A clip shows a file without a moving picture as video', {
      hint: 'Use the type "image" for a still.',
    });
  }
  const from = Math.min(video.width, video.height) >= hdLines ? 'bt709' : 'auto';
  return {
    rect,
    opaque: true,
    draw: (graph, span, opacity) => {
      const { seconds, at } = seekFor(playing, span.from, fps, video.durationSeconds);
      // Input times are put this far ahead: ffmpeg announces the end of a file in input times, and `fps` would drop the last frame if that came before it on the timeline.
      const ahead = Math.ceil(span.to / fps) + 1;
      // Half a frame later and then rounded down is rounded to the nearest, but the end of the file (rounded up) stays behind the last frame.
      const shift = at * ticks + ticks / 2 + 1 - Math.round((playing.start + ahead) * fps * ticks);
      // Whole seconds, which no unit rounds.
      const first = Math.floor((at + (seconds - playing.start) * fps) / fps);
      const input = graph.input([
        ...oneThread,
        '-noaccurate_seek',
        '-ss',
        String(seconds),
        '-itsoffset',
        String(seconds + ahead),
        ...guardedInput(local.path),
      ]);
      return graph.chain(
        [`${input}:V:0`],
        filter('settb', { expr: `1/${fps * ticks}` }),
        filter('setpts', { expr: `PTS${shift < 0 ? '' : '+'}${shift}` }),
        filter('fps', { fps, start_time: first, round: 'down', eof_action: 'pass' }),
        filter('tpad', { stop_mode: 'clone', stop: -1 }),
        filter('trim', { start_pts: span.from, end_pts: span.to }),
        ...cut(part),
        ...scaled(rect, { from }),
        ...formatted(true, opacity),
      );
    },
  };
}

/** Shortest piece of a file that is repeated, seconds: each repetition is an input of its own. */
const shortestLoop = 0.2;

/**
 * Length of a piece that is repeated, seconds.
 * @throws SegueError `asset_refused` when it is shorter than can be repeated
 */
export function loopLength(duration: number, start: number): number {
  if (duration - start >= shortestLoop) return duration - start;
  throw new SegueError(
    'asset_refused',
    `A clip loops a piece of a file that is shorter than ${shortestLoop} s`,
    {
      hint: 'Let `from` lie earlier, use a longer file, or do not loop it.',
    },
  );
}

/** Frames of one repetition of a piece of a video file. */
export function loopFrames(local: LocalAsset, start: number, fps: number): number {
  const duration = local.facts.video?.durationSeconds ?? 0;
  return Math.max(1, Math.round(loopLength(duration, start) * fps));
}
