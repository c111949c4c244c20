import { type Check, check } from './check.ts';
import { playlistChecks } from './playlist-checks.ts';

export type { Level } from './check.ts';

/** Every check, by its stable id: ids are part of the `--json` contract. */
export const checks = {
  'http.status': check(
    'error',
    'Everything that is listed answers 200',
    'RFC 8216 6.2.1',
    'Serve every listed URL, or hold the request until it can be served',
  ),
  'http.body': check(
    'error',
    'Every body arrives whole',
    'RFC 9112 8',
    'Look for a cut connection or a wrong content-length between server and client',
  ),
  'http.cors': check(
    'error',
    'Every answer allows every origin, redirects too',
    'Fetch 3.3',
    'Answer `access-control-allow-origin: *`: after a redirect browsers send `Origin: null`, so a list of origins fails',
  ),
  'http.type': check(
    'error',
    'Content types are those of HLS and CMAF',
    'RFC 8216 4',
    'Playlists: application/vnd.apple.mpegurl. Segments: video/mp4, audio/mp4 or video/iso.segment',
  ),
  'http.gzip': check(
    'error',
    'Compressed answers are valid',
    'RFC 1952',
    'Compress the whole body once, never a segment, and send `vary: accept-encoding`',
  ),
  'http.redirect': check(
    'error',
    'Redirects are 307 or 302',
    'RFC 9110 15.4',
    'Never 301 or 308: ffmpeg and browsers remember those for ever',
  ),
  'http.scheme': check(
    'error',
    'Redirects keep the scheme',
    'RFC 9110 15.4',
    'Redirect https to https: AVPlayer drops the others, browsers refuse https to http',
  ),
  'cache.playlist': check(
    'warning',
    'Playlists can be cached exactly as long as they hold',
    'RFC 8216bis B.1',
    'A growing playlist: at most half a target duration; one that never changes: immutable',
  ),
  'cache.segment': check(
    'warning',
    'Segments and init segments can be cached for ever',
    'RFC 9111 5.2',
    'Answer `cache-control: public, max-age=31536000, immutable`: their bytes never change',
  ),
  'cache.held': check(
    'warning',
    'Answers that were held are not cached',
    'RFC 9111 5.2',
    'An answer with leading `free` boxes is `no-store`, so that no cache keeps the filler',
  ),
  'cache.redirect': check(
    'error',
    'Redirects are not kept',
    'RFC 9111 5.2',
    'Answer redirects with `no-store`: where a segment comes from changes',
  ),
  ...playlistChecks,
  'box.structure': check(
    'error',
    'Boxes are well formed',
    'ISO/IEC 14496-12 4.2',
    'Sizes of boxes must add up to the segment: was it cut, or written twice?',
  ),
  'box.init': check(
    'error',
    'Init segments hold one track and no samples',
    'ISO/IEC 23000-19 7.3.2',
    'One `ftyp` and one `moov` with one `trak` and an `mvex`',
  ),
  'box.elst': check(
    'error',
    'There are no edit lists',
    'ISO/IEC 14496-12 8.6.6',
    'Edit lists hide time that `tfdt` does not know of (ffmpeg: -use_editlist 0)',
  ),
  'box.track': check(
    'error',
    'Segments belong to the track of their init segment',
    'ISO/IEC 14496-12 8.8.7',
    'The track_ID of `tfhd` must be that of `trak`',
  ),
  'box.samples': check(
    'error',
    'All samples lie in the media data',
    'ISO/IEC 14496-12 8.8.8',
    'Sample sizes and data offset of `trun` must fit into `mdat`',
  ),
  'time.tfdt': check(
    'error',
    'Each segment begins where the one before it ends',
    'ISO/IEC 14496-12 8.8.12',
    'tfdt(n+1) = tfdt(n) + sum of sample durations: neither gap nor overlap',
  ),
  'time.extinf': check(
    'error',
    'EXTINF is the duration of the segment',
    'RFC 8216 4.3.2.1',
    'Write the sum of its sample durations, to the millisecond or better',
  ),
  'time.sync': check(
    'error',
    'Video segments begin with a sync sample',
    'RFC 8216 3.3',
    'Force an IDR frame at each boundary and flag it as sync sample',
  ),
  'time.total': check(
    'error',
    'Media lasts as long as its playlist says',
    'RFC 8216 4.3.2.1',
    'Some segment is shorter or longer than listed',
  ),
  'time.ends': check(
    'error',
    'Tracks begin and end together (50 ms)',
    'RFC 8216 6.2.4',
    'Render every track up to the end of the video',
  ),
  'decode.errors': check(
    'error',
    'ffmpeg decodes everything without a complaint',
    'ISO/IEC 14496-10, 14496-3',
    'The first complaints are quoted: a segment is damaged or made by other settings',
  ),
  'decode.frames': check(
    'error',
    'As many frames come out as samples went in',
    'ISO/IEC 14496-10',
    'Frames are lost at joins: look for open GOPs and repeated timestamps',
  ),
  'decode.samples': check(
    'error',
    'As many audio samples come out as durations say',
    'ISO/IEC 14496-3',
    'Audio is lost or added at joins: look for priming that was not dropped',
  ),
} as const satisfies Record<string, Check>;

/** Id of a check. */
export type CheckId = keyof typeof checks;

/** The same ids, in the order of the report. */
export const checkIds: readonly CheckId[] = Object.keys(checks).filter((id): id is CheckId => id in checks);
