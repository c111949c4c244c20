import { rule } from './rule.ts';

/** Rules of answers: status, CORS, types, caching. */
export const httpRules = {
  'http.status': rule(
    'error',
    'Everything that is listed answers 200 (206 for a byte range)',
    'RFC 8216 6.2.1',
    'Serve every listed URL, or hold the request until it can be served',
  ),
  'http.body': rule(
    'error',
    'Every body arrives whole',
    'RFC 9112 8',
    'Look for a cut connection or a wrong content-length between server and client',
  ),
  'http.range': rule(
    'error',
    'Byte ranges are answered with just these bytes',
    'RFC 8216 4.3.2.2',
    'Serve `range` requests with 206 and the bytes that were asked for; the file must be long enough',
  ),
  'http.cors': rule(
    'error',
    'Every answer allows every origin, redirects too',
    'Fetch 3.3',
    'Answer `access-control-allow-origin: *`: after a redirect browsers send `Origin: null`, so a list of origins fails',
  ),
  'http.type': rule(
    'error',
    'Content types are those of HLS',
    'RFC 8216 4',
    'Playlists: application/vnd.apple.mpegurl. Segments: video/mp4, audio/mp4, video/iso.segment, video/mp2t, audio/aac, text/vtt',
  ),
  'http.gzip': rule(
    'error',
    'Compressed answers are valid',
    'RFC 1952',
    'Compress the whole body once, never a segment, and send `vary: accept-encoding`',
  ),
  'http.redirect': rule(
    'warning',
    'Redirects are temporary',
    'RFC 9110 15.4.2, 15.4.9',
    'Answer 302 or 307: ffmpeg and browsers keep what 301 and 308 say for ever, and never ask the first URL again',
  ),
  'http.scheme': rule(
    'error',
    'Redirects keep the scheme',
    'RFC 9110 15.4',
    'Redirect https to https: AVPlayer drops the others, browsers refuse https to http',
  ),
  'http.direct': rule(
    'note',
    'Media is answered without a redirect',
    'Apple 8.18',
    'Apple allows redirects for ads only; players follow 307 all the same',
  ),
  'http.compressed': rule(
    'note',
    'Long playlists are compressed',
    'Apple 10.1',
    'Answer playlists with `content-encoding: gzip` to clients that accept it',
  ),
  'http.tls': rule(
    'note',
    'Playlists come over TLS',
    'Apple 11.1',
    'Serve https: pages on https cannot play http, and iOS apps must ask for an exception',
  ),
  'cache.playlist': rule(
    'warning',
    'Playlists can be cached exactly as long as they hold',
    'RFC 8216bis B.1',
    'A growing playlist: at most half a target duration; one that never changes: immutable',
  ),
  'cache.segment': rule(
    'warning',
    'Segments and init segments can be cached for ever',
    'RFC 9111 5.2',
    'Answer `cache-control: public, max-age=31536000, immutable`: their bytes never change',
  ),
  'cache.held': rule(
    'warning',
    'Answers that were held are not cached',
    'RFC 9111 5.2',
    'An answer with leading `free` boxes is `no-store`, so that no cache keeps the filler',
  ),
  'cache.redirect': rule(
    'error',
    'Redirects are not kept',
    'RFC 9111 5.2',
    'Answer redirects with `no-store`: where a segment comes from changes',
  ),
} as const;
