import { fps } from './stage.ts';
import type { Miss, Verdict } from './verdict.ts';

/** A cell that cannot reach the goal for a reason that lies in the player. */
export interface Known {
  readonly players: readonly string[];
  readonly scenarios: readonly string[];
  /** What may happen. */
  readonly misses: readonly Miss[];
  /** Frames that may be lost at most, where `misses` has that. */
  readonly mostLost?: number;
  /** It always happens; false: it depends on the moment. */
  readonly always: boolean;
  /** Why, from the player's source. */
  readonly why: string;
  /** The nearest thing that works. */
  readonly instead: string;
}

/** Everything that is known of players' own limits, numbered in the table from 1. */
export const known: readonly Known[] = [
  {
    players: ['ffmpeg', 'ffmpeg -re', 'mpv'],
    scenarios: ['seek', 'back'],
    // What it comes to nothing with it need not have fetched.
    misses: ['does not reach the end', 'loses frames', 'not exercised'],
    // Everything from the seek on: 22 s of `back`, 10 s of `seek`.
    mostLost: 22 * fps,
    always: true,
    why: 'ffmpeg before the release with "Discard current fragment index" in `mov_read_packet` (libavformat/mov.c; Debian 12 has 5.1) goes on with the sample index of the fragments that it read before a seek: `hls_read_seek` sets the position to 0, and old sample positions then point into the new segment (`Invalid NAL unit size`). It does so with every fMP4 HLS stream, Apple\'s own example included (mpv-player/mpv#15184). mpv uses the same library.',
    instead:
      'A build with that fix. With an older one, mpv seeks inside what it has cached, and plays from the start.',
  },
  {
    players: ['hls.js 1.5'],
    // Wherever it may have to wait.
    scenarios: [
      'start',
      'join',
      'lost',
      'lost-event',
      'seek',
      'back',
      'slow',
      'bucket',
      'restart',
      'quality',
      'end',
    ],
    misses: ['loses frames'],
    // Ten nudges.
    mostLost: 30,
    always: false,
    why: 'When playback stalls for want of data, its gap controller nudges `currentTime` by `nudgeOffset` (0.1 s) to unstick the media element (`_tryNudgeBuffer` in gap-controller.ts): two or three frames are jumped over.',
    instead: 'hls.js 1.6 and newer.',
  },
  {
    players: ['hls.js 1.7', 'hls.js 1.6', 'hls-video in media-chrome'],
    // Only there is something buffered elsewhere while they wait.
    scenarios: ['seek', 'back'],
    misses: ['loses frames'],
    // Ten nudges.
    mostLost: 30,
    always: false,
    why: 'While they wait for data after a seek and have a second buffered range from before it, their gap controller nudges `currentTime` by `nudgeOffset` (0.1 s) at a time (`_tryNudgeBuffer`, whose condition is more than one buffered range, in gap-controller.ts): two or three frames are jumped over.',
    instead: '`nudgeOffset: 0.01` in its configuration, less than a frame.',
  },
  {
    players: ['Chromium <video>'],
    scenarios: ['lost-event'],
    // It gives up before the kill.
    misses: ['does not reach the end', 'loses frames', 'not exercised'],
    mostLost: 28 * fps,
    always: false,
    why: 'Its own HLS demuxer gives up with DEMUXER_ERROR_COULD_NOT_PARSE at the start of a growing playlist.',
    instead: 'The complete playlist, which is the default (without `?mode=event`).',
  },
  {
    players: ['VLC'],
    scenarios: ['lost-event'],
    misses: ['does not reach the end', 'loses frames'],
    // What the list grows by during one wait, half of the video.
    mostLost: 14 * fps,
    always: false,
    why: 'A list without ENDLIST is live to it, whatever EXT-X-PLAYLIST-TYPE says: after a wait it plays on at the live end (its clock is reset: `ES_OUT_SET_(GROUP_)PCR is called too late`).',
    instead: 'The complete playlist, which is the default.',
  },
  {
    players: ['GStreamer playbin3'],
    scenarios: ['lost-event'],
    misses: ['does not reach the end', 'loses frames', 'not exercised'],
    mostLost: 28 * fps,
    always: false,
    why: 'A list without ENDLIST is live to hlsdemux2, whatever EXT-X-PLAYLIST-TYPE says: it synchronises anew with what the list has grown to, so that it jumps over segments (also of one that nothing happens to), and sometimes loads them all and shows none.',
    instead: 'The complete playlist, which is the default, or `playbin`.',
  },
  {
    players: ['video.js'],
    scenarios: ['lost-event'],
    // It stands still at the last frame.
    misses: ['does not reach the end', 'loses frames', 'stalls with 5 s buffered'],
    // Chromium draws the last frame when the media source ends.
    mostLost: 1,
    always: false,
    why: "It does not always come to `ended`, and without it the last frame may not be drawn: whether the stream is over is decided when a segment has been appended (`isEndOfStream_` in VHS' segment-loader.js), and ENDLIST may come after that, when the last segment is in the bucket.",
    instead: 'The complete playlist, which is the default.',
  },
  {
    players: [
      'hls.js 1.7',
      'hls.js 1.6',
      'hls.js 1.5',
      'Shaka',
      'hls-video in media-chrome',
      'Chromium <video>',
      'ffmpeg -re',
      'mpv',
    ],
    scenarios: ['lost-event'],
    misses: ['stalls with 5 s buffered'],
    always: false,
    why: 'A growing list is asked for again once a target duration (4 s), or half of it where it had not grown (RFC 8216, 6.3.4): what is made again while a player waits for its next look comes up to 4 s later than it could.',
    instead: 'The complete playlist, which is the default: its segments are asked for at once, and held.',
  },
  {
    players: ['VLC'],
    scenarios: ['join', 'after'],
    misses: ['loses frames'],
    mostLost: 50,
    always: false,
    why: 'Where what it reads comes later than its clock allows, as on a busy machine, its clock is reset (`ES_OUT_SET_(GROUP_)PCR is called too late`), and the pictures of that time are not shown, also with `--network-caching=3000`, as the matrix runs it.',
    instead: 'Nothing that is known; what it shows after that is right.',
  },
  {
    players: ['VLC'],
    scenarios: ['quality'],
    misses: ['loses frames'],
    // The first segment, and what is on its way.
    mostLost: 30,
    always: false,
    why: 'It begins with one size and may change to another while it fills its first buffer of a second, which is longer than the first segment: its decoder is made anew (`Ending demuxer stream. [needrestart]`), and what was decoded and not displayed yet is gone. Frame numbers in its pictures show that it goes from frame 1 to frame 24.',
    instead: '`--adaptive-logic=highest`, or `lowest`: no change of size.',
  },
  {
    players: ['VLC', 'Chromium <video>'],
    scenarios: ['bucket'],
    // It may come to nothing at the very moment.
    misses: ['does not reach the end', 'fatal error', 'loses frames', 'not exercised'],
    mostLost: 24 * fps,
    always: false,
    why: 'A request to the bucket that is cut while it runs is not tried again: VLC takes the segment for ended (`HTTPChunkBufferedSource::bufferize` in modules/demux/adaptive/http/Chunk.cpp), Chromium gives up (`HlsRenditionImpl::OnSegmentData` quits on a read without a result). Nobody else is between them and the bucket.',
    instead:
      'A CDN in front of the bucket that fails over to the service (`infra/`): the connection that the player has is to the CDN.',
  },
];

/** What is known of a cell, with the number of each in the table. */
export function knownOf(player: string, scenario: string): { number: number; known: Known }[] {
  return known.flatMap((limit, index) =>
    limit.players.includes(player) && limit.scenarios.includes(scenario)
      ? [{ number: index + 1, known: limit }]
      : [],
  );
}

/** Misses of a cell that a limit of its player explains. */
export function explained({ misses, mostLost = 0 }: Known, { lost }: Verdict): readonly Miss[] {
  return misses.filter((miss) => miss !== 'loses frames' || lost <= mostLost);
}
