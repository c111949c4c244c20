import { difference, numbersIn, type Ranges, unionOf } from '../../catalog/ranges.ts';
import type { UncopiedRow } from '../../catalog/uncopied.ts';
import type { CopyTask } from '../../copy/task.ts';
import type { ReplicaMode } from '../../policy/document/replicas.ts';
import type { Policy } from '../../policy/policy.ts';
import { type Candidate, placeRender } from '../placement.ts';

/** A live node, as far as replicas are concerned. */
export interface ReplicaNode extends Candidate {
  readonly url: string;
  readonly load: Candidate['load'] & {
    /** Part of its disk that is used, 0 to 1. */
    readonly diskUsed?: number;
    /** 1: its disk, or what it may have of it, is nearly used up. */
    readonly tight?: number;
    /** Part of its last segments that failed, 0 to 1. */
    readonly failures?: number;
  };
}

/** A segment that this node is to hold as well. */
export interface ReplicaTask {
  readonly renderId: string;
  readonly rendition: string;
  readonly container: UncopiedRow['container'];
  readonly n: number;
  /** Who has it. */
  readonly from: ReplicaNode;
  /** Rather rendered than pulled. */
  readonly isRendered: boolean;
}

/** What a plan is made of. */
export interface ReplicaView {
  readonly rows: readonly UncopiedRow[];
  /** Live nodes, this one among them. */
  readonly nodes: readonly ReplicaNode[];
  readonly nodeId: string;
  readonly policy: Policy;
  /** Modes of renders that a rule says something else of than the policy for all. */
  readonly modes?: ReadonlyMap<string, ReplicaMode>;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Why a node may not last: it drains, its disk is nearly full, much of what it makes fails, or operators expect trouble; undefined: it may. */
export function troubleOf(
  { state, load }: Pick<ReplicaNode, 'state' | 'load'>,
  { replicas, trouble }: Policy,
  now: number,
): string | undefined {
  const expected = replicas.expectTroubleUntil;
  if (state === 'draining') return 'it drains';
  if (expected !== null && now < Date.parse(expected)) return `trouble is expected until ${expected}`;
  if (load.tight === 1 || (load.diskUsed ?? 0) >= trouble.diskUsed) return 'its disk is nearly full';
  if ((load.failures ?? 0) >= trouble.failures) return 'much of what it makes fails';
  return undefined;
}

/** Whether there is any such reason. */
export const isInTrouble = (...args: Parameters<typeof troubleOf>): boolean =>
  troubleOf(...args) !== undefined;

/**
 * Segments of which the loss of one node would take the only copy, and that this node is to hold too; at most `limit`, in play
 * order. The replica of a render has one place, by rendezvous hashing over the other nodes that have room, so that of many
 * nodes one makes it. What two nodes or the bucket have is left alone.
 */
export function replicaTasks(view: ReplicaView, limit: number): ReplicaTask[] {
  const { nodes, nodeId, policy, now, modes } = view;
  const live = new Map(nodes.map((node) => [node.id, node]));
  const room = nodes.filter(({ load }) => load.tight !== 1 && (load.diskUsed ?? 0) < policy.trouble.diskUsed);
  const tasks: ReplicaTask[] = [];
  for (const [render, rows] of Map.groupBy(view.rows, ({ renderId }) => renderId)) {
    const mode = modes?.get(render) ?? policy.replicas.mode;
    if (mode === 'none') continue;
    const held = rows.filter(({ place }) => live.has(place));
    const source = sourceOf(held);
    const from = live.get(source ?? '');
    if (from === undefined || from.id === nodeId) continue;
    if (mode === 'on-trouble' && !isInTrouble(from, policy, now)) continue;
    if (placeRender(held[0]?.renderId ?? '', room, new Set([from.id]))?.id !== nodeId) continue;
    const [theirs, others] = [
      held.filter(({ place }) => place === from.id),
      held.filter(({ place }) => place !== from.id),
    ];
    for (const { renderId, rendition, container, segments, stored } of theirs) {
      const elsewhere = others.filter((row) => row.rendition === rendition).map((row) => row.segments);
      const alone = difference(segments, unionOf(stored, ...elsewhere));
      for (const n of numbersIn(alone))
        tasks.push({ renderId, rendition, container, n, from, isRendered: mode === 'render' });
    }
  }
  return tasks.toSorted((a, b) => a.n - b.n).slice(0, limit);
}

/** Whose loss would cost most: the holder of the lease, else whoever holds most. */
function sourceOf(rows: readonly UncopiedRow[]): string | undefined {
  const holder = rows[0]?.holder;
  if (rows.some(({ place }) => place === holder)) return holder ?? undefined;
  const sizes = new Map<string, number>();
  for (const { place, segments } of rows) sizes.set(place, (sizes.get(place) ?? 0) + sizeOf(segments));
  return [...sizes].toSorted(([a, x], [b, y]) => y - x || a.localeCompare(b))[0]?.[0];
}

const sizeOf = (ranges: Ranges): number => ranges.reduce((sum, [from, to]) => sum + to - from, 0);

/**
 * Segments that this node is to copy to the bucket, though it was not it that made them or was told to: whoever made them is
 * gone. Of several that hold them the first by id does it.
 */
export function strayCopies({
  rows,
  nodes,
  nodeId,
}: Pick<ReplicaView, 'rows' | 'nodes' | 'nodeId'>): CopyTask[] {
  const live = new Set(nodes.map(({ id }) => id));
  return rows
    .filter(({ place }) => place === nodeId)
    .flatMap((row) => {
      const { renderId, rendition, kind, container } = row;
      const others = rows.filter(
        (other) =>
          other.renderId === renderId &&
          other.rendition === rendition &&
          live.has(other.place) &&
          (other.place < nodeId || other.place === other.holder) &&
          other.place !== nodeId,
      );
      const left = difference(row.segments, unionOf(row.stored, ...others.map(({ segments }) => segments)));
      return [...numbersIn(left)].map((n) => ({ renderId, rendition, kind, container, n }));
    });
}
