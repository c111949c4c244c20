/**
 * Names of objects in the bucket. A render id never names other bytes, so every object is immutable. Portable: the playlist
 * service makes public URLs of the same names.
 */

/** Object name of a media segment. */
export const segmentName = (renderId: string, rendition: string, n: number): string =>
  `renders/${renderId}/${rendition}/${n}.m4s`;

/** Object name of a rendition's init segment. */
export const initName = (renderId: string, rendition: string): string =>
  `renders/${renderId}/${rendition}/init.mp4`;

/** Object name of a rendition's finished media playlist. */
export const mediaPlaylistName = (renderId: string, rendition: string): string =>
  `renders/${renderId}/${rendition}/media.m3u8`;

/** Object name of a render's finished multivariant playlist. */
export const multivariantName = (renderId: string): string => `renders/${renderId}/index.m3u8`;

/** Object name of a pinned asset. */
export const assetName = (sha256: string): string => `assets/${sha256}`;

/** Object name prefix of everything that belongs to a render. */
export const renderPrefix = (renderId: string): string => `renders/${renderId}/`;

/** Reads a segment's object name back; undefined for any other object. */
export function parseSegmentName(
  name: string,
): { renderId: string; rendition: string; n: number } | undefined {
  const match = /^renders\/([A-Za-z0-9_-]+)\/([a-z0-9]+)\/(\d{1,7})\.m4s$/.exec(name);
  if (match === null) return undefined;
  const [, renderId = '', rendition = '', n = ''] = match;
  return { renderId, rendition, n: Number(n) };
}

/** MIME type of a segment or init segment by the kind of its rendition (RFC 4337, RFC 6381 users expect these of CMAF). */
export const mediaType = (kind: 'video' | 'audio'): string => `${kind}/mp4`;

/** MIME type of playlists (RFC 8216, section 4). */
export const playlistType = 'application/vnd.apple.mpegurl';

/** `Cache-Control` of objects and answers that never change. */
export const immutable = 'public, max-age=31536000, immutable';
