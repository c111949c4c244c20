import { clipFrames, transitionFrames } from '../../description/frames.ts';
import type { PinnedClip, Transition } from '../../description/schema.ts';
import { filter, numeral } from './graph.ts';
import type { Canvas, Rect } from './layout.ts';
import type { Span } from './span.ts';

/** How a clip comes and goes, as expressions in ffmpeg's `t`: the absolute time of the frame, so that they carry no state. */
export interface Coming {
  /** Filters on yuva420p that fade the clip in `span`; none where nothing fades there. */
  fades(span: Span): string[];
  /** Expression of the opacity in `span`, 0 to 1; undefined where nothing fades there. */
  opacity(span: Span): string | undefined;
  /** Expressions to add to the place of something that rests at `rect`; undefined along an axis where nothing moves in `span`. */
  shift(span: Span, rect: Rect): { x?: string; y?: string };
  /** Whether the clip neither fades nor moves in `span`. */
  atRest(span: Span): boolean;
}

interface Phase {
  readonly type: Transition['type'];
  readonly side: 'in' | 'out';
  readonly span: Span;
}

function phasesOf(clip: PinnedClip, fps: number): Phase[] {
  const { from, to } = clipFrames(clip, fps);
  const phases: Phase[] = [];
  if (clip.in !== undefined) {
    phases.push({
      type: clip.in.type,
      side: 'in',
      span: { from, to: from + transitionFrames(clip.in, fps) },
    });
  }
  if (clip.out !== undefined) {
    phases.push({
      type: clip.out.type,
      side: 'out',
      span: { from: to - transitionFrames(clip.out, fps), to },
    });
  }
  return phases;
}

/** How much of a phase is over at time t, 0 to 1. */
const progress = ({ span }: Phase, fps: number): string =>
  `clip((t*${fps}-${span.from})/${span.to - span.from},0,1)`;

/** Pixels from the place of rest to just outside the frame, in the direction in which the phase moves. */
function distance({ type, side }: Phase, rect: Rect, canvas: Canvas): { x: number; y: number } {
  const leaves = side === 'out';
  const toRight = canvas.width - rect.x;
  const toLeft = -(rect.x + rect.width);
  const toBottom = canvas.height - rect.y;
  const toTop = -(rect.y + rect.height);
  switch (type) {
    case 'fade':
      return { x: 0, y: 0 };
    case 'slide-left':
      return { x: leaves ? toLeft : toRight, y: 0 };
    case 'slide-right':
      return { x: leaves ? toRight : toLeft, y: 0 };
    case 'slide-up':
      return { x: 0, y: leaves ? toTop : toBottom };
    case 'slide-down':
      return { x: 0, y: leaves ? toBottom : toTop };
  }
}

/** The transitions of a clip. Slides ease (cubically) into and out of rest, fades are linear. */
export function comingOf(clip: PinnedClip, canvas: Canvas): Coming {
  const { fps } = canvas;
  const phases = phasesOf(clip, fps);
  const active = (span: Span) =>
    phases.filter((phase) => phase.span.from < span.to && span.from < phase.span.to);
  const fading = (span: Span) => active(span).filter(({ type }) => type === 'fade');
  const opacityOf = (phase: Phase) =>
    phase.side === 'in' ? progress(phase, fps) : `(1-${progress(phase, fps)})`;
  const away = (phase: Phase) =>
    phase.side === 'in' ? `pow(1-${progress(phase, fps)},3)` : `pow(${progress(phase, fps)},3)`;
  return {
    fades: (span) =>
      fading(span).map(({ side, span: { from, to } }) =>
        filter('fade', { type: side, alpha: 1, start_time: from / fps, duration: (to - from) / fps }),
      ),
    opacity: (span) => {
      const factors = fading(span).map(opacityOf);
      return factors.length === 0 ? undefined : factors.join('*');
    },
    shift: (span, rect) => {
      const moves = active(span).map((phase) => ({ ...distance(phase, rect, canvas), away: away(phase) }));
      const along = (axis: 'x' | 'y') =>
        moves.filter((move) => move[axis] !== 0).map((move) => `(${numeral(move[axis])})*${move.away}`);
      const [x, y] = [along('x').join('+'), along('y').join('+')];
      return { ...(x === '' ? {} : { x }), ...(y === '' ? {} : { y }) };
    },
    atRest: (span) => active(span).length === 0,
  };
}
