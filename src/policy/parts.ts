import { type Ranges, unionOf } from '../catalog/ranges.ts';
import type { ViewWeight, Weight } from './cost.ts';
import { type RenditionFacts, type RenditionRanges, reachParts, type VideoFacts } from './facts.ts';
import type { DemandModel } from './forecast/model.ts';
import { type Outlook, outlookOf } from './forecast/outlook.ts';

/** A video in equal parts, and what each of them weighs. */
export interface Parts {
  /** How many: those of its reach, or its segments where it has fewer. */
  readonly count: number;
  readonly weight: Weight;
  /** What a view of one part transfers. */
  readonly view: ViewWeight;
}

/** Cuts a video into equal parts. */
export function partsOf(video: Pick<VideoFacts, 'renditions' | 'cpuSeconds' | 'view'>): Parts {
  let [count, bytes, objects] = [reachParts, 0, 0];
  for (const rendition of video.renditions) {
    // A poster has one segment: it goes with any part.
    if (rendition.segments > 1) count = Math.min(count, rendition.segments);
    bytes += rendition.bytes;
    objects += rendition.segments;
  }
  return {
    count,
    weight: { bytes: bytes / count, objects: objects / count, cpuSeconds: video.cpuSeconds / count },
    view: { bytes: video.view.bytes / count, objects: video.view.objects / count },
  };
}

/** Which part of the reach stands for a part. */
const slotOf = (part: number, count: number): number => Math.floor((part * reachParts) / count);

/** How often a part was watched. */
export const reachedOf = ({ demand }: Pick<VideoFacts, 'demand'>, part: number, count: number): number =>
  demand.reach[slotOf(part, count)] ?? 0;

/** Shares are told apart in steps of a twentieth: so that parts that are alike are weighed once. */
const shareSteps = 20;

/** How many of all views are expected to come to a part, 0 to 1. */
export const shareOf = ({ reach }: DemandModel, part: number, count: number): number =>
  Math.max(1, Math.round((reach[slotOf(part, count)] ?? 1) * shareSteps)) / shareSteps;

/** What is to be expected of a part. `now` in milliseconds since 1970. */
export function partOutlook(
  video: Pick<VideoFacts, 'demand' | 'createdAt'>,
  part: number,
  count: number,
  model: DemandModel,
  now: number,
): Outlook {
  const age = Math.max(0, now - video.createdAt) / 1000;
  // Who comes first has it made; what counts is who comes again.
  const again = Math.max(0, reachedOf(video, part, count) - 1);
  return outlookOf(model, age, again, shareOf(model, part, count));
}

/** The segments of some of the equal parts of a video. */
export function segmentsOfParts(
  renditions: readonly RenditionFacts[],
  count: number,
  isChosen: (part: number) => boolean,
): RenditionRanges[] {
  const chosen = Array.from({ length: count }, (_, part) => isChosen(part));
  if (!chosen.includes(true)) return [];
  return renditions.map(({ name, segments }) => {
    const ranges = chosen.flatMap((is, part): Ranges => {
      const [from, to] = [Math.floor((part * segments) / count), Math.floor(((part + 1) * segments) / count)];
      return is && from < to ? [[from, to]] : [];
    });
    return { name, ranges: unionOf(ranges) };
  });
}
