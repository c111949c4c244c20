import type { Catalog } from '../../catalog/connect.ts';
import { expireStored, storedUnwatched } from '../../catalog/expiry.ts';
import { renderFacts } from '../../catalog/render-facts.ts';
import type { Log } from '../../ops/log.ts';
import type { StepResult } from '../../ops/loop.ts';
import { matchedOf } from '../../policy/facts-of-row.ts';
import { ruleFor } from '../../policy/match.ts';
import type { Bucket } from '../../store/bucket.ts';
import { renderPrefix } from '../../store/names.ts';
import type { PolicyWatch } from './watch.ts';

/** What expiring needs. */
export interface ExpireOptions {
  readonly catalog: Catalog;
  readonly leaseSeconds: number;
  readonly bucket: Pick<Bucket, 'list' | 'delete'>;
  readonly watch: Pick<PolicyWatch, 'current'>;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Between two looks, in milliseconds. */
const lookMs = 600_000;
const mostAtOnce = 100;
const dayMs = 86_400_000;

/**
 * Has leave the bucket what nobody has watched for as many days as its rule says, where it can be rendered again. The rows go first: no
 * session that begins from then on is sent there. Any node does it for all.
 */
export function expiring(options: ExpireOptions): (signal: AbortSignal) => Promise<StepResult> {
  const { catalog, bucket, watch, log } = options;
  const now = options.now ?? Date.now;
  return async (signal) => {
    const { policy } = watch.current;
    const days = [...policy.rules, policy.default].flatMap(({ keep }) => keep.bucketDays ?? []);
    if (days.length === 0) return lookMs;
    const before = now() - Math.min(...days) * dayMs;
    for (let after = ''; !signal.aborted; ) {
      const page = await storedUnwatched(catalog.db, before, after, mostAtOnce);
      const rows = await renderFacts(
        catalog.db,
        page.map(({ renderId }) => renderId),
        options.leaseSeconds,
      );
      for (const { renderId, endedAt } of page) {
        const row = rows.get(renderId);
        const most = row === undefined ? null : ruleFor(policy, matchedOf(row), now()).keep.bucketDays;
        if (most === null || now() - endedAt < most * dayMs) continue;
        if (!(await expireStored(catalog.db, renderId, now() - most * dayMs))) continue;
        for await (const { key } of bucket.list(renderPrefix(renderId), signal))
          await bucket.delete(key, signal);
        log.info({ renderId, days: most }, 'unwatched for so long: has left the bucket');
      }
      after = page.at(-1)?.renderId ?? '';
      if (page.length < mostAtOnce) break;
    }
    return lookMs;
  };
}
