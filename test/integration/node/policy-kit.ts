import type { Catalog } from '../../../src/catalog/connect.ts';
import { recordCopies, storedOf } from '../../../src/catalog/copies.ts';
import { heartbeat } from '../../../src/catalog/nodes.ts';
import { setPolicy } from '../../../src/catalog/policy.ts';
import { countOf, type Ranges } from '../../../src/catalog/ranges.ts';
import { addSizes } from '../../../src/catalog/sizes.ts';
import { subscribe } from '../../../src/catalog/wake.ts';
import { startCopying } from '../../../src/copy/copying.ts';
import type { CopyOutcome, CopyTask } from '../../../src/copy/task.ts';
import type { DiskWatch } from '../../../src/node/disk-room.ts';
import type { MachineLoad } from '../../../src/node/policy/load.ts';
import { type NodePolicy, startPolicy } from '../../../src/node/policy/start.ts';
import { watchingHere } from '../../../src/node/policy/watching.ts';
import { readPolicy } from '../../../src/policy/read.ts';
import type { Bucket } from '../../../src/store/bucket.ts';
import type { DiskStore } from '../../../src/store/disk.ts';
import { announcement, log, names } from './kit.ts';

/** The policy as a node carries it out: real disk, rows, bucket; what it would measure of its machine the test says. */
export interface TestPolicy extends AsyncDisposable {
  readonly policy: NodePolicy;
  readonly watching: ReturnType<typeof watchingHere>;
  /** Copied, in order. */
  readonly copied: CopyTask[];
  readonly outcomes: CopyOutcome[];
  readonly evicted: string[];
  readonly state: { load: MachineLoad; node: 'ready' | 'draining'; held: string[] };
}

/** What {@link startTestPolicy} is told. */
export interface TestPolicyOptions {
  readonly catalog: Catalog;
  readonly disk: DiskStore;
  readonly bucket: Bucket;
  readonly nodeId?: string;
  readonly budgetBytes?: number;
  /** Whether announcements reach it. Default: they do. */
  readonly hears?: boolean;
  /** Of its machine, from the start. Default: none. */
  readonly load?: MachineLoad;
}

const noLoad: MachineLoad = { cpu: 0, disk: 0, network: 0 };
const space: DiskWatch = { room: 'plenty', free: 1e12 };

/** Starts it. */
export async function startTestPolicy(options: TestPolicyOptions): Promise<TestPolicy> {
  const { catalog, disk, bucket, nodeId = 'a', hears = true, load = noLoad } = options;
  const copied: CopyTask[] = [];
  const outcomes: CopyOutcome[] = [];
  const evicted: string[] = [];
  const state: TestPolicy['state'] = { load, node: 'ready', held: [] };
  await heartbeat(catalog.db, announcement(nodeId));
  const copying = startCopying({
    disk,
    bucket,
    catalog,
    log,
    concurrency: 1,
    cpu: () => state.load.cpu,
    onCopied: (task, outcome) => {
      outcomes.push(outcome);
      if (outcome === 'stored') copied.push(task);
    },
  });
  const watching = watchingHere();
  const policy = await startPolicy({
    catalog,
    nodeId,
    leaseSeconds: 600,
    disk,
    bucket,
    copying,
    watching,
    space,
    load: () => state.load,
    budgetBytes: options.budgetBytes,
    underWay: () => 0,
    self: () => ({ ...announcement(nodeId), state: state.node }),
    isHeld: (renderId) => state.held.includes(renderId),
    isUncopyable: () => false,
    onEvicted: (why, segments) => evicted.push(`${segments} ${why}`),
    log,
  });
  const listening = hears ? await subscribe(catalog, (change) => policy.hear(change)) : undefined;
  return {
    policy,
    watching,
    copied,
    outcomes,
    evicted,
    state,
    async [Symbol.asyncDispose]() {
      await listening?.stop();
      await policy[Symbol.asyncDispose]();
      await copying.stop();
    },
  };
}

/** Sets a policy, as an operator does. */
export const set = (catalog: Catalog, document: unknown): Promise<unknown> =>
  setPolicy(catalog.db, readPolicy(document), { author: 'test' });

/** Puts a render of `count` segments on a disk, with its rows, as if a node had made it. */
export async function fillDisk(
  catalog: Catalog,
  disk: DiskStore,
  renderId: string,
  count: number,
  { nodeId = 'a', bytes = 1000 }: { readonly nodeId?: string; readonly bytes?: number } = {},
): Promise<void> {
  for (const name of names) {
    for (let n = 0; n < count; n += 1)
      await disk.put(renderId, name, n, Buffer.alloc(bytes, `${renderId}${name}${n};`));
    const sizes = Array.from({ length: count }, (_, n) => [n, bytes] as const);
    await addSizes(catalog.db, renderId, name, sizes);
    await recordCopies(catalog.db, renderId, name, nodeId, [[0, count]]);
  }
}

/** What the bucket has of a rendition, by the rows. */
export const inBucket = async (catalog: Catalog, renderId: string, rendition: string): Promise<Ranges> =>
  (await storedOf(catalog.db, renderId)).get(rendition) ?? [];

/** How many segments the bucket has of a render, by the rows. */
export async function storedCount(catalog: Catalog, renderId: string): Promise<number> {
  let count = 0;
  for (const ranges of (await storedOf(catalog.db, renderId)).values()) count += countOf(ranges);
  return count;
}
