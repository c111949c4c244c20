import type { Ranges } from '../catalog/ranges.ts';

/** A rendition of a video, as far as its copies are concerned. Ranges are of segment numbers. */
export interface RenditionFacts {
  readonly name: string;
  readonly kind: string;
  /** Made where somebody asks for it: what of it is missing is not missed. */
  readonly onDemand?: boolean;
  /** How many it has. */
  readonly segments: number;
  /** Bytes of all of them together: measured of those that exist, estimated of the others. */
  readonly bytes: number;
  /** On the disk of this node. */
  readonly here: Ranges;
  /** In the bucket, verified. */
  readonly stored: Ranges;
  /** On other live nodes. */
  readonly elsewhere: Ranges;
}

/** Into so many equal parts the length of a video is cut, to count how far it is watched. */
export const reachParts = 16;

/** Who has watched a video. Times in milliseconds since 1970. */
export interface Demand {
  /** Distinct viewers, as well as they can be told apart. */
  readonly viewers: number;
  readonly minutesWatched: number;
  /** How often each of {@link reachParts} parts was watched. */
  readonly reach: readonly number[];
  /** When somebody last watched it; null: nobody has. */
  readonly lastAt: number | null;
  /** Where those are who watch it now, as parts of its length, 0 to 1. */
  readonly playheads: readonly number[];
}

/** A video on a node, as far as decisions about its copies depend on it. Times in milliseconds since 1970. */
export interface VideoFacts {
  readonly id: string;
  readonly labels: readonly string[];
  /** Length in seconds. */
  readonly seconds: number;
  /** Shorter side of the picture in pixels. */
  readonly size: number;
  /** When it was first posted. */
  readonly createdAt: number;
  /** CPU seconds that rendering it takes, all renditions together. */
  readonly cpuSeconds: number;
  /** CPU seconds that went into rendering again what had been rendered before. */
  readonly againCpuSeconds: number;
  /** Whether its segments can be rendered again; those of a foreign stream cannot. */
  readonly isRemakable: boolean;
  readonly renditions: readonly RenditionFacts[];
  /** Number of the segment that plays at a time, in seconds. Absent: all segments are of one length. */
  readonly segmentAt?: (seconds: number) => number;
  /** What one whole view transfers. */
  readonly view: { readonly bytes: number; readonly objects: number };
  readonly demand: Demand;
}

/** The node that decides. */
export interface NodeFacts {
  /** Why it may not last; undefined: it is in no trouble. */
  readonly trouble?: string | undefined;
  /** Used part of the CPUs, 0 to 1. */
  readonly cpu: number;
  /** Part of the time in which the disk works, 0 to 1. */
  readonly disk: number;
  /** Bytes a second, in and out. */
  readonly network: number;
  /** Seconds after its last viewer at which space makes a video leave the disk, as things go; Infinity: there is room. */
  readonly evictedAfterSeconds: number;
}

/** Whole segments of a rendition. */
export interface RenditionRanges {
  readonly name: string;
  readonly ranges: Ranges;
}
