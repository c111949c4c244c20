import type { Tracing } from '../ops/trace.ts';
import type { HeldRender } from './held-render.ts';
import type { MadeSegment } from './make-segment.ts';

/**
 * Makes segment n in a span of its own: a child of the request that waits for it, or, where nobody does, of none, and linked with the
 * request that came last. What is made carries the span to its copies.
 */
export async function tracedRender(
  tracing: Tracing | undefined,
  { row: { renderId }, wanted, trace }: HeldRender,
  n: number,
  work: () => Promise<MadeSegment>,
): Promise<MadeSegment> {
  if (tracing === undefined) return work();
  const parent = wanted.get(n)?.trace;
  const span = tracing.begin('render segment', {
    parent: parent ?? {},
    link: parent === undefined ? trace : undefined,
    attributes: { 'segue.render_id': renderId, 'segue.segment': n },
  });
  try {
    const made = await span.run(work);
    const renditions = made.renditions.map(({ name }) => name).join(',');
    span.end({ attributes: { 'segue.renditions': renditions, 'segue.bytes': made.bytes } });
    return { ...made, trace: span.headers };
  } catch (error) {
    span.end({ error });
    throw error;
  }
}
