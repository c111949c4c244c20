import type { Catalog } from '../catalog/connect.ts';
import { initFile } from '../catalog/foreign.ts';
import { leadingRun } from '../catalog/ranges.ts';
import { type RenditionHead, type StreamHead, streamHead } from '../catalog/stream-lists.ts';
import { type ForeignSegment, filesOf, mostSegments, segmentsOf } from '../catalog/streams.ts';
import { markSealed, type RenderRow } from '../catalog/videos.ts';
import { foreignMediaPlaylist } from '../hls/foreign-media.ts';
import { foreignMultivariantPlaylist } from '../hls/foreign-multivariant.ts';
import { windowStart } from '../hls/foreign-window.ts';
import { extensionOf } from '../rendition/kind.ts';
import type { Bucket } from '../store/bucket.ts';
import {
  foreignFileName,
  immutable,
  mediaPlaylistName,
  multivariantName,
  playlistType,
} from '../store/names.ts';

/**
 * Stores init segments and finished playlists of a foreign stream beside its segments once it has ended and the bucket has
 * every segment, so that the bucket alone plays: everything, or the last window of a sliding one. Keys are not put into a
 * bucket that everybody can read, so a stream with keys of its own is never sealed. Returns whether it is sealed now. Safe to
 * call at any time, as {@link sealRender} is.
 */
export async function sealStream(
  catalog: Catalog,
  bucket: Bucket,
  render: RenderRow,
  signal?: AbortSignal,
): Promise<boolean> {
  if (render.sealedAt !== null) return true;
  const head = await streamHead(catalog.db, render.videoId);
  if (head?.state !== 'ended' || head.targetDuration === null) return false;
  const renditions = head.renditions.filter(({ count }) => count > 0);
  if (!renditions.some(({ attributes }) => attributes.role === 'variant')) return false;
  if (!renditions.every(({ stored, count }) => leadingRun(stored) >= count)) return false;
  const files = await filesOf(catalog.db, render.renderId);
  if (files.some(({ name }) => name.endsWith('.key'))) return false;
  for (const { rendition, name, contentType, bytes } of files) {
    const key = foreignFileName(render.renderId, rendition, name);
    await bucket.put({ key, data: bytes, contentType, cacheControl: immutable }, signal);
  }
  const put = (key: string, text: string) =>
    bucket.put({ key, data: Buffer.from(text), contentType: playlistType, cacheControl: immutable }, signal);
  for (const rendition of renditions) {
    const text = await finishedPlaylist(catalog, head, head.targetDuration, rendition);
    await put(mediaPlaylistName(render.renderId, rendition.name), text);
  }
  const listed = renditions.map((one) => ({ ...one, uri: `${one.name}/media.m3u8` }));
  await put(multivariantName(render.renderId), foreignMultivariantPlaylist(listed));
  await markSealed(catalog.db, render.renderId);
  return true;
}

/** Everything listed by names relative to the playlist, which lies beside the segments. */
async function finishedPlaylist(
  { db }: Catalog,
  head: StreamHead,
  targetDuration: number,
  { name, container, count }: RenditionHead,
): Promise<string> {
  const all: ForeignSegment[] = [];
  while (all.length < count) {
    const rows = await segmentsOf(db, head.renderId, name, all.length);
    all.push(...rows);
    if (rows.length < mostSegments) break;
  }
  const durations = all.map(({ durationUs }) => durationUs);
  const first =
    head.windowSeconds === null ? 0 : windowStart(0, durations, head.windowSeconds * 1e6, targetDuration);
  return foreignMediaPlaylist({
    type: head.windowSeconds === null ? 'vod' : 'live',
    targetDuration,
    segments: all.slice(first),
    discontinuitySequence: all.slice(0, first).filter(({ discontinuity }) => discontinuity).length,
    ended: true,
    fromStart: false,
    fragmented: container === 'fmp4',
    segmentUri: (n) => `${n}.${extensionOf(container)}`,
    initUri: initFile,
  });
}
