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

/** Object name prefix of all renders. */
export const rendersPrefix = 'renders/';

/** Object name prefix of all assets. */
export const assetsPrefix = 'assets/';

/** Object name prefix of the marks of deployments. */
export const deploymentsPrefix = 'deployments/';

/** Object name of the mark of a deployment that keeps its renders in the bucket. */
export const deploymentName = (id: string): string => `${deploymentsPrefix}${id}`;

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

/** Id of the render that an object is filed under; undefined where the name has none that could be one of ours. */
export const renderIn = (name: string): string | undefined => /^renders\/([A-Za-z0-9_-]+)\//.exec(name)?.[1];

/** An object of a render: a segment, or what sealing stores beside the segments of a rendition, or (`undefined`) of all of them. */
export type RenderObject =
  | {
      readonly kind: 'segment';
      readonly rendition: string;
      readonly n: number;
      readonly container: Container;
    }
  | { readonly kind: 'beside'; readonly rendition: string | undefined };

const besideAll = /^renders\/[A-Za-z0-9_-]+\/(?:index\.m3u8|thumbnails\.vtt)$/;
const besideOne = /^renders\/[A-Za-z0-9_-]+\/([a-z0-9]+)\/(?:media\.m3u8|init\.mp4|init-\d+\.mp4)$/;

/** Reads back any name that is written below `renders/`; undefined for one that never is. */
export function parseRenderObject(name: string): RenderObject | undefined {
  const segment = parseSegmentName(name);
  if (segment === undefined) {
    const rendition = besideOne.exec(name)?.[1];
    return rendition !== undefined || besideAll.test(name) ? { kind: 'beside', rendition } : undefined;
  }
  const { renderId, rendition, n } = segment;
  const container = containerOfExtension(name.slice(name.lastIndexOf('.') + 1));
  // `007.m4s` reads as a number, and is none of ours.
  if (container === undefined || segmentName(renderId, rendition, n, container) !== name) return undefined;
  return { kind: 'segment', rendition, n, container };
}

/** Whether a rendition is one of subtitles that Segue makes: they have no rows, because nothing of them can be lost. */
export const isSubtitles = (rendition: string): boolean => /^subtitles\d*$/.test(rendition);

/** MIME type of playlists (RFC 8216, section 4). */
export const playlistType = 'application/vnd.apple.mpegurl';

/** `Cache-Control` of objects and answers that never change. */
export const immutable = 'public, max-age=31536000, immutable';

/** Cache-Control of the one object that may gain lines: the multivariant playlist, which a session reads once. */
export const momentary = 'public, max-age=60';
