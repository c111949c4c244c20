import type { Catalog } from '../../catalog/connect.ts';
import { rangesOf } from '../../catalog/ranges.ts';
import { type RenderFactsRow, renderFacts } from '../../catalog/render-facts.ts';
import type { NodeFacts, VideoFacts } from '../../policy/facts.ts';
import { factsOfRow } from '../../policy/facts-of-row.ts';
import type { Forecast } from '../../policy/forecast/learner.ts';
import type { DiskStore } from '../../store/disk.ts';
import type { DiskRendition } from '../../store/disk-folder.ts';
import { type ReplicaNode, troubleOf } from '../replica/plan.ts';
import type { MachineLoad } from './load.ts';
import type { PolicyWatch } from './watch.ts';
import type { Watching } from './watching.ts';

/** Where what a node knows comes from. */
export interface LooksOptions {
  readonly catalog: Catalog;
  readonly nodeId: string;
  readonly leaseSeconds: number;
  readonly disk: DiskStore;
  readonly watch: Pick<PolicyWatch, 'current'>;
  readonly forecast: Forecast;
  readonly watching: Watching;
  readonly load: () => MachineLoad;
  /** This node as it announces itself. */
  readonly self: () => ReplicaNode;
  /** Seconds after its last viewer at which space makes a video leave the disk, as things go. */
  readonly evictedAfterSeconds: () => number;
}

/** A render on this node: what the catalog says, and what the policy decides by. */
export interface Looked {
  readonly row: RenderFactsRow;
  readonly facts: VideoFacts;
}

/** Looks at renders and at this node as the policy sees them. */
export interface Looks {
  /** Renders that the catalog knows, of those asked for. */
  videos(renderIds: readonly string[]): Promise<Looked[]>;
  node(): NodeFacts;
  /** Why this node may not last; undefined: it is in no trouble. */
  trouble(): string | undefined;
}

/** See {@link Looks}. */
export function looks(options: LooksOptions): Looks {
  const { catalog, nodeId, leaseSeconds, disk, watching } = options;
  const trouble = (): string | undefined =>
    troubleOf(options.self(), options.watch.current.policy, Date.now());
  return {
    trouble,
    node() {
      return { ...options.load(), trouble: trouble(), evictedAfterSeconds: options.evictedAfterSeconds() };
    },
    async videos(renderIds) {
      const rows = await renderFacts(catalog.db, renderIds, leaseSeconds);
      return [...rows.values()].map((row) => {
        const held = disk.held(row.renderId);
        const on = (rendition: string) => rangesOf(held.get(rendition)?.keys() ?? []);
        const segmentBytes = (rendition: string) => meanBytes(held.get(rendition));
        const playheads = watching.playheads(row.renderId);
        return { row, facts: factsOfRow(row, { nodeId, on, segmentBytes, playheads }) };
      });
    },
  };
}

function meanBytes(segments: DiskRendition | undefined): number {
  let bytes = 0;
  for (const segment of segments?.values() ?? []) bytes += segment.bytes;
  return segments === undefined ? 0 : bytes / segments.size;
}
