/**
 * Names of objects in the bucket. A render id never names other bytes, so every object but a
 * render's multivariant playlist is immutable. Portable: the playlist
 * service makes public URLs of the same names.
 */

import { type Container, containerOfExtension, extensionOf } from '../rendition/kind.ts';

/** Object name of a media segment. */
export const segmentName = (renderId: string, rendition: string, n: number, container: Container): string =>
  `renders/${renderId}/${rendition}/${n}.${extensionOf(container)}`;

/** Object name of a rendition's init segment. */
export const initName = (renderId: string, rendition: string): string =>
  `renders/${renderId}/${rendition}/init.mp4`;

/** Object name of an init segment of a foreign stream, which may have several. */
export const foreignFileName = (renderId: string, rendition: string, file: string): string =>
  `renders/${renderId}/${rendition}/${file}`;

/** Object name of a rendition's finished media playlist. */
export const mediaPlaylistName = (renderId: string, rendition: string): string =>
  `renders/${renderId}/${rendition}/media.m3u8`;

/** Object name of a render's finished multivariant playlist. */
export const multivariantName = (renderId: string): string => `renders/${renderId}/index.m3u8`;

/** Object name of a render's list of seek bar pictures. */
export const thumbnailListName = (renderId: string): string => `renders/${renderId}/thumbnails.vtt`;

/** Object name of a pinned asset. */
export const assetName = (sha256: string): string => `assets/${sha256}`;

/** Object name prefix of everything that belongs to a render. */
export const renderPrefix = (renderId: string): string => `renders/${renderId}/`;

/** Reads a segment's object name back; undefined for any other object. */
export function parseSegmentName(
  name: string,
): { renderId: string; rendition: string; n: number } | undefined {
  const match = /^renders\/([A-Za-z0-9_-]+)\/([a-z0-9]+)\/(\d{1,7})\.([a-z0-9]{2,3})$/.exec(name);
  const [, renderId = '', rendition = '', n = '', extension = ''] = match ?? [];
  if (match === null || containerOfExtension(extension) === undefined) return undefined;
  return { renderId, rendition, n: Number(n) };
}

/** MIME type of playlists (RFC 8216, section 4). */
export const playlistType = 'application/vnd.apple.mpegurl';

/** `Cache-Control` of objects and answers that never change. */
export const immutable = 'public, max-age=31536000, immutable';

/** Cache-Control of the one object that may gain lines: the multivariant playlist, which a session reads once. */
export const momentary = 'public, max-age=60';
