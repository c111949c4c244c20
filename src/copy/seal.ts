import type { Catalog } from '../catalog/connect.ts';
import { storedOf } from '../catalog/copies.ts';
import { leadingRun } from '../catalog/ranges.ts';
import { initsOf, markSealed, type RenderRow } from '../catalog/videos.ts';
import { parsePinnedDescription } from '../description/parse.ts';
import { type Grid, gridOf, segmentCount } from '../grid/grid.ts';
import { mediaPlaylist } from '../hls/media.ts';
import { type ListedRendition, multivariantPlaylist } from '../hls/multivariant.ts';
import { profileNamed, renditionsOf } from '../render/profile.ts';
import type { Bucket, NewObject } from '../store/bucket.ts';
import {
  immutable,
  initName,
  mediaPlaylistName,
  mediaType,
  multivariantName,
  playlistType,
} from '../store/names.ts';

/** Everything listed by names relative to the playlist, which lies beside the segments. */
function finishedMediaPlaylist(grid: Grid, kind: 'video' | 'audio'): string {
  return mediaPlaylist({ grid, kind, sealed: 0, sealedUrl: (n) => `${n}.m4s`, mode: { type: 'vod' } });
}

/**
 * Stores init segments and finished playlists beside the segments once the bucket has every segment of every rendition, so
 * that the bucket alone plays. Every URI in them is relative: the copy plays under any host. Returns whether it is sealed now.
 * Safe to call at any time and from several nodes: the text is a function of the render, and every put is conditional.
 */
export async function sealRender(
  catalog: Catalog,
  bucket: Bucket,
  render: RenderRow,
  signal?: AbortSignal,
): Promise<boolean> {
  if (render.sealedAt !== null) return true;
  const grid = gridOf(render.frameRate, render.frameCount);
  const count = segmentCount(grid);
  const stored = await storedOf(catalog.db, render.renderId);
  if (!render.renditions.every(({ name }) => leadingRun(stored.get(name) ?? []) === count)) return false;
  const inits = await initsOf(catalog.db, render.renderId);
  const { size } = parsePinnedDescription(JSON.parse(render.description));
  const names = new Set(render.renditions.map((rendition) => rendition.name));
  const profile = profileNamed(render.profile);
  if (profile === undefined) return false;
  const renditions = renditionsOf({ ...size, frameRate: render.frameRate }, profile).filter((rendition) =>
    names.has(rendition.name),
  );
  const playlist = (key: string, text: string): NewObject => ({
    key,
    data: Buffer.from(text),
    contentType: playlistType,
    cacheControl: immutable,
  });
  for (const { name, kind } of renditions) {
    const init = inits.get(name);
    if (init === undefined) return false;
    await bucket.put(
      {
        key: initName(render.renderId, name),
        data: init,
        contentType: mediaType(kind),
        cacheControl: immutable,
      },
      signal,
    );
    await bucket.put(
      playlist(mediaPlaylistName(render.renderId, name), finishedMediaPlaylist(grid, kind)),
      signal,
    );
  }
  const multivariant = multivariantPlaylist({
    renditions: renditions.map((rendition) => ({
      ...rendition,
      path: rendition.name,
      ...(rendition.kind === 'audio' ? { channels: 2 } : {}),
    })) as ListedRendition[],
    frameRate: render.frameRate,
    sealedByRendition: {},
    mode: 'vod',
    mediaUri: (path) => `${path}/media.m3u8`,
  });
  await bucket.put(playlist(multivariantName(render.renderId), multivariant), signal);
  await markSealed(catalog.db, render.renderId);
  return true;
}
