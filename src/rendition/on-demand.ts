import type { RenditionKind } from './kind.ts';

/**
 * What is made only once somebody asks for it. `stills`: key frames for seeking, thumbnails and poster. `lower`: those, and
 * every video rendition but the best. `none`: everything is made with the first viewer, and copied.
 */
export const onDemandPolicies = ['stills', 'lower', 'none'] as const;
/** One of {@link onDemandPolicies}. */
export type OnDemandPolicy = (typeof onDemandPolicies)[number];

/** Whether a rendition is made on demand; `isBest`: it is the first of its kind. */
export function isOnDemand(policy: OnDemandPolicy, kind: RenditionKind, isBest: boolean): boolean {
  if (policy === 'none') return false;
  if (kind === 'iframes' || kind === 'images') return true;
  return policy === 'lower' && kind === 'video' && !isBest;
}
