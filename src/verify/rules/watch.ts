import { rule } from './rule.ts';

/** Rules of playlists that are reloaded. */
export const watchRules = {
  'watch.line': rule(
    'error',
    'No listed line ever changes',
    'RFC 8216 6.2.1',
    'Append, or remove from the front: players keep what they have read, or stop',
  ),
  'watch.removed': rule(
    'error',
    'Segments are removed from the front of live playlists only',
    'RFC 8216 6.2.2, 4.3.3.5',
    'Nothing is removed from EVENT and VOD, and nothing from the end',
  ),
  'watch.sequence': rule(
    'error',
    'EXT-X-MEDIA-SEQUENCE counts the segments that were removed',
    'RFC 8216 6.2.2',
    'Add one for each segment that is removed, and never go back, after a restart either',
  ),
  'watch.discontinuity': rule(
    'error',
    'EXT-X-DISCONTINUITY-SEQUENCE counts the discontinuities that were removed',
    'RFC 8216 6.2.2',
    'Add one when an EXT-X-DISCONTINUITY is removed with its segment, and only then',
  ),
  'watch.targetduration': rule(
    'error',
    'The target duration stays',
    'RFC 8216 6.2.1',
    'Choose it before the first segment is listed',
  ),
  'watch.window': rule(
    'error',
    'A live playlist keeps three target durations',
    'RFC 8216 6.2.2',
    'Remove no segment while what is left lasts less than three target durations',
  ),
  'watch.late': rule(
    'error',
    'New segments come within 1.5 target durations (and a second)',
    'RFC 8216 6.2.1',
    'Is the encoder slower than real time, or stopped? Then players run dry',
  ),
  'watch.ended': rule(
    'error',
    'Nothing changes after EXT-X-ENDLIST',
    'RFC 8216 4.3.3.4',
    'Write EXT-X-ENDLIST once everything is listed: players never reload after it',
  ),
  'watch.bytes': rule(
    'error',
    'A segment is the same bytes whenever it is fetched',
    'RFC 8216 6.2.1, 6.3.3',
    'Never write other media under a listed URL: caches and players mix both',
  ),
} as const;
