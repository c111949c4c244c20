import { z } from 'zod';
import { bucketPlace } from '../src/catalog/bucket-place.ts';
import type { CopyRow } from '../src/catalog/copies.ts';
import { leadingRun, type Ranges, unionOf } from '../src/catalog/ranges.ts';
import { segmentCount } from '../src/grid/grid.ts';
import { SegueError } from '../src/ops/errors.ts';
import { segmentsOf } from '../src/rendition/kind.ts';
import { playlistType } from '../src/store/names.ts';
import { orRemembered } from './facts.ts';
import type { Ports } from './ports.ts';
import type { RenderFacts } from './render-facts.ts';
import type { RequestContext } from './service.ts';
import { textAnswer } from './text-answer.ts';

/** `?mode=`: everything at once, or what exists. */
export const modeSchema = z.enum(['vod', 'event']).default('vod');

/** Every copy of a render; while the catalog is away, as it was last seen. @throws SegueError `catalog_unavailable` */
export async function copiesOf(ports: Ports, renderId: string): Promise<CopyRow[]> {
  return orRemembered(
    async () => {
      const copies = await ports.catalog.copiesOf(renderId);
      ports.facts.copies.set(renderId, copies);
      return copies;
    },
    () => ports.facts.copies.get(renderId),
    ports,
  );
}

/** Segments of a rendition that are in the bucket. */
export function storedOf(copies: readonly CopyRow[], rendition: string): Ranges {
  return copies.find((row) => row.place === bucketPlace && row.rendition === rendition)?.segments ?? [];
}

/** Segments of a rendition that some place holds, or is said to. */
export const heldOf = (copies: readonly CopyRow[], rendition: string): Ranges =>
  unionOf(...copies.filter((row) => row.rendition === rendition).map((row) => row.segments));

/** The leading ones of them. */
export const leadingCopies = (copies: readonly CopyRow[], rendition: string): number =>
  leadingRun(heldOf(copies, rendition));

/**
 * Whether nothing of the whole video can be lost any more (what is made on demand aside): everything else is in the bucket, and
 * all variants end at the same moment.
 */
export function isDurable(facts: RenderFacts, copies: readonly CopyRow[]): boolean {
  const count = segmentCount(facts.grid);
  const needed = facts.renditions.filter(({ name }) => !facts.onDemand.has(name));
  return needed.every((one) => leadingRun(storedOf(copies, one.name)) >= segmentsOf(one, count));
}

/** A query parameter by its schema. @throws SegueError `invalid_request` */
export function query<T>(name: string, schema: z.ZodType<T>, value: string | undefined): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new SegueError('invalid_request', `${name}: ${result.error.issues[0]?.message ?? 'not understood'}`);
}

/** A playlist as an answer. */
export async function playlist(
  c: RequestContext,
  ports: Pick<Ports, 'runtime'>,
  text: string,
  cacheControl: string,
): Promise<Response> {
  const signed = await c.get('signLines')?.(text);
  return textAnswer(c, ports, signed ?? text, playlistType, cacheControl);
}
