import { difference, intersection } from '../catalog/ranges.ts';
import type { CopyRule } from './document/copy.ts';
import type { RenditionFacts, RenditionRanges, VideoFacts } from './facts.ts';

/** First segment of a rendition that begins at, or plays on at, a point of the video (a part of its length, 0 to 1). */
export const segmentAtPart = ({ segments }: Pick<RenditionFacts, 'segments'>, part: number): number =>
  Math.min(segments, Math.floor(part * segments));

/** What of a video `part` chooses, whether or not it exists yet: of the beginning every segment that holds something of it. */
export function partChosen(
  { firstSeconds, renditions }: Pick<CopyRule, 'firstSeconds' | 'renditions'>,
  video: Pick<VideoFacts, 'seconds' | 'renditions' | 'segmentAt'>,
): RenditionRanges[] {
  const { seconds, segmentAt } = video;
  const until = ({ segments }: RenditionFacts): number => {
    if (firstSeconds === undefined || firstSeconds >= seconds) return segments;
    if (segmentAt === undefined) return Math.ceil((firstSeconds / seconds) * segments);
    const at = segmentAt(firstSeconds);
    // What begins just there is not needed.
    return segmentAt(firstSeconds - 0.001) < at ? at : at + 1;
  };
  return video.renditions
    .filter(
      ({ name, kind }) => renditions === undefined || renditions.some((one) => one === name || one === kind),
    )
    .map((rendition) => ({
      name: rendition.name,
      ranges: [[0, Math.min(rendition.segments, until(rendition))]],
    }));
}

/** Everything that the video has. */
export const allOf = (video: Pick<VideoFacts, 'renditions'>): RenditionRanges[] =>
  video.renditions.map(({ name, segments }) => ({ name, ranges: [[0, segments]] }));

/** Of what was chosen, what this node has and the bucket has not. Renditions of which there is nothing are left out. */
export function toCopy(
  chosen: readonly RenditionRanges[],
  { renditions }: Pick<VideoFacts, 'renditions'>,
): RenditionRanges[] {
  return chosen.flatMap(({ name, ranges }) => {
    const rendition = renditions.find((one) => one.name === name);
    if (rendition === undefined) return [];
    const left = difference(intersection(ranges, rendition.here), rendition.stored);
    return left.length === 0 ? [] : [{ name, ranges: left }];
  });
}
