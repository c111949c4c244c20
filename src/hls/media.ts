import { type Grid, segmentCount, segmentStart, targetDuration } from '../grid/grid.ts';
import { seconds, startAtBeginning } from './text.ts';

/** Everything that a media playlist depends on. */
export interface MediaPlaylistInput {
  readonly grid: Grid;
  readonly kind: 'video' | 'audio';
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
 * A media playlist (RFC 8216 4.3.3). For a fixed `sealed`, the `vod` text never changes, and each `event` text is a prefix
 * of the next apart from ENDLIST. `sealed` changes nothing but the URLs of the lines below it.
 * @throws RangeError when `sealed` is not a number of segments of the grid
 */
export function mediaPlaylist(input: MediaPlaylistInput): string {
  const { grid, mode } = input;
  const count = segmentCount(grid);
  if (!Number.isInteger(input.sealed) || input.sealed < 0 || input.sealed > count) {
    throw new RangeError(`A playlist of ${count} segments cannot have ${input.sealed} sealed ones`);
  }
  const complete = mode.type === 'vod' || mode.durable;
  const listed = complete ? count : Math.min(count, Math.max(input.sealed, mode.available));
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${targetDuration(grid)}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    `#EXT-X-PLAYLIST-TYPE:${mode.type === 'vod' ? 'VOD' : 'EVENT'}`,
    '#EXT-X-INDEPENDENT-SEGMENTS',
    ...(mode.type === 'event' ? [startAtBeginning] : []),
    `#EXT-X-MAP:URI="${input.initUri ?? 'init.mp4'}"`,
  ];
  for (let n = 0; n < listed; n += 1) {
    const micros = startMicros(grid, input.kind, n + 1) - startMicros(grid, input.kind, n);
    lines.push(`#EXTINF:${seconds(micros)},`, n < input.sealed ? input.sealedUrl(n) : `${n}.m4s`);
  }
  if (complete) lines.push('#EXT-X-ENDLIST');
  return `${lines.join('\n')}\n`;
}

/**
 * Start of segment `n` in whole microseconds. EXTINF is the difference of two of these, so that rounding never adds up: the
 * sum of all durations before `n` is the start of `n` to half a microsecond.
 */
function startMicros(grid: Grid, kind: 'video' | 'audio', n: number): number {
  return Math.round(segmentStart(grid, kind, n) * 1e6);
}
