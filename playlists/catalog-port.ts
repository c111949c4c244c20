import { sql } from 'drizzle-orm';
import { liveCalibrations } from '../src/catalog/calibrations.ts';
import type { Catalog } from '../src/catalog/connect.ts';
import { copiesOf } from '../src/catalog/copies.ts';
import { currentHead } from '../src/catalog/heads.ts';
import { activeRenders, leaseOf } from '../src/catalog/leases.ts';
import { locate } from '../src/catalog/locate.ts';
import { allNodes, suspectNode } from '../src/catalog/nodes.ts';
import { policyOf, setPolicy } from '../src/catalog/policy.ts';
import { sizesOf } from '../src/catalog/sizes.ts';
import { initOf, insertVideo, renderById, renderOfGeneration } from '../src/catalog/videos.ts';
import { accessCatalog } from './access-catalog.ts';
import { budgetCatalog } from './budget-catalog.ts';
import { overviewCatalog } from './overview/overview-catalog.ts';
import type { CatalogPort } from './ports.ts';
import { streamCatalog } from './stream-catalog.ts';

/**
 * The catalog as the service sees it. `liveSeconds`: age of a heartbeat after which a node counts as dead. `queryMs`: a
 * query that takes longer counts as failed; after one that did, the next get a tenth of it, so that a database that does
 * not answer holds up no request.
 */
export function catalogPort({ db }: Pick<Catalog, 'db'>, liveSeconds: number, queryMs: number): CatalogPort {
  let silent = false;
  const within = async <T>(query: PromiseLike<T>): Promise<T> => {
    const late = Promise.withResolvers<never>();
    const limit = silent ? queryMs / 10 : queryMs;
    const timer = setTimeout(() => {
      silent = true;
      late.reject(new Error(`No answer within ${limit} ms`));
    }, limit);
    try {
      const answer = await Promise.race([query, late.promise]);
      silent = false;
      return answer;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    currentHead: (videoId) => within(currentHead(db, videoId)),
    renderOfGeneration: (videoId, generation) => within(renderOfGeneration(db, videoId, generation)),
    renderById: (renderId) => within(renderById(db, renderId)),
    initOf: (renderId, rendition) => within(initOf(db, renderId, rendition)),
    copiesOf: (renderId) => within(copiesOf(db, renderId)),
    sizesOf: (renderId) => within(sizesOf(db, renderId)),
    locate: (renderId, rendition, n) => within(locate(db, renderId, rendition, n, liveSeconds)),
    leaseOf: (renderId) => within(leaseOf(db, renderId)),
    isActive: async (renderId) => (await within(activeRenders(db, [renderId]))).has(renderId),
    insertVideo: (video, render) => within(insertVideo(db, video, render)),
    nodes: () => within(allNodes(db, liveSeconds)),
    suspectNode: (nodeId, url) => within(suspectNode(db, nodeId, url)),
    calibrations: () => within(liveCalibrations(db, liveSeconds)),
    budgets: budgetCatalog(db, within),
    access: accessCatalog(db, within),
    policy: () => within(policyOf(db)),
    setPolicy: (policy) => within(setPolicy(db, policy)),
    streams: streamCatalog(db, within),
    overview: overviewCatalog(db, within),
    ping: async () => {
      // Asks a table, so that a database without the schema does not count as ready.
      await within(db.execute(sql`SELECT 1 FROM nodes LIMIT 1`));
    },
  };
}
