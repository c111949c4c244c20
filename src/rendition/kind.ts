/**
 * What a rendition is and how its segments are packed. Everything that names, serves, copies or lists segments asks here, so
 * that a new kind of track is one line in each table. Portable.
 */

/** Kinds of tracks: what is seen, what is heard, stills for seeking (one IDR a segment; one JPEG a segment), and text. */
export const renditionKinds = ['video', 'audio', 'iframes', 'images', 'subtitles'] as const;
/** Kind of a rendition. A muxed foreign one is `video`. */
export type RenditionKind = (typeof renditionKinds)[number];

/** How segments are packed (RFC 8216, section 3): CMAF, MPEG-TS, packed audio with ID3, and single files. */
export const containers = ['fmp4', 'mpegts', 'packed', 'jpeg', 'webvtt'] as const;
/** Container of a rendition's segments. */
export type Container = (typeof containers)[number];

/** A rendition, as far as names and headers depend on it. */
export interface Packing {
  readonly kind: RenditionKind;
  readonly container: Container;
}

/** Name of the rendition of small pictures, one a segment, for seek bars. */
export const thumbnailsName = 'thumbnails';

/** Name of the rendition that is a single picture of the whole video. */
export const posterName = 'poster';

/** How many segments a rendition has, in a render whose grid has `gridCount`: all but the poster have one for each of the grid. */
export const segmentsOf = (
  { name, kind }: { readonly name: string; readonly kind: RenditionKind },
  gridCount: number,
): number => (kind === 'images' && name === posterName ? 1 : gridCount);

const extensions: Readonly<Record<Container, string>> = {
  fmp4: 'm4s',
  mpegts: 'ts',
  packed: 'aac',
  jpeg: 'jpg',
  webvtt: 'vtt',
};

/** End of a segment's name, without the dot: players check it against what they find (ffmpeg's `extension_picky`). */
export const extensionOf = (container: Container): string => extensions[container];

/** The container whose segments end so, without the dot; undefined for any other. */
export const containerOfExtension = (extension: string): Container | undefined =>
  containers.find((container) => extensions[container] === extension);

/** MIME type of a segment or init segment (RFC 4337 for CMAF, RFC 8216 section 4 for the rest). */
export function mediaType({ kind, container }: Packing): string {
  switch (container) {
    case 'fmp4':
      return kind === 'audio' ? 'audio/mp4' : kind === 'subtitles' ? 'application/mp4' : 'video/mp4';
    case 'mpegts':
      return 'video/mp2t';
    case 'packed':
      return 'audio/aac';
    case 'jpeg':
      return 'image/jpeg';
    case 'webvtt':
      return 'text/vtt; charset=utf-8';
  }
}
