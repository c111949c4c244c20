import type { Db } from '../src/catalog/connect.ts';
import { addDemand, addViews, demandHistories, type NewDemand, type NewView } from '../src/catalog/demand.ts';
import {
  currentPolicy,
  type PolicyChange,
  type PolicyVersion,
  policyHistory,
  policyVersion,
  setPolicy,
} from '../src/catalog/policy.ts';
import { renderFacts } from '../src/catalog/render-facts.ts';
import { traceLines } from '../src/catalog/trace.ts';
import { addLabels } from '../src/catalog/videos.ts';
import { matchedOf } from '../src/policy/facts-of-row.ts';
import type { History } from '../src/policy/forecast/history.ts';
import { mostLabels } from '../src/policy/labels.ts';
import { ruleFor } from '../src/policy/match.ts';
import type { Policy } from '../src/policy/policy.ts';

/** What the service needs of the policy, and of what it is decided by. Every call may throw while the database is away. */
export interface PolicyCatalog {
  current(): Promise<PolicyVersion>;
  version(version: number): Promise<PolicyVersion | undefined>;
  history(limit: number): Promise<PolicyVersion[]>;
  /** Returns the new version; undefined where somebody else was quicker. */
  set(policy: Policy, change: PolicyChange): Promise<number | undefined>;
  /** Whether everything of a render gets to the bucket as soon as it is made, so that it is worth waiting for. */
  isCopiedWhole(renderId: string): Promise<boolean>;
  addLabels(videoId: string, labels: readonly string[]): Promise<void>;
  /** Notes who has watched what. */
  addDemand(seen: readonly NewDemand[], views: readonly NewView[]): Promise<void>;
  /** Lines of a trace file of what was watched between two times (milliseconds since 1970). */
  trace(from: number, to: number): AsyncGenerator<string>;
  /** What forecasts are learnt from. */
  seen(): Promise<ReadonlyMap<string, History>>;
}

/** See {@link PolicyCatalog}. `within` bounds the time of each query. */
export function policyCatalog(
  db: Db,
  liveSeconds: number,
  within: <T>(query: PromiseLike<T>) => Promise<T>,
): PolicyCatalog {
  return {
    current: () => within(currentPolicy(db)),
    version: (version) => within(policyVersion(db, version)),
    history: (limit) => within(policyHistory(db, limit)),
    set: (policy, change) => within(setPolicy(db, policy, change)),
    async isCopiedWhole(renderId) {
      const { policy } = await within(currentPolicy(db));
      const row = (await within(renderFacts(db, [renderId], liveSeconds))).get(renderId);
      if (row === undefined) return true;
      const { copy } = ruleFor(policy, matchedOf(row), Date.now());
      return copy.what === 'everything' && copy.when.length === 0;
    },
    addLabels: (videoId, labels) => within(addLabels(db, videoId, labels, mostLabels)),
    async addDemand(seen, views) {
      await within(addDemand(db, seen));
      await within(addViews(db, views));
    },
    trace: (from, to) => traceLines(db, from, to, liveSeconds),
    seen: () => within(demandHistories(db)),
  };
}
