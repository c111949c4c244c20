import type { Catalog } from '../catalog/connect.ts';
import { storedOf } from '../catalog/copies.ts';
import { leadingRun } from '../catalog/ranges.ts';
import { sizesOf } from '../catalog/sizes.ts';
import { initsOf, markSealed, type RenderRow } from '../catalog/videos.ts';
import { parsePinnedDescription } from '../description/parse.ts';
import { subtitleTracks } from '../description/subtitles.ts';
import { gridOf, segmentCount } from '../grid/grid.ts';
import { profileNamed, renditionsOf } from '../render/profile.ts';
import { segmentsOf } from '../rendition/kind.ts';
import type { Bucket, NewObject } from '../store/bucket.ts';
import { sealedObjects } from './sealed-objects.ts';

/**
 * How sealing ended. `incomplete`: something that is made unasked is missing in the bucket. `extended`: the stored list now has
 * renditions that were made on demand since.
 */
export type Sealing = 'incomplete' | 'sealed' | 'extended' | 'unchanged';

/** Names of the renditions of which the bucket has every segment. */
async function completeOf(catalog: Catalog, render: RenderRow): Promise<ReadonlySet<string>> {
  const count = segmentCount(gridOf(render.frameRate, render.frameCount));
  const stored = await storedOf(catalog.db, render.renderId);
  const complete = render.renditions.filter(
    (one) => leadingRun(stored.get(one.name) ?? []) === segmentsOf(one, count),
  );
  return new Set(complete.map(({ name }) => name));
}

/** What is stored beside the segments of these renditions; undefined while something of it is not known. */
async function objectsOf(
  catalog: Catalog,
  render: RenderRow,
  complete: ReadonlySet<string>,
): Promise<NewObject[] | undefined> {
  const { renderId, frameRate } = render;
  const profile = profileNamed(render.profile);
  if (profile === undefined) return undefined;
  const [inits, sizes] = await Promise.all([initsOf(catalog.db, renderId), sizesOf(catalog.db, renderId)]);
  const description = parsePinnedDescription(JSON.parse(render.description));
  const renditions = renditionsOf({ ...description.size, frameRate }, profile).filter(({ name }) =>
    complete.has(name),
  );
  if (renditions.some(({ name, container }) => container === 'fmp4' && !inits.has(name))) return undefined;
  const grid = gridOf(frameRate, render.frameCount);
  const subtitles = subtitleTracks(description);
  return [...sealedObjects({ renderId, grid, frameRate, renditions, inits, sizes, subtitles })];
}

/** Renditions that the stored list of a render was seen to have, by its id. */
export interface SeenListed {
  get(renderId: string): ReadonlySet<string> | undefined;
  set(renderId: string, listed: ReadonlySet<string>): unknown;
}

const none: ReadonlySet<string> = new Set();
const same = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((name) => b.has(name));

/**
 * Stores init segments, finished playlists and subtitles beside the segments once the bucket has every segment of every
 * rendition (those on demand aside, which are listed as soon as they are complete), so that the bucket alone plays. Every URI
 * in them is relative: the copy plays under any host. Safe to call at any time and from several nodes: every put is
 * conditional but that of the multivariant playlist, which comes last and is looked at again afterwards, so that whoever
 * knew less does not have the last word. `seenListed` remembers, by render, what this process has seen listed, so that a further
 * still costs one query.
 */
export async function sealRender(
  catalog: Catalog,
  bucket: Bucket,
  render: RenderRow,
  signal?: AbortSignal,
  seenListed: SeenListed = new Map(),
): Promise<Sealing> {
  const before = render.sealedAt === null ? 'sealed' : 'unchanged';
  const required = render.renditions.filter(({ onDemand }) => onDemand !== true).map(({ name }) => name);
  let outcome: Sealing = before;
  for (let complete = await completeOf(catalog, render); ; ) {
    if (required.some((name) => !complete.has(name))) return 'incomplete';
    // What was sealed with nothing but this has been listed then.
    if (render.sealedAt !== null && complete.size === required.length) return outcome;
    if (render.sealedAt !== null && same(seenListed.get(render.renderId) ?? none, complete)) return outcome;
    const objects = await objectsOf(catalog, render, complete);
    const list = objects?.pop();
    if (objects === undefined || list === undefined) return 'incomplete';
    const listed = await bucket.get(list.key, signal);
    if (listed === undefined || Buffer.compare(listed, list.data) !== 0) {
      for (const object of objects) await bucket.put(object, signal);
      await bucket.put(list, signal);
      if (before === 'unchanged') outcome = 'extended';
    }
    await markSealed(catalog.db, render.renderId);
    seenListed.set(render.renderId, complete);
    const now = await completeOf(catalog, render);
    if (same(now, complete)) return outcome;
    complete = now;
  }
}

/**
 * Stores everything beside the segments of a sealed render again, where something of it is gone: what is there stays. Returns
 * false where that has to wait, because segments are missing too. @throws SegueError as {@link Bucket.put}
 */
export async function sealAgain(
  catalog: Catalog,
  bucket: Bucket,
  render: RenderRow,
  signal?: AbortSignal,
): Promise<boolean> {
  const complete = await completeOf(catalog, render);
  if (render.renditions.some(({ name, onDemand }) => onDemand !== true && !complete.has(name))) return false;
  const objects = await objectsOf(catalog, render, complete);
  for (const object of objects ?? []) await bucket.put(object, signal);
  return objects !== undefined;
}
