import { bucketPlace } from '../catalog/bucket-place.ts';
import type { Db } from '../catalog/connect.ts';
import { type CopyRow, copiesOf } from '../catalog/copies.ts';
import type { Lease } from '../catalog/leases.ts';
import { liveNodes } from '../catalog/nodes.ts';
import { type Ranges, unionOf } from '../catalog/ranges.ts';
import type { RenderRow } from '../catalog/videos.ts';
import { parsePinnedDescription } from '../description/parse.ts';
import type { PinnedDescription } from '../description/schema.ts';
import { type Grid, gridOf } from '../grid/grid.ts';
import { SegueError } from '../ops/errors.ts';
import type { TraceHeaders } from '../ops/trace.ts';
import { profileNamed, type Rendition, renditionsOf } from '../render/profile.ts';

/** Renditions of one segment that somebody waits for. Times in monotonic milliseconds. */
interface Want {
  readonly since: number;
  /** When it was last asked for: whoever waits asks again. */
  askedAt: number;
  readonly renditions: Set<string>;
  /** The span of the first request. */
  readonly trace: TraceHeaders | undefined;
}

/** How often each segment failed in a row. What only some want is counted apart: it cannot fail the video. */
export interface Failures {
  /** Of what every viewer gets. */
  readonly eager: Map<number, number>;
  readonly onDemand: Map<number, number>;
  /** Segments that failed while both were made by one process: from then on each is made by itself. */
  readonly apart: Set<number>;
}

/** A render that this node holds the lease of, with everything that changes while it is made. */
export interface HeldRender {
  readonly lease: Lease;
  readonly row: RenderRow;
  readonly description: PinnedDescription;
  readonly grid: Grid;
  readonly renditions: readonly Rendition[];
  /** Names of the renditions that are made without being asked for. */
  readonly eager: ReadonlySet<string>;
  /** By rendition: segments that need no making, because they are here, in the bucket or on another live node. */
  readonly present: Map<string, Ranges>;
  /** Grows with each change to `present`: what was read before a change is not written over it. */
  presentVersion: number;
  /** By number: what somebody waits for. */
  readonly wanted: Map<number, Want>;
  /** Renditions made on demand, with the time they were last asked for. */
  readonly asked: Map<string, number>;
  readonly making: Map<number, AbortController>;
  readonly resting: Map<number, number>;
  readonly failures: Failures;
  /** The span of the request that came last: what is made unasked is connected with it. */
  trace: TraceHeaders | undefined;
  playhead: number;
  /** When this node was last asked for anything of the render (monotonic milliseconds). */
  lastDemandAt: number;
  /** When a viewer was last served a segment from here; before that, nobody plays. */
  lastPlayedAt: number;
}

/**
 * What is made of a render: its description, grid and renditions.
 * @throws SegueError `no_node` where this version's profile is not the one it was begun with
 */
export function readRender(row: RenderRow): Pick<HeldRender, 'description' | 'grid' | 'renditions'> {
  const description = parsePinnedDescription(JSON.parse(row.description));
  const grid = gridOf(row.frameRate, row.frameCount);
  const names = new Set(row.renditions.map(({ name }) => name));
  const profile = profileNamed(row.profile);
  if (profile === undefined) {
    throw new SegueError('no_node', `This node does not know the profile ${row.profile}`, {
      hint: 'Give all nodes the same version.',
    });
  }
  const renditions = renditionsOf({ ...description.size, frameRate: row.frameRate }, profile).filter(
    (rendition) => names.has(rendition.name),
  );
  if (renditions.length !== names.size) {
    throw new SegueError('no_node', `This node's profile ${row.profile} has other renditions`, {
      hint: 'Give all nodes the same version.',
    });
  }
  return { description, grid, renditions };
}

/** Reads what a newly leased render needs: description, grid, renditions, and which segments exist somewhere already. */
export async function openHeldRender(
  db: Db,
  row: RenderRow,
  lease: Lease,
  { now, liveSeconds }: { now: number; liveSeconds: number },
): Promise<HeldRender> {
  const read = readRender(row);
  const [copies, nodes] = await Promise.all([copiesOf(db, row.renderId), liveNodes(db, liveSeconds)]);
  const places = new Set([bucketPlace, lease.nodeId, ...nodes.map((node) => node.id)]);
  return {
    lease,
    row,
    ...read,
    eager: new Set(row.renditions.filter(({ onDemand }) => onDemand !== true).map(({ name }) => name)),
    present: presentIn(copies, places),
    presentVersion: 0,
    wanted: new Map(),
    asked: new Map(),
    making: new Map(),
    resting: new Map(),
    failures: { eager: new Map(), onDemand: new Map(), apart: new Set() },
    trace: undefined,
    playhead: 0,
    lastDemandAt: now,
    lastPlayedAt: Number.NEGATIVE_INFINITY,
  };
}

/** By rendition: segments that are at one of the places. */
export function presentIn(copies: readonly CopyRow[], places: ReadonlySet<string>): Map<string, Ranges> {
  const present = new Map<string, Ranges>();
  for (const { rendition, place, segments } of copies) {
    if (places.has(place)) present.set(rendition, unionOf(present.get(rendition) ?? [], segments));
  }
  return present;
}
