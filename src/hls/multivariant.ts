import type { FrameRate } from '../grid/grid.ts';
import { attributes, quoted, startAtBeginning } from './text.ts';

/** What a multivariant playlist says of a rendition. Bit rates are in bits per second, sizes in pixels. */
export type ListedRendition = {
  /** Name in URLs, with the generation (`720p`, `720p~2`). */
  readonly path: string;
  /** RFC 6381 codecs, e.g. `avc1.640020`. */
  readonly codecs: string;
  /** Bit rate that no segment passes. */
  readonly bandwidth: number;
  readonly averageBandwidth: number;
} & (
  | { readonly kind: 'video'; readonly width: number; readonly height: number }
  | { readonly kind: 'audio'; readonly channels: number }
);

/** Everything that a multivariant playlist depends on. */
export interface MultivariantInput {
  readonly renditions: readonly ListedRendition[];
  readonly frameRate: FrameRate;
  /** Leading segments in the bucket, by rendition path; missing means 0. */
  readonly sealedByRendition: Readonly<Record<string, number>>;
  /** `vod`: everything is listed at once. `event`: only what exists is listed. */
  readonly mode: 'vod' | 'event';
  /** URL of a media playlist by rendition path, where it is not {@link mediaPlaylistUri}: the copy in the bucket has no query. */
  readonly mediaUri?: (path: string) => string;
}

const audioGroup = 'audio';

/**
 * The multivariant playlist of this moment (RFC 8216 4.3.4): a session reads it once, and so keeps the sealed prefix that
 * each media playlist URL carries. Throws a RangeError where there is nothing to list.
 */
export function multivariantPlaylist(input: MultivariantInput): string {
  const audio = input.renditions.filter((rendition) => rendition.kind === 'audio');
  const video = input.renditions.filter((rendition) => rendition.kind === 'video');
  if (input.renditions.length === 0) throw new RangeError('A multivariant playlist needs a rendition');
  const lines = ['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-INDEPENDENT-SEGMENTS'];
  if (input.mode === 'event') lines.push(startAtBeginning);
  const variants = video.length > 0 ? video : audio;
  const grouped = video.length > 0 ? audio : [];
  for (const [index, rendition] of grouped.entries())
    lines.push(audioLine(rendition, index, uriOf(rendition, input)));
  for (const rendition of variants) {
    lines.push(variantLine(rendition, grouped, input.frameRate), uriOf(rendition, input));
  }
  return `${lines.join('\n')}\n`;
}

/** Relative URL of a media playlist. It names everything its text depends on, so the text of a `vod` one never changes. */
function mediaPlaylistUri(path: string, sealed: number, mode: 'vod' | 'event'): string {
  return `${path}/media.m3u8?sealed=${sealed}${mode === 'event' ? '&mode=event' : ''}`;
}

function uriOf(rendition: ListedRendition, input: MultivariantInput): string {
  if (input.mediaUri !== undefined) return input.mediaUri(rendition.path);
  return mediaPlaylistUri(rendition.path, input.sealedByRendition[rendition.path] ?? 0, input.mode);
}

function audioLine(rendition: ListedRendition, index: number, uri: string): string {
  const first = index === 0 ? 'YES' : 'NO';
  return `#EXT-X-MEDIA:${attributes({
    TYPE: 'AUDIO',
    'GROUP-ID': quoted(audioGroup),
    NAME: quoted(rendition.path),
    DEFAULT: first,
    AUTOSELECT: 'YES',
    CHANNELS: rendition.kind === 'audio' ? quoted(String(rendition.channels)) : undefined,
    URI: quoted(uri),
  })}`;
}

/** BANDWIDTH of a variant is that of its worst combination: the video and the heaviest sound of its group. */
function variantLine(
  rendition: ListedRendition,
  audio: readonly ListedRendition[],
  frameRate: FrameRate,
): string {
  const heaviest = (of: (one: ListedRendition) => number): number => Math.max(0, ...audio.map(of));
  const codecs = [...new Set([rendition.codecs, ...audio.map((one) => one.codecs)])].join(',');
  const isVideo = rendition.kind === 'video';
  return `#EXT-X-STREAM-INF:${attributes({
    BANDWIDTH: String(Math.ceil(rendition.bandwidth + heaviest((one) => one.bandwidth))),
    'AVERAGE-BANDWIDTH': String(
      Math.ceil(rendition.averageBandwidth + heaviest((one) => one.averageBandwidth)),
    ),
    CODECS: quoted(codecs),
    RESOLUTION: isVideo ? `${rendition.width}x${rendition.height}` : undefined,
    'FRAME-RATE': isVideo ? (frameRate.num / frameRate.den).toFixed(3) : undefined,
    AUDIO: audio.length > 0 ? quoted(audioGroup) : undefined,
  })}`;
}
