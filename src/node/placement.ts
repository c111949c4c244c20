/** A node as far as choosing one for a render is concerned. */
export interface Candidate {
  readonly id: string;
  readonly state: 'ready' | 'draining' | 'dead';
  readonly load: {
    /** Renders it holds a lease of. */
    readonly renders: number;
    /** ffmpeg processes that it runs at once at most. Default 1. */
    readonly slots?: number;
    /** What the operator prefers: a node of weight 2 gets twice the share of one of weight 1. Default 1. */
    readonly weight?: number;
  };
}

/**
 * The node that a render without a holder goes to: weighted rendezvous hashing over the ready ones, so that whoever is asked
 * chooses the same, and a node that comes or goes moves nothing but its own share. The weight is the operator's, times the
 * node's slots, divided by what it has to do already: a busy node gets less of what is new. What runs is held by its lease
 * and never placed again. Undefined where no node is ready.
 */
export function placeRender<T extends Candidate>(
  renderId: string,
  nodes: readonly T[],
  excluded: ReadonlySet<string> = new Set(),
): T | undefined {
  let best: { node: T; score: number } | undefined;
  for (const node of nodes) {
    if (node.state !== 'ready' || excluded.has(node.id)) continue;
    const score = weightOf(node) / -Math.log(uniform(renderId, node.id));
    if (best === undefined || score > best.score || (score === best.score && node.id < best.node.id))
      best = { node, score };
  }
  return best?.node;
}

/** Never 0: a node that is full still takes what nobody else can. */
function weightOf({ load: { renders, slots = 1, weight = 1 } }: Candidate): number {
  return (Math.max(weight, 1e-6) * slots * slots) / (slots + renders);
}

/** A number above 0 and below 1 for each pair: FNV-1a with a final mix, even enough to spread renders over nodes. */
function uniform(renderId: string, nodeId: string): number {
  let hash = 0x811c9dc5;
  for (const character of `${renderId}\n${nodeId}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 2 ** 32;
}
