import { difference, heldOnce, intersection, type Ranges, unionOf } from '../../src/catalog/ranges.ts';

/** Where a segment can be had, from worst to best: nowhere, at one node alone, at several, in the bucket. */
export const stripSources = ['absent', 'node', 'nodes', 'bucket'] as const;
/** Where a segment can be had. */
export type StripSource = (typeof stripSources)[number];

/** Neighbouring segments of the same source: up to the segment before `to`. */
export type StripRun = readonly [to: number, source: StripSource];

/** Runs of one strip at most; what has more is shown in as many parts, each as its worst segment. */
const mostRuns = 100;

/** Places of one rendition: ranges in the bucket, and by live node. */
interface Places {
  readonly bucket: Ranges;
  readonly nodes: Readonly<Record<string, Ranges>>;
}

/** The segments of a video by source. A segment is where the worst placed of its renditions is. */
export function stripOf(renditions: readonly Places[], segments: number): StripRun[] {
  if (segments === 0) return [];
  const inAll = (of: (places: Places) => Ranges): Ranges =>
    renditions.map(of).reduce((all, ranges) => intersection(all, ranges), [[0, segments]] as Ranges);
  const bucket = inAll((places) => places.bucket);
  const safe = inAll(({ bucket, nodes }) => {
    const held = Object.values(nodes);
    return unionOf(bucket, difference(unionOf(...held), heldOnce(held)));
  });
  const present = inAll(({ bucket, nodes }) => unionOf(bucket, ...Object.values(nodes)));
  const bySource: [Ranges, StripSource][] = [
    [difference([[0, segments]], present), 'absent'],
    [difference(present, safe), 'node'],
    [difference(safe, bucket), 'nodes'],
    [bucket, 'bucket'],
  ];
  const runs = bySource
    .flatMap(([ranges, source]) => ranges.map(([, to]): StripRun => [to, source]))
    .sort(([a], [b]) => a - b);
  return runs.length <= mostRuns ? runs : coarse(runs, segments);
}

function coarse(runs: readonly StripRun[], segments: number): StripRun[] {
  const result: [number, StripSource][] = [];
  let index = 0;
  for (let part = 0; part < mostRuns; part += 1) {
    const to = Math.ceil(((part + 1) * segments) / mostRuns);
    let worst = stripSources.length - 1;
    for (; index < runs.length; index += 1) {
      const [end, source] = runs[index] ?? [segments, 'absent'];
      worst = Math.min(worst, stripSources.indexOf(source));
      if (end > to) break;
      if (end === to) {
        index += 1;
        break;
      }
    }
    const source = stripSources[worst] ?? 'absent';
    const last = result.at(-1);
    if (last?.[1] === source) last[0] = to;
    else result.push([to, source]);
  }
  return result;
}
