import { bucketPlace } from '../catalog/bucket-place.ts';
import { foreign } from '../catalog/foreign.ts';
import { type Ranges, unionOf } from '../catalog/ranges.ts';
import type { RenderFactsRow } from '../catalog/render-facts.ts';
import { type Grid, gridOf, segmentAt, segmentCount } from '../grid/grid.ts';
import { segmentsOf } from '../rendition/kind.ts';
import { type RenditionFacts, reachParts, type VideoFacts } from './facts.ts';
import type { Matched } from './match.ts';

/** CPU seconds that a second of video takes to render, while none of it has been. */
const assumedCost = 1;

/** Length of a video in seconds; 0: nobody knows yet. */
const secondsOf = ({ frameCount, frameRate: { num, den } }: RenderFactsRow): number =>
  (frameCount * den) / num;

/** Undefined where nobody knows the length. */
const gridOfRow = (row: RenderFactsRow): Grid | undefined =>
  row.frameCount === 0 ? undefined : gridOf(row.frameRate, row.frameCount);

function gridCount(row: RenderFactsRow): number {
  const grid = gridOfRow(row);
  return grid === undefined ? 0 : segmentCount(grid);
}

/** What rules look at. */
export function matchedOf(row: RenderFactsRow): Matched {
  const { labels, size, createdAt, made, cpuSeconds } = row;
  const [seconds, count] = [secondsOf(row), gridCount(row)];
  const cost = made > 0 ? (cpuSeconds / made) * Math.max(1, count) : seconds * assumedCost;
  return { labels, size, seconds, createdAt, cpuSeconds: cost };
}

/** Where a node stands to a video. */
export interface Here {
  readonly nodeId: string;
  /** What its disk has of a rendition. */
  readonly on: (rendition: string) => Ranges;
  /** Bytes of a segment of it that is there, on average; 0: there is none. */
  readonly segmentBytes: (rendition: string) => number;
  /** Segments that viewers were served a moment ago, by this node. */
  readonly playheads: readonly number[];
}

/** A video as the policy sees it from a node. Of what is made on demand only what was asked for is part of it. */
export function factsOfRow(row: RenderFactsRow, { nodeId, on, segmentBytes, playheads }: Here): VideoFacts {
  const grid = gridOfRow(row);
  const count = grid === undefined ? 0 : segmentCount(grid);
  const copiesOf = (rendition: string, isMeant: (place: string) => boolean): Ranges =>
    unionOf(
      ...row.copies
        .filter((copy) => copy.rendition === rendition && isMeant(copy.place))
        .map(({ segments }) => segments),
    );
  const renditions = row.renditions.flatMap((rendition): RenditionFacts[] => {
    const { name, kind, onDemand, bytes, sized } = rendition;
    const here = on(name);
    const stored = copiesOf(name, (place) => place === bucketPlace);
    const elsewhere = copiesOf(name, (place) => place !== bucketPlace && place !== nodeId);
    const all = unionOf(here, stored, elsewhere);
    if (onDemand && all.length === 0) return [];
    // Of what has no end yet there is as much as there is.
    const segments = Math.max(1, count > 0 ? segmentsOf(rendition, count) : (all.at(-1)?.[1] ?? 1));
    // Sizes of somebody else's stream are not among the rows of its renditions.
    const each = sized > 0 ? bytes / sized : segmentBytes(name);
    return [{ name, kind, onDemand, segments, bytes: each * segments, here, stored, elsewhere }];
  });
  const viewed = ['video', 'audio'].flatMap((kind) => renditions.find((one) => one.kind === kind) ?? []);
  const all = row.playhead === null ? playheads : [row.playhead, ...playheads];
  return {
    ...matchedOf(row),
    id: row.renderId,
    seconds: Math.max(0.001, secondsOf(row)),
    againCpuSeconds: row.againCpuSeconds,
    isRemakable: row.profile !== foreign,
    renditions,
    ...(grid === undefined ? {} : { segmentAt: (seconds: number) => segmentAt(grid, seconds) }),
    view: {
      bytes: viewed.reduce((sum, { bytes }) => sum + bytes, 0),
      objects: viewed.reduce((sum, { segments }) => sum + segments, 0),
    },
    demand: {
      viewers: row.demand?.viewers ?? 0,
      minutesWatched: row.demand?.minutesWatched ?? 0,
      reach: row.demand?.reach ?? nobody,
      lastAt: row.demand?.lastAt ?? null,
      playheads: all.map((n) => Math.min(1, n / Math.max(1, count))),
    },
  };
}

const nobody: readonly number[] = Array.from({ length: reachParts }, () => 0);
