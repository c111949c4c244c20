import { countOf, difference, type Ranges, unionOf } from '../catalog/ranges.ts';
import type { RenditionFacts, VideoFacts } from './facts.ts';

/** Seconds of a video of which this node has the only copy of something that is not made on demand. */
export function exposureOf({ seconds, renditions }: Pick<VideoFacts, 'seconds' | 'renditions'>): number {
  return Math.max(
    0,
    ...renditions
      .filter(({ onDemand }) => onDemand !== true)
      .map(({ segments, ...rest }) => (countOf(aloneHere(rest)) / segments) * seconds),
  );
}

/** Segments of which this node has the only copy. */
export const aloneHere = ({
  here,
  stored,
  elsewhere,
}: Pick<RenditionFacts, 'here' | 'stored' | 'elsewhere'>): Ranges =>
  difference(here, elsewhere.length === 0 ? stored : unionOf(stored, elsewhere));

/** Part of a video that exists somewhere, 0 to 1: of the rendition of which least does, what is made on demand aside. */
export function renderedPart({ renditions }: Pick<VideoFacts, 'renditions'>): number {
  return Math.min(
    1,
    ...renditions
      .filter(({ onDemand }) => onDemand !== true)
      .map(({ segments, here, stored, elsewhere }) => countOf(unionOf(here, stored, elsewhere)) / segments),
  );
}
