import type { Catalog } from '../catalog/connect.ts';
import type { Outcome } from '../catalog/findings.ts';
import { foreign, initFile } from '../catalog/foreign.ts';
import { leadingRun } from '../catalog/ranges.ts';
import type { SweptRender, SweptRendition } from '../catalog/swept-render.ts';
import { type RenderRow, renderById } from '../catalog/videos.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import { posterName } from '../rendition/kind.ts';
import type { Bucket } from '../store/bucket.ts';
import { foreignFileName, initName, mediaPlaylistName, multivariantName } from '../store/names.ts';
import { sealAgain, sealRender } from './seal.ts';
import { sealStream } from './seal-stream.ts';

const isComplete = ({ stored, count }: SweptRendition): boolean => leadingRun(stored) >= count;

/** Whether the bucket is said to have every segment that a render is sealed with. Of a stream it may be that more are to come. */
export const isCompleteRender = ({ renditions }: SweptRender): boolean =>
  renditions.some(({ count }) => count > 0) &&
  renditions.every((one) => one.onDemand === true || isComplete(one));

/** Names of what a player of a sealed render cannot do without beside its segments. Empty for one that is not sealed. */
export function besideSegments({ renderId, isSealed, isForeign, renditions }: SweptRender): string[] {
  if (!isSealed) return [];
  // What is made on demand is listed once it is complete.
  const listed = renditions.filter((one) => one.count > 0 && (one.onDemand !== true || isComplete(one)));
  return [
    multivariantName(renderId),
    ...listed.flatMap(({ name, container }) => {
      const init = isForeign ? foreignFileName(renderId, name, initFile(0)) : initName(renderId, name);
      return [
        ...(name === posterName ? [] : [mediaPlaylistName(renderId, name)]),
        ...(container === 'fmp4' ? [init] : []),
      ];
    }),
  ];
}

/** Stores again what a sealed render lacks beside its segments; says what became of that. */
export async function storeAgain(
  catalog: Catalog,
  bucket: Bucket,
  renderId: string,
  log: Log,
  signal: AbortSignal,
): Promise<Outcome> {
  const render = await renderById(catalog.db, renderId);
  if (render === undefined) return 'postponed';
  const isStored = await orLeft(log, render, () =>
    render.profile === foreign
      ? sealStream(catalog, bucket, { ...render, sealedAt: null }, signal)
      : sealAgain(catalog, bucket, render, signal),
  );
  return isStored === 'left' ? isStored : isStored ? 'stored-again' : 'postponed';
}

/** Seals a complete render whose node did not come to that; undefined where there is nothing to seal. */
export async function sealAbandoned(
  catalog: Catalog,
  bucket: Bucket,
  renderId: string,
  log: Log,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const render = await renderById(catalog.db, renderId);
  if (render?.state !== 'active' || render.sealedAt !== null) return undefined;
  const isSealed = await orLeft(log, render, async () =>
    render.profile === foreign
      ? sealStream(catalog, bucket, render, signal)
      : (await sealRender(catalog, bucket, render, signal)) === 'sealed',
  );
  return isSealed === 'left' ? isSealed : isSealed ? 'sealed' : undefined;
}

/** What cannot be stored under its name, because something else is there, ends no sweep. */
async function orLeft<T>(
  log: Log,
  { renderId }: Pick<RenderRow, 'renderId'>,
  seal: () => Promise<T>,
): Promise<T | 'left'> {
  try {
    return await seal();
  } catch (error) {
    if (!(error instanceof SegueError) || error.retryable) throw error;
    log.error({ renderId, err: error, hint: error.hint }, 'a render cannot be sealed');
    return 'left';
  }
}
