import type { NodeFacts } from '../policy/facts.ts';
import type { VideoState } from './video-state.ts';

/** Assumptions about each node of a simulation. */
export const nodeAssumptions = {
  /** CPUs. */
  cpus: 4,
  /** Bytes a second to the bucket. */
  copyRate: 50_000_000,
  /** Bytes a second of a whole line: idleness is a part of it. */
  lineRate: 125_000_000,
} as const;

/** What counts as the load of now is what was done within about this time, in seconds. */
const loadSeconds = 300;

/** A node in a simulation. Times in seconds of the trace. */
export interface NodeState {
  readonly number: number;
  /** Until then it is away. */
  awayUntil: number;
  /** Until then it is in trouble. */
  troubleUntil: number;
  /** Counts its losses: what was under way at an earlier one never arrives. */
  life: number;
  /** Bytes on its disk. */
  used: number;
  readonly videos: Set<VideoState>;
  /** Until then its line to the bucket is taken. */
  copyingUntil: number;
  /** CPU seconds and bytes of lately, each as of `loadAt`. */
  cpu: number;
  bytes: number;
  loadAt: number;
  /** Seconds after its last viewer at which a video left the disk for want of space, when that last happened. */
  evictedAfter: number;
  evictedAt: number;
}

/** Nodes with empty disks. */
export const newNodes = (count: number): NodeState[] =>
  Array.from({ length: count }, (_, number) => ({
    number,
    awayUntil: 0,
    troubleUntil: 0,
    life: 0,
    used: 0,
    videos: new Set<VideoState>(),
    copyingUntil: 0,
    cpu: 0,
    bytes: 0,
    loadAt: 0,
    evictedAfter: Number.POSITIVE_INFINITY,
    evictedAt: Number.NEGATIVE_INFINITY,
  }));

/** Notes work that a node does. */
export function noteLoad(node: NodeState, at: number, cpuSeconds: number, bytes: number): void {
  const faded = Math.exp((node.loadAt - at) / loadSeconds);
  node.cpu = node.cpu * faded + cpuSeconds;
  node.bytes = node.bytes * faded + bytes;
  node.loadAt = at;
}

/** The node as the policy sees it. */
export function nodeFactsOf(node: NodeState, at: number): NodeFacts {
  const faded = Math.exp((node.loadAt - at) / loadSeconds);
  const network = (node.bytes * faded) / loadSeconds;
  // Space was wanted lately, as seen from how long things had been lying there.
  const isPressed = at - node.evictedAt < 2 * node.evictedAfter;
  return {
    trouble: node.troubleUntil > at ? 'trouble was told' : undefined,
    cpu: Math.min(1, (node.cpu * faded) / loadSeconds / nodeAssumptions.cpus),
    disk: Math.min(1, network / nodeAssumptions.lineRate),
    network,
    evictedAfterSeconds: isPressed ? node.evictedAfter : Number.POSITIVE_INFINITY,
  };
}

/**
 * The node that renders a video: the first in an order of its own that is there, and in no trouble if there is one. Where all are away,
 * the one that is back first: somebody waits for it.
 */
export function nodeFor(nodes: readonly NodeState[], video: number, at: number): NodeState | undefined {
  let second: NodeState | undefined;
  for (let tries = 0; tries < nodes.length; tries += 1) {
    const node = nodes[(video + tries) % nodes.length];
    if (node === undefined) continue;
    if (node.awayUntil <= at && node.troubleUntil <= at) return node;
    if (second === undefined || Math.max(at, node.awayUntil) < Math.max(at, second.awayUntil)) second = node;
  }
  return second;
}
