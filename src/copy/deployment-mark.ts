import type { Catalog } from '../catalog/connect.ts';
import { deploymentId } from '../catalog/deployment.ts';
import type { Log } from '../ops/log.ts';
import { type Loop, startLoop } from '../ops/loop.ts';
import type { Bucket } from '../store/bucket.ts';
import { deploymentName, deploymentsPrefix } from '../store/names.ts';

/** What leaving a mark needs. */
export interface MarkOptions {
  readonly catalog: Catalog;
  readonly bucket: Pick<Bucket, 'list' | 'put'>;
  readonly log: Log;
}

/** Other deployments told of. */
const mostOthers = 20;
/** Whoever removes the mark of a deployment that lives is put right after so long, in milliseconds. */
const markMs = 3_600_000;

/** What a mark says to the operator who finds it. Never changes: all nodes write the same. */
const text = (
  id: string,
): string => `A deployment of Segue keeps its renders in this bucket: the one whose database has
  SELECT id FROM deployment
  ${id}
While this object is here, other deployments remove no orphans from the bucket.
If that deployment is gone for good, delete this object. If it lives, it writes it again.
`;

/**
 * Leaves the mark of this deployment in the bucket, and returns the marks of others. What one stores is orphans to the other, and
 * nothing is removed that was not told of by an earlier sweep: a mark that comes with the first objects comes early enough.
 */
export async function markBucket(
  { catalog, bucket }: Pick<MarkOptions, 'catalog' | 'bucket'>,
  signal: AbortSignal,
): Promise<string[]> {
  const id = await deploymentId(catalog.db);
  const own = deploymentName(id);
  const others: string[] = [];
  let isThere = false;
  for await (const { key } of bucket.list(deploymentsPrefix, signal)) {
    if (key === own) isThere = true;
    else if (others.length < mostOthers) others.push(key);
  }
  const data = Buffer.from(text(id));
  const mark = { key: own, data, contentType: 'text/plain; charset=utf-8', cacheControl: 'no-store' };
  if (!isThere) await bucket.put(mark, signal);
  return others;
}

/** Leaves the mark as soon as the bucket answers, and again where it is gone; tells the log of others. */
export function startMarking(options: MarkOptions): Loop {
  const { log } = options;
  const step = async (signal: AbortSignal): Promise<'idle'> => {
    const others = await markBucket(options, signal);
    const hint =
      'Give each database a bucket of its own. Of a deployment that is gone for good, delete the mark.';
    if (others.length > 0)
      log.warn({ others, hint }, 'other deployments use this bucket: no orphans are removed');
    return 'idle';
  };
  return startLoop(step, { name: 'mark of the deployment', intervalMs: markMs, log });
}
