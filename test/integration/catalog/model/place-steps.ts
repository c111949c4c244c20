import { bucketPlace } from '../../../../src/catalog/bucket-place.ts';
import { recordCopies } from '../../../../src/catalog/copies.ts';
import { foreign } from '../../../../src/catalog/foreign.ts';
import { locate } from '../../../../src/catalog/locate.ts';
import { suspectNode } from '../../../../src/catalog/nodes.ts';
import { listedOnDisk } from '../../../../src/copy/listed.ts';
import type { CopyTask } from '../../../../src/copy/task.ts';
import { uncopied } from '../../../../src/node/reconcile.ts';
import { SegueError } from '../../../../src/ops/errors.ts';
import { immutable, segmentName } from '../../../../src/store/names.ts';
import { log } from '../../node/kit.ts';
import type { Model, Step } from './judge.ts';
import { leaseSeconds, type Process } from './process.ts';
import { type NodeName, nodeNames, type RenderName, type World } from './world.ts';

/** What a node has to copy: what was announced as lost, then whatever its disk has and the bucket has not. */
async function nextTask(world: World, process: Process): Promise<CopyTask | undefined> {
  const announced = process.toCopyAgain.shift();
  if (announced !== undefined) return announced;
  const { catalog, bucket } = world.backing;
  const { disk, id: nodeId } = process;
  const all = uncopied({ catalog, disk, bucket, nodeId, log }, new AbortController().signal);
  for await (const task of all) return task;
  return undefined;
}

/** The first half of copying: read, PUT, verify. */
export const copy = (name: NodeName): Omit<Step, 'text'> => ({
  // Whatever is on the disk: a node looks for it at its start, and whenever its announcements were interrupted.
  isDue: ({ nodes }) => nodes[name].hasFiles && nodes[name].stored === undefined,
  async run(_, world) {
    const process = world.up(name);
    const task = await nextTask(world, process);
    const segment = task === undefined ? undefined : await process.read(task);
    if (task === undefined || segment === undefined) return;
    const { renderId, rendition, n, container } = task;
    const key = segmentName(renderId, rendition, n, container);
    try {
      await world.backing.bucket.put({
        key,
        data: segment.data,
        contentType: 'video/mp4',
        cacheControl: immutable,
      });
      process.stored = task;
    } catch (error) {
      // The bucket has other bytes under this name: they are left, and the task is given up.
      if (!(error instanceof SegueError) || error.retryable) throw error;
    }
  },
});

/** The second half: the row. */
export const recordCopy = (name: NodeName): Omit<Step, 'text'> => ({
  isDue: ({ nodes }) => nodes[name].stored !== undefined,
  async run(_, world) {
    const process = world.up(name);
    const { stored } = process;
    if (stored === undefined) return;
    const { renderId, rendition, n } = stored;
    await recordCopies(world.backing.catalog.db, renderId, rendition, bucketPlace, [[n, n + 1]]);
    process.stored = undefined;
  },
});

/** Somebody asks for a listed segment: as the playlist service looks for it, and has looked after what is not where it should be. */
export async function view(
  model: Model,
  world: World,
  render: RenderName,
  rendition: string,
  n: number,
): Promise<void> {
  const { db } = world.backing.catalog;
  const renderId = world.ids[render];
  const { inBucket, holders } = await locate(db, renderId, rendition, n, leaseSeconds);
  const up = nodeNames.flatMap((name) => world.processes.get(name) ?? []);
  if (inBucket && model.gone.has(`${render}/${rendition}/${n}`)) {
    const [someone] = up;
    if ((await someone?.lost.check({ renderId, rendition, n })) !== 'lost') return;
    // It is announced, and whoever has the right bytes copies them again.
    for (const { disk, toCopyAgain } of up) {
      const profile = render === 'own' ? 'default' : foreign;
      const here = (m: number) => disk.facts(renderId, rendition, m);
      const listed = await listedOnDisk(db, { renderId, profile }, rendition, [[n, n + 1]], here);
      if (here(n) === undefined || listed.length === 0) continue;
      const container = render === 'own' ? ('fmp4' as const) : ('mpegts' as const);
      toCopyAgain.push({
        renderId,
        rendition,
        n,
        kind: rendition === 'audio' ? 'audio' : 'video',
        container,
      });
    }
    return;
  }
  for (const holder of holders) {
    const process = up.find(({ id }) => id === holder.id);
    if (process === undefined) {
      await suspectNode(db, holder.id, holder.url);
      for (const lease of Object.values(model.leases))
        if (lease.holder !== undefined && world.ids[lease.holder] === holder.id) lease.isLive = false;
    } else if ((await process.read({ renderId, rendition, n })) === undefined) {
      const name = nodeNames.find((each) => world.ids[each] === holder.id);
      if (!model.rotten.delete(`${name} ${render}/${rendition}/${n}`))
        throw new Error(`${name} does not have what it is recorded to have`);
    } else return;
  }
}
