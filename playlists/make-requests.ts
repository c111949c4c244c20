import { placeRender } from '../src/node/placement.ts';
import { SegueError } from '../src/ops/errors.ts';
import type { NodeClient, Wish } from './node-client.ts';
import type { NodeAddress, Ports } from './ports.ts';
import { suspect } from './suspect.ts';

/** Sees to it that some live node knows that a segment is wanted. */
export interface MakeRequests {
  /**
   * Asks the holder of the lease, or else a chosen node. Does nothing while a node that was asked may still be at it.
   * Returns the id of a node that is gone or refused, which the caller then leaves out.
   * @throws SegueError `render_failed` when the render has failed or was superseded
   */
  ask(
    holder: NodeAddress | undefined,
    excluded: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<string | undefined>;
}

/** A node that accepted is asked again after this long, in milliseconds: it may have been restarted meanwhile. */
const askAgainMs = 3000;

/** Requests for one segment, while it is waited for; without `n` for any, where the init segment is; with `watch` for none. */
export function makeRequests(ports: Ports, nodes: NodeClient, wanted: Wish): MakeRequests {
  const { renderId } = wanted;
  let asked: { id: string; at: number } | undefined;

  /** Asks one node. Tells who has to be left out, or who holds the lease instead. */
  const askNode = async (
    node: NodeAddress,
    signal: AbortSignal,
  ): Promise<{ out?: string; holder?: string }> => {
    const answer = await nodes.want(node, wanted, signal);
    if (answer.kind === 'accepted') asked = { id: node.id, at: ports.now() };
    if (answer.kind === 'accepted') return {};
    if (answer.kind === 'held') return { holder: answer.holder };
    ports.onTrouble?.(`asking node ${node.id}`, answer.kind === 'gone' ? answer.cause : answer.error);
    if (answer.kind === 'gone') await suspect(ports, node);
    else if (answer.error.code === 'render_failed') throw answer.error;
    return { out: node.id };
  };

  const knownNodes = async () =>
    ports.catalog.nodes().catch((error: unknown) => {
      ports.onTrouble?.('catalog query', error);
      return [];
    });

  return {
    async ask(holder, excluded, signal) {
      const recently = asked !== undefined && ports.now() - asked.at < askAgainMs;
      if (recently && (holder === undefined || holder.id === asked?.id)) return undefined;
      await refuseFailed(ports, renderId);
      const node = holder ?? placeRender(renderId, await knownNodes(), excluded);
      if (node === undefined) return undefined;
      const first = await askNode(node, signal);
      if (first.holder === undefined || first.holder === node.id || excluded.has(first.holder))
        return first.out;
      // The lease went to another node between our look and our question. A dead holder's lease ends by itself within the
      // lease time: look again then.
      const list = await knownNodes();
      const other = list.find(({ id, state }) => id === first.holder && state !== 'dead');
      return other === undefined ? undefined : (await askNode(other, signal)).out;
    },
  };
}

async function refuseFailed(ports: Ports, renderId: string): Promise<void> {
  const active = await ports.catalog.isActive(renderId).catch((error: unknown) => {
    ports.onTrouble?.('catalog query', error);
    return true;
  });
  if (active) return;
  throw new SegueError('render_failed', 'This render cannot be finished', {
    retryable: false,
    hint: 'GET /v1/videos/{id} says why. Load the multivariant playlist again: it may list a newer render.',
  });
}
