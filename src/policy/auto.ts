import { bucketServePrice, copyPrice, diskPrice, nodeServePrice, renderPrice, storePrice } from './cost.ts';
import type { Prices } from './document/prices.ts';
import type { NodeFacts, VideoFacts } from './facts.ts';
import type { DemandModel } from './forecast/model.ts';
import type { Outlook } from './forecast/outlook.ts';
import { type Parts, partOutlook, reachedOf, shareOf } from './parts.ts';

/** What `auto` weighs with. */
export interface Scales {
  readonly prices: Prices;
  /** How often the node is lost, by the second. */
  readonly lossRate: number;
  /** For how long a copy is kept, and so what it is weighed over, in seconds. */
  readonly horizon: number;
  readonly model: DemandModel;
}

/** A part of a video on the scales. Amounts in the currency of the prices, until the end of the horizon. */
export interface Weighed {
  /** Copying it, and storing it for as long as copies are kept. */
  readonly price: number;
  /** Spent until now on serving it from a node rather than from the bucket, and on rendering it again. */
  readonly spent: number;
  /** Expected if it is copied now, the price among it. */
  readonly now: number;
  /** Expected if the next viewer is waited for, and it is copied then. */
  readonly later: number;
  /** Expected if it is never copied: serving, disk, rendering again. */
  readonly never: number;
  /** Views that are expected. */
  readonly views: number;
  /** How often it is expected to be rendered again if it is never copied. */
  readonly again: number;
  readonly isWorth: boolean;
}

/** Rendering again counts for more than it costs: what is expected is never quite what happens, and viewers wait for it. */
export const surprise = 2;
/** And for so much more than that while nobody has seen yet what becomes of videos until the end of the horizon. */
const guess = 2;
/** While nothing is known of how videos are watched, a copy is worth as much as rendering them so many times. */
const unknownTimes = 4;

/** What nobody watches is watched by nobody for this long, in seconds: longer than any player's buffer. */
export const settledSeconds = 600;

/**
 * Weighs one part of a video, as one who rents skis and may buy some: a copy is bought once what was spent without one reaches its
 * price, or as soon as it is expected to cost less than to go on without, and less than to wait for the next viewer first.
 */
function weigh(
  outlook: Outlook,
  spent: number,
  { weight, view }: Parts,
  node: NodeFacts,
  { prices, lossRate, horizon, model }: Scales,
): Weighed {
  const [fromNode, fromBucket] = [nodeServePrice(view, prices), bucketServePrice(view, prices)];
  const [render, rent, store] = [
    renderPrice(weight, prices) * (surprise + guess * Math.max(0, 1 - model.knownSeconds / horizon)),
    diskPrice(weight, prices),
    storePrice(weight, prices),
  ];
  const price = copyPrice(weight, prices) + store * horizon;
  const views = outlook.views(horizon);
  const nobody = outlook.silence(horizon);
  const stays = staysOnDisk(outlook, node, render, rent, horizon);
  const local = outlook.lapsing(stays, horizon);
  const again = local.again + lossRate * local.held * (1 - nobody);
  const now = price + views * fromBucket;
  const never = views * fromNode + rent * local.held + again * render;
  // Waiting saves the copy where nobody comes, and its storage until then. It costs the disk, and rendering where it was too long.
  const [onDisk, untilNext] = [outlook.firstView(stays), outlook.firstView(horizon)];
  const lost = outlook.silence(stays) - nobody + lossRate * onDisk * (1 - nobody);
  const saved = price * nobody + store * (untilNext - horizon * nobody);
  const later = now - saved + (1 - nobody) * (fromNode - fromBucket) + rent * onDisk + lost * render;
  return {
    price,
    spent,
    now,
    later,
    never,
    views,
    again,
    isWorth: spent >= price || (model.isNew ? price <= render * unknownTimes : now <= never && now <= later),
  };
}

/** Seconds after its last viewer at which a part leaves the disk: space is wanted, or making it again costs less than its room. */
const staysOnDisk = (
  outlook: Outlook,
  node: NodeFacts,
  render: number,
  rent: number,
  horizon: number,
): number =>
  Math.min(
    node.evictedAfterSeconds,
    horizon,
    render > 0 ? Math.max(settledSeconds, outlook.fadesTo(rent / render, horizon)) : settledSeconds,
  );

/** Weighs each part of a video. `now` in milliseconds since 1970. */
export function weighParts(
  video: VideoFacts,
  parts: Parts,
  node: NodeFacts,
  scales: Scales,
  now: number,
): Weighed[] {
  const { prices, model } = scales;
  const dearer = Math.max(0, nodeServePrice(parts.view, prices) - bucketServePrice(parts.view, prices));
  const renderedAgain = renderPrice({ cpuSeconds: video.againCpuSeconds / parts.count }, prices);
  // Parts that were watched as often are weighed once.
  const known = new Map<number, Weighed>();
  return Array.from({ length: parts.count }, (_, part) => {
    const reached = reachedOf(video, part, parts.count);
    const key = reached + shareOf(model, part, parts.count) / 2;
    const before = known.get(key);
    if (before !== undefined) return before;
    const outlook = partOutlook(video, part, parts.count, model, now);
    const weighed = weigh(outlook, reached * dearer + renderedAgain, parts, node, scales);
    known.set(key, weighed);
    return weighed;
  });
}
