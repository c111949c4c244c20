import { bucketPlace } from '../src/catalog/bucket-place.ts';
import type { CopyRow } from '../src/catalog/copies.ts';
import { countOf, difference, heldOnce, type Ranges, unionOf } from '../src/catalog/ranges.ts';
import { type Grid, segmentCount, segmentDuration, segmentStart, targetDuration } from '../src/grid/grid.ts';
import { type RenditionKind, segmentsOf } from '../src/rendition/kind.ts';
import { pathOf, type RenderFacts } from './render-facts.ts';

/** How far a video is: nothing made yet, being made, all made, all in the bucket, or impossible. */
type VideoState = 'waiting' | 'rendering' | 'rendered' | 'stored' | 'failed';

/** Where the segments of one rendition are. Ranges are half-open `[from, to)`. */
interface RenditionStatus {
  readonly name: string;
  /** Name in URLs. */
  readonly path: string;
  readonly kind: RenditionKind;
  /** Made only once somebody asks for it: the video counts as complete without it. */
  readonly onDemand: boolean;
  /** Number of its segments. */
  readonly segments: number;
  readonly bucket: Ranges;
  /** By id of a live node. */
  readonly nodes: Readonly<Record<string, Ranges>>;
  /** Segments that no live place has. */
  readonly absent: Ranges;
}

/** The status of a render, computed from its copies. */
export interface RenderStatus {
  readonly state: VideoState;
  readonly renditions: readonly RenditionStatus[];
  /** Seconds of playable media whose only copy is one node. */
  readonly exposureSeconds: number;
}

/** What the status of a render depends on, beside its copies. */
type StatusFacts = Pick<RenderFacts, 'generation' | 'grid' | 'onDemand' | 'state'> & {
  readonly renditions: readonly { readonly name: string; readonly kind: RenditionKind }[];
};

/** Computes the status of a render. Copies of nodes that are not live do not count. */
export function statusOf(
  facts: StatusFacts,
  copies: readonly CopyRow[],
  liveNodes: ReadonlySet<string>,
): RenderStatus {
  const renditions = facts.renditions.map(({ name, kind }): RenditionStatus => {
    const segments = segmentsOf({ name, kind }, segmentCount(facts.grid));
    const rows = copies.filter((row) => row.rendition === name && countOf(row.segments) > 0);
    const bucket = rows.find((row) => row.place === bucketPlace)?.segments ?? [];
    const nodes = rows.filter((row) => liveNodes.has(row.place));
    return {
      name,
      path: pathOf(facts, name),
      kind,
      onDemand: facts.onDemand.has(name),
      segments,
      bucket,
      nodes: Object.fromEntries(nodes.map((row) => [row.place, row.segments])),
      absent: difference([[0, segments]], unionOf(bucket, ...nodes.map((row) => row.segments))),
    };
  });
  return { state: stateOf(facts, renditions), renditions, exposureSeconds: exposure(facts, renditions) };
}

function stateOf(facts: StatusFacts, renditions: readonly RenditionStatus[]): VideoState {
  const needed = renditions.filter(({ onDemand }) => !onDemand);
  if (needed.every(({ bucket, segments }) => countOf(bucket) === segments)) return 'stored';
  if (facts.state === 'failed') return 'failed';
  if (needed.every(({ absent }) => absent.length === 0)) return 'rendered';
  return renditions.some(({ absent, segments }) => countOf(absent) < segments) ? 'rendering' : 'waiting';
}

/** A segment is exposed when sound or picture of it would be lost with one node. Stills are no media that plays. */
function exposure(facts: StatusFacts, all: readonly RenditionStatus[]): number {
  const renditions = all.filter(({ kind }) => kind === 'video' || kind === 'audio');
  const exposed = renditions.map(({ bucket, nodes }) => difference(heldOnce(Object.values(nodes)), bucket));
  return secondsOf(facts.grid, unionOf(...exposed));
}

/** Seconds that segments last, to the microsecond. */
export function secondsOf(grid: Grid, segments: Ranges): number {
  const start = (n: number): number => segmentStart(grid, 'video', n);
  const seconds = segments.reduce((sum, [from, to]) => sum + start(to) - start(from), 0);
  return Math.round(seconds * 1e6) / 1e6;
}

/** The grid as clients see it: durations in seconds, run-length encoded, because most are alike. */
export function gridSummary(facts: RenderFacts): {
  segments: number;
  targetDuration: number;
  runs: { from: number; to: number; seconds: number }[];
} {
  const count = segmentCount(facts.grid);
  const seconds = (n: number): number => Math.round(segmentDuration(facts.grid, 'video', n) * 1e6) / 1e6;
  const runs: { from: number; to: number; seconds: number }[] = [];
  for (let n = 0; n < count; n += 1) {
    const last = runs.at(-1);
    if (last !== undefined && last.seconds === seconds(n)) last.to = n + 1;
    else runs.push({ from: n, to: n + 1, seconds: seconds(n) });
  }
  return { segments: count, targetDuration: targetDuration(facts.grid), runs };
}
