import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Change } from '../../catalog/wake.ts';
import type { Copying } from '../../copy/copying.ts';
import { plainHow } from '../../copy/how.ts';
import type { CopyTask } from '../../copy/task.ts';
import { SegueError } from '../../ops/errors.ts';
import type { Log } from '../../ops/log.ts';
import { type StepResult, startLoop } from '../../ops/loop.ts';
import type { KeepRule } from '../../policy/document/keep.ts';
import { type Explanation, explain } from '../../policy/explain.ts';
import { ruleFor } from '../../policy/match.ts';
import type { Bucket } from '../../store/bucket.ts';
import { type DiskRoom, type DiskWatch, fillable, lesserRoom, roomWithin } from '../disk-room.ts';
import { type Evicted, type EvictOptions, evicting } from './evict.ts';
import { expiring } from './expire.ts';
import { learnForecast } from './forecast.ts';
import { type LooksOptions, looks } from './looks.ts';
import { copyPlans, howOf, type PlansOptions } from './plans.ts';
import { watchPolicy } from './watch.ts';

/** What carrying out the policy needs. */
export interface NodePolicyOptions
  extends Pick<LooksOptions, 'catalog' | 'nodeId' | 'leaseSeconds' | 'disk' | 'watching' | 'load' | 'self'>,
    Pick<EvictOptions, 'isHeld' | 'onEvicted'> {
  readonly bucket: Bucket;
  readonly copying: Copying;
  readonly space: DiskWatch;
  /** Bytes of segments that this node may have, as its operator says; undefined: as the policy says. */
  readonly budgetBytes: number | undefined;
  /** Bytes that may be written before somebody looks at the disk again. */
  readonly underWay: () => number;
  readonly isUncopyable: (task: CopyTask) => boolean;
  readonly traceOf?: PlansOptions['traceOf'];
  readonly log: Log;
}

/** A decision in words, and by which version of the policy and which node it was taken. */
export interface NodeExplanation extends Omit<Explanation, 'decision'> {
  readonly node: string;
  readonly version: number;
}

/** The policy as a node carries it out. */
export interface NodePolicy extends AsyncDisposable {
  /** Something of a render on this disk has changed: decides anew what of it is copied. */
  look(renderId: string): void;
  /** This node has so many segments of a render that nobody else copies: decides anew where that is news. */
  stray(this: void, renderId: string, segments: number): void;
  /** Whether something of a render that is here is to be copied. */
  wants(this: void, renderId: string): Promise<boolean>;
  /** Queues what nobody can make again, at once. */
  copyForeign(task: CopyTask): void;
  hear(change: Change): void;
  keepOf(renderId: string): KeepRule | undefined;
  /** What may still be written to the disk. */
  room(): DiskRoom;
  /** Resolves once everything on the disk was looked at as things are now, or `signal` aborts. */
  settled(signal: AbortSignal): Promise<void>;
  /** @throws SegueError `not_found` for a render that nobody knows */
  explain(renderId: string): Promise<NodeExplanation>;
  copyNow(renderId: string): Promise<number>;
  evict(what: { readonly bytes: number | undefined } | { readonly renderId: string }): Promise<Evicted>;
}

/** Changes that come so soon after each other are looked at together, in milliseconds. */
const togetherMs = 100;
const plansMs = 2000;
const evictMs = 1000;
const expireMs = 600_000;

/** Starts to carry out the policy: copies, evicts, expires. */
export async function startPolicy(options: NodePolicyOptions): Promise<NodePolicy> {
  const { catalog, nodeId, leaseSeconds, disk, bucket, copying, space, log } = options;
  await using opened = new AsyncDisposableStack();
  let wake = (): void => undefined;
  const watch = opened.use(await watchPolicy({ catalog, log }, () => wake()));
  const forecast = opened.use(learnForecast({ catalog, log }));
  const eyes = looks({
    ...options,
    watch,
    forecast,
    evictedAfterSeconds: () => evictor.evictedAfterSeconds,
  });
  const shared = { catalog, nodeId, disk, watch, forecast, looks: eyes, log };
  const budget = (): number =>
    options.budgetBytes ?? watch.current.policy.disk.budgetBytes ?? disk.ownBytes + space.free;
  const most = (): number => fillable(budget(), options.underWay());
  const evictor = evicting({ ...options, ...shared, budget: most });
  const plans = copyPlans({
    ...shared,
    copying,
    isUncopyable: options.isUncopyable,
    ...(options.traceOf === undefined ? {} : { traceOf: options.traceOf }),
    onLooked: (looked, rule) => evictor.settle(looked, rule),
  });

  /** One step at a time, whoever asks for it. */
  let running: Promise<unknown> = Promise.resolve();
  const step = (): Promise<StepResult> => {
    const next = running.then(() => plans.step());
    running = next.catch(() => undefined);
    return next;
  };
  const loop = opened.use(
    startLoop(step, {
      name: 'copy plans',
      intervalMs: plansMs,
      log,
      backoffMs: { first: 200, longest: plansMs },
    }),
  );
  let timer: NodeJS.Timeout | undefined;
  wake = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      loop.wake();
    }, togetherMs);
  };
  opened.defer(() => clearTimeout(timer));
  opened.use(startLoop(() => evictor.step(), { name: 'eviction', intervalMs: evictMs, log }));
  const expire = expiring({ catalog, leaseSeconds, bucket, watch, log });
  opened.use(startLoop(expire, { name: 'expiry', intervalMs: expireMs, log }));
  const strays = new LRUCache<string, number>({ max: 20_000 });
  const parts = opened.move();

  return {
    look(renderId) {
      plans.look(renderId);
      wake();
    },
    stray(renderId, segments) {
      if (strays.get(renderId) === segments) return;
      strays.set(renderId, segments);
      plans.look(renderId);
      wake();
    },
    wants: (renderId) => plans.wants(renderId),
    copyForeign(task) {
      // Nothing is known of a stream but that it is one.
      const rule = ruleFor(
        watch.current.policy,
        { labels: [], size: 0, seconds: 0, createdAt: Date.now(), cpuSeconds: 0 },
        Date.now(),
      );
      copying.enqueue(task, { ...plainHow, ...howOf(rule, false, task.n) });
    },
    hear: (change) => watch.hear(change),
    keepOf: (renderId) => plans.keepOf(renderId),
    room: () => lesserRoom(space.room, roomWithin(disk.ownBytes, most(), watch.current.policy.disk)),
    async settled(signal) {
      plans.lookAtAll();
      while (!signal.aborted) {
        try {
          await step();
          if (plans.waiting === 0) return;
        } catch {
          // The loop's own steps say what is wrong.
          await delay(togetherMs, undefined, { signal }).catch(() => undefined);
        }
      }
    },
    async explain(renderId) {
      const [looked] = await eyes.videos([renderId]);
      if (looked === undefined) throw new SegueError('not_found', `There is no render ${renderId}`);
      const { policy, version } = watch.current;
      const { decision: _, ...words } = explain(policy, looked.facts, eyes.node(), forecast, Date.now());
      return { ...words, node: nodeId, version };
    },
    copyNow: (renderId) => plans.copyNow(renderId),
    evict(what) {
      if ('renderId' in what) return evictor.evict(what);
      const { low } = watch.current.policy.disk;
      return evictor.evict({ bytes: what.bytes ?? Math.max(0, disk.ownBytes - most() * low) });
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
