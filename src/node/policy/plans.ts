import { LRUCache } from 'lru-cache';
import { bucketPlace } from '../../catalog/bucket-place.ts';
import { changedDemand } from '../../catalog/demand.ts';
import { difference, numbersIn, type Ranges, unionOf } from '../../catalog/ranges.ts';
import type { Copying } from '../../copy/copying.ts';
import type { CopyHow } from '../../copy/how.ts';
import { listedOnDisk } from '../../copy/listed.ts';
import type { CopyTask } from '../../copy/task.ts';
import type { PlannedCopy } from '../../copy/uploader.ts';
import type { StepResult } from '../../ops/loop.ts';
import type { TraceHeaders } from '../../ops/trace.ts';
import { type Decision, decide } from '../../policy/decide.ts';
import type { KeepRule } from '../../policy/document/keep.ts';
import type { Rule } from '../../policy/document/rule.ts';
import { allOf, toCopy } from '../../policy/selection.ts';
import type { Looked, Looks, LooksOptions } from './looks.ts';
import { copyOrder } from './order.ts';

/** What planning copies needs. */
export interface PlansOptions
  extends Pick<LooksOptions, 'catalog' | 'nodeId' | 'disk' | 'watch' | 'forecast'> {
  readonly looks: Looks;
  readonly copying: Pick<Copying, 'plan' | 'enqueue'>;
  /** Whether a segment was found impossible to copy a moment ago. */
  readonly isUncopyable: (task: CopyTask) => boolean;
  /** The span that made a segment, where it was made lately. */
  readonly traceOf?: (task: CopyTask) => TraceHeaders | undefined;
  /** Called for each render that was looked at. Must not throw. */
  readonly onLooked?: (looked: Looked, rule: Rule) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** What of this node's disk is copied to the bucket: decided render by render, whenever something of it has changed. */
export interface Plans {
  /** Has a render looked at in the next step. */
  look(renderId: string): void;
  /** Has everything on the disk looked at. */
  lookAtAll(): void;
  /** Renders that are to be looked at. */
  readonly waiting: number;
  /** What was last decided to be kept of a render; undefined where it was not looked at lately. */
  keepOf(renderId: string): KeepRule | undefined;
  /** Whether something of a render that is here is to be copied. */
  wants(renderId: string): Promise<boolean>;
  /** Copies everything of a render that is here, whatever the policy says. Returns how many segments. */
  copyNow(renderId: string): Promise<number>;
  /** Looks at some of what is to be looked at, decides, and hands on to the uploader what is to be copied. */
  step(): Promise<StepResult>;
}

/** Renders that one step looks at: one query. */
const mostAtOnce = 50;
/** Everything is looked at again so often, in milliseconds: conditions and demand change with time alone. */
const allMs = 60_000;
/** What viewers did is asked for so often, in milliseconds. */
const demandMs = 2000;

/** Starts with everything to be looked at. */
export function copyPlans(options: PlansOptions): Plans {
  const { catalog, nodeId, disk, watch, forecast, looks, copying } = options;
  const now = options.now ?? Date.now;
  const due = new Set<string>();
  const keeps = new LRUCache<string, KeepRule>({ max: 20_000 });
  let seen: { version: number; trouble: string | undefined; allAt: number } | undefined;
  let [demandAt, demandSeen]: [number, string | undefined] = [Number.NEGATIVE_INFINITY, undefined];

  const lookAtAll = (): void => {
    for (const renderId of disk.renders()) due.add(renderId);
  };
  /** What has changed for all, and for those whose viewers were seen. */
  const noteChanges = async (): Promise<void> => {
    const [version, trouble] = [watch.current.version, looks.trouble()];
    const isOld = seen === undefined || now() - seen.allAt >= allMs;
    if (isOld || seen?.version !== version || seen.trouble !== trouble) {
      seen = { version, trouble, allAt: now() };
      lookAtAll();
    }
    if (now() - demandAt < demandMs) return;
    const { renderIds, newest } = await changedDemand(catalog.db, demandSeen, 1000);
    [demandAt, demandSeen] = [now(), newest];
    for (const renderId of renderIds) if (disk.held(renderId).size > 0) due.add(renderId);
  };

  const tasksOf = async ({ row, facts }: Looked, decision: Decision): Promise<PlannedCopy[]> => {
    if (!row.isActive) return [];
    // What finished playlists in the bucket list has to be there.
    const copy = row.isSealed ? toCopy(allOf(facts), facts) : decision.copy;
    const planned: PlannedCopy[] = [];
    const playheads = facts.demand.playheads;
    for (const { name, ranges } of copy) {
      const packing = row.renditions.find((one) => one.name === name);
      const segments = facts.renditions.find((one) => one.name === name)?.segments ?? 1;
      if (packing === undefined) continue;
      const mine = decision.isUrgent ? ranges : difference(ranges, othersOf({ row, facts }, name));
      const here = (n: number) => disk.facts(row.renderId, name, n);
      const right = await listedOnDisk(catalog.db, row, name, mine, here);
      const at = playheads.map((part) => Math.round(part * segments));
      for (const n of numbersIn(right)) {
        const { renderId } = row;
        const task = { renderId, rendition: name, kind: packing.kind, container: packing.container, n };
        if (options.isUncopyable(task)) continue;
        const trace = options.traceOf?.(task);
        planned.push({
          task: { ...task, trace },
          how: howOf(decision.rule, decision.isUrgent, copyOrder(n, at)),
        });
      }
    }
    return planned;
  };
  /** What another live node copies: the holder of the lease, else the first by id of those who have it. */
  const othersOf = ({ row }: Looked, rendition: string): Ranges =>
    row.holder === nodeId
      ? []
      : unionOf(
          ...row.copies
            .filter(({ place }) => place !== bucketPlace && place !== nodeId)
            .filter(({ place }) => place === row.holder || place < nodeId)
            .filter((copy) => copy.rendition === rendition)
            .map(({ segments }) => segments),
        );

  return {
    look: (renderId) => void due.add(renderId),
    lookAtAll,
    get waiting() {
      return due.size;
    },
    keepOf: (renderId) => keeps.get(renderId),
    async wants(renderId) {
      const [looked] = await looks.videos([renderId]);
      if (looked === undefined) return false;
      const decision = decide(watch.current.policy, looked.facts, looks.node(), forecast, now());
      return looked.row.isSealed || decision.copy.length > 0;
    },
    async copyNow(renderId) {
      const [looked] = await looks.videos([renderId]);
      if (looked === undefined) return 0;
      const { policy } = watch.current;
      const decision = decide(policy, looked.facts, looks.node(), forecast, now());
      const all = { ...decision, copy: toCopy(allOf(looked.facts), looked.facts), isUrgent: true };
      const tasks = await tasksOf(looked, all);
      for (const { task, how } of tasks) copying.enqueue(task, how);
      return tasks.length;
    },
    async step() {
      await noteChanges();
      const some = [...due].slice(0, mostAtOnce);
      if (some.length === 0) return 'idle';
      // What changes from now on is looked at once more.
      for (const renderId of some) due.delete(renderId);
      try {
        const [node, { policy }] = [looks.node(), watch.current];
        for (const looked of await looks.videos(some)) {
          const { renderId } = looked.row;
          const decision = decide(policy, looked.facts, node, forecast, now());
          keeps.set(renderId, decision.rule.keep);
          copying.plan(renderId, await tasksOf(looked, decision));
          options.onLooked?.(looked, decision.rule);
        }
      } catch (error) {
        for (const renderId of some) due.add(renderId);
        throw error;
      }
      return due.size > 0 ? 'more' : 'idle';
    },
  };
}

/** How a rule has segments copied. */
export const howOf = ({ name, how }: Rule, isUrgent: boolean, order: number): CopyHow => ({
  ...how,
  lane: name,
  isUrgent,
  order,
});
