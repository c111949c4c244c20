import type { Catalog } from '../catalog/connect.ts';
import type { Outcome } from '../catalog/findings.ts';
import { foreign, initFile } from '../catalog/foreign.ts';
import type { SweptRender } from '../catalog/swept-render.ts';
import { renderById } from '../catalog/videos.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import { posterName } from '../rendition/kind.ts';
import type { Bucket } from '../store/bucket.ts';
import { foreignFileName, initName, mediaPlaylistName, multivariantName } from '../store/names.ts';
import { sealAgain } from './seal.ts';
import { sealStream } from './seal-stream.ts';

/** Names of what a player of a sealed render cannot do without beside its segments. Empty for one that is not sealed. */
export function besideSegments({ renderId, isSealed, isForeign, renditions }: SweptRender): string[] {
  if (!isSealed) return [];
  // What is made on demand is listed once it is complete, and may not be yet.
  const listed = renditions.filter(({ onDemand, count }) => onDemand !== true && count > 0);
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
  try {
    const isStored = await (render.profile === foreign
      ? sealStream(catalog, bucket, { ...render, sealedAt: null }, signal)
      : sealAgain(catalog, bucket, render, signal));
    return isStored ? 'stored-again' : 'postponed';
  } catch (error) {
    if (!(error instanceof SegueError) || error.retryable) throw error;
    log.error({ renderId, err: error, hint: error.hint }, 'a sealed render cannot be stored again');
    return 'left';
  }
}
