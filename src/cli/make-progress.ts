type Range = readonly [number, number];

/** What progress is made of: where the segments of each rendition are. */
interface SegmentStatus {
  readonly renditions: readonly {
    readonly segments: number;
    readonly onDemand: boolean;
    readonly bucket: readonly Range[];
    /** At no place. */
    readonly absent: readonly Range[];
  }[];
  readonly exposureSeconds: number;
}

/** How far a video is, in segments of all renditions together that are made without being asked for. */
export interface MakeProgress {
  readonly total: number;
  /** Segments that some place holds. */
  readonly rendered: number;
  /** Segments in the bucket. */
  readonly copied: number;
  readonly exposureSeconds: number;
  /** Everything is in the bucket. */
  readonly done: boolean;
}

/** Sums up a status. */
export function progressOf({ renditions: all, exposureSeconds }: SegmentStatus): MakeProgress {
  const renditions = all.filter(({ onDemand }) => !onDemand);
  const total = sum(renditions, ({ segments }) => segments);
  const rendered = sum(renditions, ({ segments, absent }) => segments - covered(absent));
  const copied = sum(renditions, ({ bucket }) => covered(bucket));
  return { total, rendered, copied, exposureSeconds, done: total > 0 && copied >= total };
}

/** How many numbers lie in at least one of these ranges. */
export function covered(ranges: readonly Range[]): number {
  let count = 0;
  let end = 0;
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    count += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return count;
}

const sum = <T>(list: readonly T[], of: (one: T) => number): number =>
  list.reduce((total, one) => total + of(one), 0);
