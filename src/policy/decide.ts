import { type Weighed, weighParts } from './auto.ts';
import { type Awaited, lookAt } from './conditions.ts';
import { monthSeconds } from './cost.ts';
import { pricesOf } from './document/prices.ts';
import type { Rule } from './document/rule.ts';
import type { NodeFacts, RenditionRanges, VideoFacts } from './facts.ts';
import type { Forecast } from './forecast/learner.ts';
import { ruleFor } from './match.ts';
import { partsOf, segmentsOfParts } from './parts.ts';
import type { Policy } from './policy.ts';
import { allOf, partChosen, toCopy } from './selection.ts';

/** Why what is copied is copied, with its figures. */
export type Why =
  /** The node may not last. */
  | { readonly kind: 'trouble'; readonly trouble: string }
  /** Nobody could make it again. */
  | { readonly kind: 'irreplaceable' }
  | { readonly kind: 'nothing' }
  /** So long has nobody watched it that it would leave the bucket again. */
  | { readonly kind: 'expired'; readonly days: number }
  /** What a rule chooses, once a condition holds. */
  | { readonly kind: 'rule'; readonly awaited: Awaited }
  /** By price: each of the equal parts of the video on the scales, and whose demand it was forecast from. */
  | {
      readonly kind: 'auto';
      readonly parts: readonly Weighed[];
      readonly label: string;
      readonly learntFrom: number;
      readonly horizon: number;
    };

/** What is decided for a video on a node. */
export interface Decision {
  readonly rule: Rule;
  /** What the policy wants in the bucket now, whether or not it is there or exists. */
  readonly chosen: readonly RenditionRanges[];
  /** Of that, what is to be copied from here. */
  readonly copy: readonly RenditionRanges[];
  /** Nothing that copying costs now counts. */
  readonly isUrgent: boolean;
  readonly why: Why;
}

/** Decides what of a video is copied from a node to the bucket. Pure. `now` in milliseconds since 1970. */
export function decide(
  policy: Policy,
  video: VideoFacts,
  node: NodeFacts,
  forecast: Forecast,
  now: number,
): Decision {
  const rule = ruleFor(policy, video, now);
  const { chosen, why } = choose(policy, rule, video, node, forecast, now);
  return { rule, chosen, copy: toCopy(chosen, video), isUrgent: why.kind === 'trouble', why };
}

function choose(
  policy: Policy,
  { copy, keep }: Rule,
  video: VideoFacts,
  node: NodeFacts,
  forecast: Forecast,
  now: number,
): Pick<Decision, 'chosen' | 'why'> {
  const days = keep.bucketDays;
  const isExpired = days !== null && now - (video.demand.lastAt ?? video.createdAt) >= days * 86_400_000;
  // What is taken out of the bucket again is not put there, whatever the trouble.
  if (isExpired && video.isRemakable) return { chosen: [], why: { kind: 'expired', days } };
  if (node.trouble !== undefined && copy.onTrouble === 'everything')
    return { chosen: allOf(video), why: { kind: 'trouble', trouble: node.trouble } };
  // Its list may only end once everything is in the bucket, and nobody could fill a hole.
  if (!video.isRemakable) return { chosen: allOf(video), why: { kind: 'irreplaceable' } };
  if (copy.what === 'nothing') return { chosen: [], why: { kind: 'nothing' } };
  if (copy.what !== 'auto') {
    const awaited = lookAt(copy.when, video, node, now);
    const wanted = copy.what === 'everything' ? allOf(video) : partChosen(copy, video);
    return { chosen: awaited.holds ? wanted : [], why: { kind: 'rule', awaited } };
  }
  const { label, model } = forecast.modelFor(video.labels, now / 1000);
  const horizon = days === null ? monthSeconds : days * 86_400;
  const scales = {
    prices: pricesOf(policy.prices),
    lossRate: policy.trouble.lossesPerMonth / monthSeconds,
    horizon,
    model,
  };
  const weighed = weighParts(video, partsOf(video), node, scales, now);
  return {
    chosen: segmentsOfParts(video.renditions, weighed.length, (part) => weighed[part]?.isWorth === true),
    why: { kind: 'auto', parts: weighed, label, learntFrom: model.videos, horizon },
  };
}
