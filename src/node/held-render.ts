import type { Db } from '../catalog/connect.ts';
import { type CopyRow, copiesOf } from '../catalog/copies.ts';
import type { Lease } from '../catalog/leases.ts';
import { liveNodes } from '../catalog/nodes.ts';
import { intersection, type Ranges, unionOf } from '../catalog/ranges.ts';
import { bucketPlace } from '../catalog/schema.ts';
import type { RenderRow } from '../catalog/videos.ts';
import { parsePinnedDescription } from '../description/parse.ts';
import type { PinnedDescription } from '../description/schema.ts';
import { type Grid, gridOf, segmentAt, segmentCount, segmentStart } from '../grid/grid.ts';
import { SegueError } from '../ops/errors.ts';
import { profileNamed, type Rendition, renditionsOf } from '../render/profile.ts';
import type { RenderDemand } from './schedule.ts';

/** A render that this node holds the lease of, with everything that changes while it is made. */
export interface HeldRender {
  readonly lease: Lease;
  readonly row: RenderRow;
  readonly description: PinnedDescription;
  readonly grid: Grid;
  readonly renditions: readonly Rendition[];
  present: Ranges;
  readonly wanted: Map<number, number>;
  readonly making: Map<number, AbortController>;
  readonly resting: Map<number, number>;
  readonly failures: Map<number, number>;
  playhead: number;
  /** When this node was last asked for anything of the render (monotonic milliseconds). */
  lastDemandAt: number;
  /** When a viewer was last served a segment from here; before that, nobody plays. */
  lastPlayedAt: number;
}

/** Reads what a newly leased render needs: description, grid, renditions, and which segments exist somewhere already. */
export async function openHeldRender(
  db: Db,
  row: RenderRow,
  lease: Lease,
  { now, liveSeconds }: { now: number; liveSeconds: number },
): Promise<HeldRender> {
  const description = parsePinnedDescription(JSON.parse(row.description));
  const grid = gridOf(row.frameRate, row.frameCount);
  const wantedNames = new Set(row.renditions.map((rendition) => rendition.name));
  const profile = profileNamed(row.profile);
  if (profile === undefined) {
    throw new SegueError('no_node', `This node does not know the profile ${row.profile}`, {
      hint: 'Give all nodes the same version.',
    });
  }
  const renditions = renditionsOf({ ...description.size, frameRate: row.frameRate }, profile).filter(
    (rendition) => wantedNames.has(rendition.name),
  );
  if (renditions.length !== wantedNames.size) {
    throw new SegueError('no_node', `This node's profile ${row.profile} has other renditions`, {
      hint: 'Give all nodes the same version.',
    });
  }
  const [copies, nodes] = await Promise.all([copiesOf(db, row.renderId), liveNodes(db, liveSeconds)]);
  const places = new Set([bucketPlace, lease.nodeId, ...nodes.map((node) => node.id)]);
  return {
    lease,
    row,
    description,
    grid,
    renditions,
    present: presentIn(copies, wantedNames, places),
    wanted: new Map(),
    making: new Map(),
    resting: new Map(),
    failures: new Map(),
    playhead: 0,
    lastDemandAt: now,
    lastPlayedAt: Number.NEGATIVE_INFINITY,
  };
}

/** Segments of which every rendition is at one of the places. */
export function presentIn(
  copies: readonly CopyRow[],
  renditions: ReadonlySet<string>,
  places: ReadonlySet<string>,
): Ranges {
  const each = [...renditions].map((name) =>
    unionOf(
      ...copies
        .filter((copy) => copy.rendition === name && places.has(copy.place))
        .map((copy) => copy.segments),
    ),
  );
  return each.reduce((all, ranges) => intersection(all, ranges), each[0] ?? []);
}

/** A viewer counts as playing for this long after it was last served, in milliseconds: longer than any player's buffer refill. */
const watchedMs = 30_000;

/** What the scheduler sees of a held render. */
export function demandOf(held: HeldRender, now: number, aheadSeconds: number): RenderDemand {
  const count = segmentCount(held.grid);
  const until = segmentStart(held.grid, 'video', held.playhead) + aheadSeconds;
  return {
    renderId: held.row.renderId,
    count,
    present: held.present,
    wanted: held.wanted,
    making: new Set(held.making.keys()),
    resting: held.resting,
    playhead: held.playhead,
    watched: now - held.lastPlayedAt < watchedMs,
    aheadLimit: segmentAt(held.grid, until) + 1,
  };
}
