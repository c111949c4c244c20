import { check } from './check.ts';

/** Checks of what playlists say. */
export const playlistChecks = {
  'm3u8.text': check(
    'error',
    'Playlists are UTF-8 without BOM and control characters',
    'RFC 8216 4',
    'Write plain UTF-8 with LF or CRLF line ends',
  ),
  'm3u8.extm3u': check(
    'error',
    'Playlists begin with #EXTM3U',
    'RFC 8216 4.3.1.1',
    'Make #EXTM3U the first line',
  ),
  'm3u8.version': check(
    'error',
    'EXT-X-VERSION is high enough for what is used',
    'RFC 8216 7',
    'Decimal EXTINF needs 3, BYTERANGE 4, EXT-X-MAP 6 (5 in I-frame playlists)',
  ),
  'm3u8.once': check(
    'error',
    'Tags that describe a playlist stand once',
    'RFC 8216 4.3.1.2, 4.3.3',
    'Remove the repeated tag',
  ),
  'm3u8.mixed': check(
    'error',
    'No playlist is both media and multivariant',
    'RFC 8216 4.1',
    'Put EXT-X-MEDIA and EXT-X-STREAM-INF into the multivariant playlist only',
  ),
  'm3u8.attributes': check(
    'error',
    'Attribute lists are well formed',
    'RFC 8216 4.2',
    'NAME=value, names in capitals and once, URI in double quotes, no spaces',
  ),
  'm3u8.targetduration': check(
    'error',
    'EXT-X-TARGETDURATION is there and holds for every segment',
    'RFC 8216 4.3.3.1',
    'A whole number of seconds, at least every EXTINF rounded to the nearest whole number',
  ),
  'm3u8.extinf': check(
    'error',
    'Every segment has its EXTINF',
    'RFC 8216 4.3.2.1',
    'Write `#EXTINF:seconds,` before each segment URI',
  ),
  'm3u8.endlist': check(
    'warning',
    'The playlist is complete',
    'RFC 8216 4.3.3.4',
    'EXT-X-ENDLIST ends a finished playlist. Still growing? Verify again when it is done',
  ),
  'm3u8.vod': check(
    'error',
    'A VOD playlist is complete from the start',
    'RFC 8216 6.2.1',
    'A VOD playlist must not change: add EXT-X-ENDLIST, or use EVENT',
  ),
  'm3u8.map': check(
    'error',
    'Every fMP4 segment has its EXT-X-MAP',
    'RFC 8216 3.3, 4.3.2.5',
    'Write `#EXT-X-MAP:URI="init.mp4"` before the first segment',
  ),
  'm3u8.independent': check(
    'warning',
    'Segments are declared independent',
    'RFC 8216 4.3.5.1',
    'Begin each segment with an IDR frame and write EXT-X-INDEPENDENT-SEGMENTS',
  ),
  'm3u8.uri': check(
    'warning',
    'URIs are relative, or on another host, with an extension that players know',
    'RFC 8216 4.1',
    'Relative URIs survive a move of the host; players choose a demuxer by .m4s, .mp4, .m3u8, .ts',
  ),
  'm3u8.start': check(
    'warning',
    'Viewers of a growing playlist start at its beginning',
    'RFC 8216 4.3.5.2',
    'Write #EXT-X-START:TIME-OFFSET=0.01,PRECISE=YES (0 is ignored by Shaka)',
  ),
  'm3u8.parser': check(
    'warning',
    'm3u8-parser (video.js) has nothing to remark',
    'RFC 8216 4',
    'Look at the line that it names',
  ),
  'variant.attributes': check(
    'error',
    'Variants and renditions have their required attributes',
    'RFC 8216 4.3.4.1, 4.3.4.2',
    'BANDWIDTH for variants; TYPE, GROUP-ID, NAME and a unique NAME for renditions',
  ),
  'variant.group': check(
    'error',
    'Variants name groups that exist',
    'RFC 8216 4.3.4.2.1',
    'Write an EXT-X-MEDIA with this GROUP-ID',
  ),
  'variant.codecs': check(
    'error',
    'CODECS say what the init segments contain',
    'RFC 6381',
    'Take CODECS from avcC and esds; browsers refuse what was not announced',
  ),
  'variant.described': check(
    'warning',
    'Variants have CODECS and RESOLUTION',
    'RFC 8216 4.3.4.2',
    'Players choose by them, and hls.js can only guess without',
  ),
  'variant.resolution': check(
    'error',
    'RESOLUTION is that of the video',
    'RFC 8216 4.3.4.2',
    'Take it from the encoder settings',
  ),
  'variant.bandwidth': check(
    'error',
    'No segments need more than BANDWIDTH',
    'RFC 8216 4.3.4.2',
    'Announce the peak, or bound the encoder (maxrate, bufsize)',
  ),
  'variant.targetduration': check(
    'error',
    'All renditions have the same target duration',
    'RFC 8216 6.2.4',
    'Use one target duration for all media playlists',
  ),
} as const;
