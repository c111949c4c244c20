import type { NodeAddress, Ports } from './ports.ts';

/** A call that takes longer, in milliseconds, is looked after: the node may have stopped without closing its connections. */
const lookMs = 500;

/**
 * Calls a node, and gives the call up (by the signal that `call` gets) once the catalog no longer counts the node among the
 * live ones: a process that hangs, or a machine that is cut off, refuses nothing and answers nothing. While the catalog is
 * away the node is believed to live.
 */
export async function whileLive<T>(
  { catalog }: Pick<Ports, 'catalog'>,
  node: NodeAddress,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const gone = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  const lookLater = (): void => {
    timer = setTimeout(() => void look(), lookMs);
  };
  const look = async (): Promise<void> => {
    const nodes = await catalog.nodes().catch(() => undefined);
    if (isOver) return;
    const seen = nodes?.find(({ id }) => id === node.id);
    if (nodes !== undefined && (seen === undefined || seen.state === 'dead')) {
      gone.abort(new DOMException(`Node ${node.id} has ceased to say that it lives`, 'AbortError'));
      return;
    }
    lookLater();
  };
  lookLater();
  try {
    return await call(gone.signal);
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}
