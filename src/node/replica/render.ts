import type { Catalog } from '../../catalog/connect.ts';
import { sizesOf } from '../../catalog/sizes.ts';
import { initOf, renderById } from '../../catalog/videos.ts';
import { SegueError } from '../../ops/errors.ts';
import { readRender } from '../held-render.ts';
import type { SegmentRenderer } from '../make-segment.ts';
import type { ReplicaTask } from './plan.ts';

/** Makes a segment that another node has made, from its description. */
export type ReplicaRenderer = (task: ReplicaTask, signal: AbortSignal) => Promise<Uint8Array>;

/**
 * Renders replicas. A segment is a pure function of its description, so what is made here is what the other node has; where
 * init segment or size say that it is not (another encoder), it is not used.
 * The promise fails with SegueError `no_node` where this node cannot make the same.
 */
export function replicaRenderer(renderer: SegmentRenderer, { db }: Catalog): ReplicaRenderer {
  return async ({ renderId, rendition, n }, signal) => {
    const other = (why: string) =>
      new SegueError(
        'no_node',
        `A replica of ${renderId}/${rendition}/${n} cannot be rendered here: ${why}`,
        {
          hint: 'It is pulled from the node that has it. Give all nodes the same build of ffmpeg.',
        },
      );
    const row = await renderById(db, renderId);
    if (row?.state !== 'active') throw other('the render is not active');
    const { description, grid, renditions } = readRender(row);
    const wanted = renditions.filter(({ name }) => name === rendition);
    const [made, init, sizes] = await Promise.all([
      renderer.make({ description, grid, n, renditions: wanted }, signal),
      initOf(db, renderId, rendition),
      sizesOf(db, renderId),
    ]);
    const encoded = made.get(rendition);
    if (encoded === undefined) throw other('nothing was made');
    if (encoded.init !== undefined && (init === undefined || Buffer.compare(encoded.init, init) !== 0))
      throw other('its init segment differs');
    if (encoded.segment.byteLength !== sizes.get(rendition)?.[n]) throw other('its size differs');
    return encoded.segment;
  };
}
