import type { ClipAsset } from '../../description/schema.ts';
import type { Canvas, Placement } from './layout.ts';
import type { Span } from './span.ts';

type PatternAsset = Extract<ClipAsset, { type: 'pattern' }>;

/** What every pattern is made from. */
export interface PatternSubject {
  readonly asset: PatternAsset;
  readonly placement: Placement;
  readonly canvas: Canvas;
  /** Frames of the whole clip. */
  readonly clip: Span;
  readonly seed: number;
  /** Tells clips of the same description apart. */
  readonly label: string;
}
