import { type Grid, segmentCount, segmentStart, targetDuration } from '../grid/grid.ts';
import { extensionOf, type Packing } from '../rendition/kind.ts';
import { attributes, seconds, startAtBeginning } from './text.ts';

/** A rendition as far as its media playlist depends on it. */
export interface ListedTrack extends Packing {
  /** Pixels of a picture: needed where `kind` is `images`. */
  readonly width?: number;
  readonly height?: number;
}

/** Everything that a media playlist depends on. */
export interface MediaPlaylistInput {
  readonly grid: Grid;
  readonly track: ListedTrack;
  /** Number of leading segments that are listed with their bucket URL. */
  readonly sealed: number;
  /** Absolute URL of segment `n` in the bucket; asked for `n < sealed` only. */
  readonly sealedUrl: (n: number) => string;
  /** `vod`: everything is listed at once. `event`: the leading segments that exist. */
  readonly mode:
    | { readonly type: 'vod' }
    | {
        readonly type: 'event';
        /** Leading segments that exist. */
        readonly available: number;
        /** Every segment is in the bucket: nothing of the list can be lost any more. */
        readonly durable: boolean;
      };
  /** URL of the init segment. Default: `init.mp4` beside the playlist. */
  readonly initUri?: string;
}

/**
 * A media playlist (RFC 8216 4.3.3); of key frames with EXT-X-I-FRAMES-ONLY, of pictures with EXT-X-IMAGES-ONLY (Roku, DASH-IF).
 * For a fixed `sealed`, the `vod` text never changes, and each `event` text is a prefix of the next apart from ENDLIST.
 * `sealed` changes nothing but the URLs of the lines below it.
 * @throws RangeError when `sealed` is not a number of segments of the grid
 */
export function mediaPlaylist(input: MediaPlaylistInput): string {
  const { grid, mode, track } = input;
  const count = segmentCount(grid);
  if (!Number.isInteger(input.sealed) || input.sealed < 0 || input.sealed > count) {
    throw new RangeError(`A playlist of ${count} segments cannot have ${input.sealed} sealed ones`);
  }
  const complete = mode.type === 'vod' || mode.durable;
  const listed = complete ? count : Math.min(count, Math.max(input.sealed, mode.available));
  const fragmented = track.container === 'fmp4';
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${targetDuration(grid)}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    `#EXT-X-PLAYLIST-TYPE:${mode.type === 'vod' ? 'VOD' : 'EVENT'}`,
    ...(fragmented ? ['#EXT-X-INDEPENDENT-SEGMENTS'] : []),
    ...(track.kind === 'iframes' ? ['#EXT-X-I-FRAMES-ONLY'] : []),
    ...(track.kind === 'images' ? ['#EXT-X-IMAGES-ONLY'] : []),
    ...(mode.type === 'event' ? [startAtBeginning] : []),
    ...(fragmented ? [`#EXT-X-MAP:URI="${input.initUri ?? 'init.mp4'}"`] : []),
  ];
  const clock = track.kind === 'audio' ? 'audio' : 'video';
  for (let n = 0; n < listed; n += 1) {
    const duration = seconds(startMicros(grid, clock, n + 1) - startMicros(grid, clock, n));
    lines.push(`#EXTINF:${duration},`);
    if (track.kind === 'images') lines.push(tilesLine(track, duration));
    lines.push(n < input.sealed ? input.sealedUrl(n) : `${n}.${extensionOf(track.container)}`);
  }
  if (complete) lines.push('#EXT-X-ENDLIST');
  return `${lines.join('\n')}\n`;
}

/**
 * A media playlist of a single file that lasts as long as the video: subtitles as they are stored. Those alone may have another
 * target duration than the variants that they belong to (RFC 8216 6.2.4).
 */
export function wholePlaylist(grid: Grid, uri: string): string {
  const micros = startMicros(grid, 'video', segmentCount(grid));
  return `${[
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${Math.max(1, Math.round(micros / 1e6))}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    '#EXT-X-PLAYLIST-TYPE:VOD',
    `#EXTINF:${seconds(micros)},`,
    uri,
    '#EXT-X-ENDLIST',
  ].join('\n')}\n`;
}

/** One picture a segment: a grid of 1 by 1 that lasts as long as the segment. */
function tilesLine({ width = 0, height = 0 }: ListedTrack, duration: string): string {
  return `#EXT-X-TILES:${attributes({ RESOLUTION: `${width}x${height}`, LAYOUT: '1x1', DURATION: duration })}`;
}

/**
 * Start of segment `n` in whole microseconds. EXTINF is the difference of two of these, so that rounding never adds up: the
 * sum of all durations before `n` is the start of `n` to half a microsecond.
 */
function startMicros(grid: Grid, clock: 'video' | 'audio', n: number): number {
  return Math.round(segmentStart(grid, clock, n) * 1e6);
}
