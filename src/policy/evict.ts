import { countOf, difference, intersection, type Ranges, unionOf } from '../catalog/ranges.ts';
import { settledSeconds, surprise } from './auto.ts';
import { diskPrice, renderPrice } from './cost.ts';
import { type Prices, pricesOf } from './document/prices.ts';
import type { Rule } from './document/rule.ts';
import { aloneHere } from './exposure.ts';
import type { RenditionFacts, RenditionRanges, VideoFacts } from './facts.ts';
import type { Forecast } from './forecast/learner.ts';
import { ruleFor } from './match.ts';
import { partOutlook, partsOf, segmentsOfParts } from './parts.ts';
import type { Policy } from './policy.ts';
import { segmentAtPart } from './selection.ts';

/** Segments that leave the disk of a node, and why. */
export interface Eviction {
  readonly id: string;
  readonly ranges: readonly RenditionRanges[];
  readonly bytes: number;
  /** `elsewhere`: another place has them, verified; `cheapest`: they cost least to make again; `worthless`: less than their room. */
  readonly why: 'elsewhere' | 'cheapest' | 'worthless';
}

/** Under `auto`, what another place has leaves a disk that is paid for by its use after this time, in seconds. */
const autoLocalSeconds = 3600;
/** Demand of this time decides what is cheapest to make again, in seconds. */
const soonSeconds = 7 * 86_400;

/**
 * What leaves the disk so that `bytes` become free: first what another place has, least lately watched first, and of what is being
 * watched only what is not near a playhead; then what is expected to cost least to make again for the room that it takes. Never the
 * last copy of what somebody watches, nor of what nobody can make again. `now` in milliseconds since 1970.
 */
export function evictions(
  policy: Policy,
  videos: readonly VideoFacts[],
  bytes: number,
  forecast: Forecast,
  now: number,
): Eviction[] {
  const prices = pricesOf(policy.prices);
  const free = videos.filter(({ demand }) => demand.playheads.length === 0);
  const chosen: Eviction[] = [];
  let left = bytes;
  const take = (eviction: Eviction): boolean => {
    if (eviction.bytes > 0) chosen.push(eviction);
    left -= eviction.bytes;
    return left <= 0;
  };
  for (const video of free.toSorted((a, b) => lastAt(a) - lastAt(b))) {
    if (take(evictionOf(video, elsewhere, 'elsewhere'))) return chosen;
  }
  for (const video of videos.filter(({ demand }) => demand.playheads.length > 0)) {
    if (take(evictionOf(video, farElsewhere(video.demand.playheads), 'elsewhere'))) return chosen;
  }
  const worths = free
    .filter(({ isRemakable }) => isRemakable)
    .map((video) => ({ video, worth: worthOf(video, forecast, prices, now) }));
  for (const { video } of worths.toSorted((a, b) => a.worth - b.worth)) {
    if (take(evictionOf(video, aloneHere, 'cheapest'))) return chosen;
  }
  return chosen;
}

const lastAt = ({ demand, createdAt }: VideoFacts): number => demand.lastAt ?? createdAt;

const elsewhere = ({ here, stored, elsewhere: others }: RenditionFacts): Ranges =>
  intersection(here, unionOf(stored, others));

/** Segments before and after a playhead that a player may want soon. */
const near = { before: 4, after: 20 };

/** Of what another place has, what is not near a playhead. */
const farElsewhere =
  (playheads: readonly number[]) =>
  (rendition: RenditionFacts): Ranges =>
    difference(
      elsewhere(rendition),
      unionOf(
        playheads.map((part) => {
          const at = segmentAtPart(rendition, part);
          return [Math.max(0, at - near.before), at + near.after] as const;
        }),
      ),
    );

function evictionOf(
  video: VideoFacts,
  of: (rendition: RenditionFacts) => Ranges,
  why: Eviction['why'],
): Eviction {
  const ranges: RenditionRanges[] = [];
  let bytes = 0;
  for (const rendition of video.renditions) {
    const chosen = of(rendition);
    if (chosen.length === 0) continue;
    ranges.push({ name: rendition.name, ranges: chosen });
    bytes += (countOf(chosen) / rendition.segments) * rendition.bytes;
  }
  return { id: video.id, ranges, bytes, why };
}

/** Expected price of making a video again soon, for each byte of it. */
function worthOf(video: VideoFacts, forecast: Forecast, prices: Prices, now: number): number {
  const { model } = forecast.modelFor(video.labels, now / 1000);
  const { weight, count } = partsOf(video);
  const outlook = partOutlook(video, 0, count, model, now);
  return ((1 - outlook.silence(soonSeconds)) * renderPrice(weight, prices)) / Math.max(1, weight.bytes);
}

/**
 * What leaves the disk of itself: what another place has, once nobody has watched it for as long as the rule says; under `auto`
 * also what is not worth its room: where making it again costs less than the disk until the next viewer is expected.
 */
export function leaving(policy: Policy, video: VideoFacts, forecast: Forecast, now: number): Eviction[] {
  if (video.demand.playheads.length > 0) return [];
  const rule = ruleFor(policy, video, now);
  const prices = pricesOf(policy.prices);
  const unwatched = (now - lastAt(video)) / 1000;
  const settled = unwatched >= settledSeconds;
  const all: Eviction[] = [];
  if (settled && unwatched >= localSecondsOf(rule, prices))
    all.push(evictionOf(video, elsewhere, 'elsewhere'));
  if (settled && rule.copy.what === 'auto' && video.isRemakable && prices.diskGbMonth > 0)
    all.push(worthless(video, forecast, prices, now));
  return all.filter(({ bytes }) => bytes > 0);
}

const localSecondsOf = ({ copy, keep }: Rule, prices: Prices): number =>
  keep.localSeconds ??
  (copy.what === 'auto' && prices.diskGbMonth > 0 ? autoLocalSeconds : Number.POSITIVE_INFINITY);

function worthless(video: VideoFacts, forecast: Forecast, prices: Prices, now: number): Eviction {
  const { model } = forecast.modelFor(video.labels, now / 1000);
  const { weight, count } = partsOf(video);
  const [rent, again] = [diskPrice(weight, prices), renderPrice(weight, prices) * surprise];
  const chosen = segmentsOfParts(
    video.renditions,
    count,
    (part) => partOutlook(video, part, count, model, now).rateAfter(0) * again < rent,
  );
  const rangesOf = new Map(chosen.map(({ name, ranges }) => [name, ranges]));
  return evictionOf(
    video,
    (rendition) => intersection(aloneHere(rendition), rangesOf.get(rendition.name) ?? []),
    'worthless',
  );
}

/** Bytes that have to leave a disk of which `used` bytes are in use: none below the high watermark, else down to the low one. */
export function bytesToFree(used: number, budget: number, { high, low }: Policy['disk']): number {
  return used > budget * high ? used - budget * low : 0;
}
