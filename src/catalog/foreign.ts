/**
 * Words of a foreign stream as the catalog keeps them: what its renditions, segments and keys are. Portable, no SQL.
 */

/** Profile and renderer version of the one render of a foreign stream. Nobody can make its segments again. */
export const foreign = 'foreign';

/**
 * What the source says of a rendition, or what its first segment showed. `variant`: a line of EXT-X-STREAM-INF; `media`: an
 * alternative of EXT-X-MEDIA (RFC 8216, 4.3.4). A stream without a multivariant playlist has variants only.
 */
export interface RenditionAttributes {
  /** Path of its media playlist below the stream's ingest URL: what tells the renditions of a source apart. */
  readonly source: string;
  readonly role: 'variant' | 'media';
  /** RFC 6381, of everything that plays with it: as the source says, else as the first segment shows. */
  readonly codecs?: string | undefined;
  /** Bits per second, as the source says, else the peak of the first segments. */
  readonly bandwidth?: number | undefined;
  /** The bandwidth is that peak, and may still grow. */
  readonly isMeasured?: boolean | undefined;
  readonly averageBandwidth?: number | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Frames per second, as EXT-X-STREAM-INF has it. */
  readonly frameRate?: number | undefined;
  /** Of a variant: the groups that it plays with. */
  readonly audioGroup?: string | undefined;
  readonly subtitlesGroup?: string | undefined;
  /** Of an alternative: attributes of EXT-X-MEDIA. */
  readonly groupId?: string | undefined;
  readonly name?: string | undefined;
  readonly language?: string | undefined;
  readonly channels?: string | undefined;
  readonly characteristics?: string | undefined;
  readonly isDefault?: boolean | undefined;
  readonly autoselect?: boolean | undefined;
  readonly forced?: boolean | undefined;
}

/**
 * EXT-X-KEY that holds for a segment (RFC 8216, 4.3.2.4), with the IV always written out: without one it would be the media
 * sequence number of the source, which is not ours. Exactly one of `file` (a name in `foreign_files`) and `uri` (absolute,
 * passed on as it is) is set.
 */
export interface SegmentKey {
  readonly method: 'AES-128' | 'SAMPLE-AES';
  readonly file?: string | undefined;
  readonly uri?: string | undefined;
  /** `0x` and 32 hexadecimal digits. Absent only for a key format that carries its own. */
  readonly iv?: string | undefined;
  readonly keyFormat?: string | undefined;
  readonly keyFormatVersions?: string | undefined;
}

/**
 * EXT-X-KEY that holds for an init segment, where that is another one than its segment's: it is in force where EXT-X-MAP is
 * listed (RFC 8216, 4.3.2.4). `NONE`: the init segment is not encrypted.
 */
export type InitKey = SegmentKey | { readonly method: 'NONE' };

/** Where a segment came from: how a node that starts again knows what it has. */
export interface SegmentSource {
  /** Media sequence number in the source. */
  readonly sequence: number;
  /** Path below the ingest URL, with the byte range where there is one. */
  readonly uri: string;
  /** CRC-32 of the segment's bytes: tells a name that was used again from the same upload. */
  readonly crc32: number;
  /** Names, in the source, of the init segment and of the key that it came with. */
  readonly map?: string | undefined;
  readonly keyPath?: string | undefined;
  /** Key of its init segment, where that is not the segment's own. */
  readonly initKey?: InitKey | undefined;
}

/** Name of init segment `init` of a rendition, in `foreign_files` and in URLs. */
export const initFile = (init: number): string => `init-${init}.mp4`;

/** Name of AES key number `key` of a rendition. */
export const keyFile = (key: number): string => `key-${key}.key`;
