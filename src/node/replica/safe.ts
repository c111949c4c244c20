import { setTimeout as delay } from 'node:timers/promises';
import type { Catalog } from '../../catalog/connect.ts';
import { liveNodes } from '../../catalog/nodes.ts';
import { difference, unionOf } from '../../catalog/ranges.ts';
import { uncopiedHoldings } from '../../catalog/uncopied.ts';
import type { Log } from '../../ops/log.ts';

/** Rows looked at; a node with more waits for the bucket. */
const mostRows = 5000;

/** What looking needs. */
interface SafeOptions {
  readonly catalog: Catalog;
  readonly nodeId: string;
  readonly leaseSeconds: number;
  readonly log: Log;
}

/**
 * Whether this node holds something that the bucket does not, and a node that stays holds all of that. Where the bucket has everything
 * there is nothing to wait for but what copying ends by itself.
 */
async function isReplicated({ catalog, nodeId, leaseSeconds }: SafeOptions): Promise<boolean> {
  const [rows, nodes] = await Promise.all([
    uncopiedHoldings(catalog.db, mostRows),
    liveNodes(catalog.db, leaseSeconds),
  ]);
  if (rows.length === mostRows) return false;
  const staying = new Set(
    nodes.filter(({ id, state }) => state === 'ready' && id !== nodeId).map(({ id }) => id),
  );
  const mine = rows.filter(({ place }) => place === nodeId);
  return (
    mine.length > 0 &&
    mine.every((row) => {
      const elsewhere = rows
        .filter(
          ({ renderId, rendition, place }) =>
            renderId === row.renderId && rendition === row.rendition && staying.has(place),
        )
        .map(({ segments }) => segments);
      return difference(row.segments, unionOf(row.stored, ...elsewhere)).length === 0;
    })
  );
}

/** A signal that aborts once nothing would be lost with this node, by the rows. Looks each lease time, until `ended`. */
export function whenReplicated(options: SafeOptions, ended: AbortSignal): AbortSignal {
  const safe = new AbortController();
  const look = async (): Promise<void> => {
    while (!ended.aborted) {
      await delay(options.leaseSeconds * 1000, undefined, { signal: ended }).catch(() => undefined);
      if (ended.aborted) return;
      // Without the catalog nothing is known to be safe.
      if (!(await isReplicated(options).catch(() => false))) continue;
      options.log.info('everything that the bucket does not have is held by other nodes');
      return safe.abort();
    }
  };
  void look();
  return safe.signal;
}
