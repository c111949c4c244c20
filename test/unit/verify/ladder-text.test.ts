import { parse, setOptions } from 'hls-parser';
import { describe, expect, it } from 'vitest';
import { gridOf } from '../../../src/grid/grid.ts';
import { mediaPlaylist } from '../../../src/hls/media.ts';
import { type ListedRendition, multivariantPlaylist } from '../../../src/hls/multivariant.ts';
import { webvttSegment } from '../../../src/hls/webvtt.ts';
import type { Packing } from '../../../src/rendition/kind.ts';
import { readVtt } from '../../../src/verify/segment/webvtt.ts';
import { lookInto } from './playlists.ts';

// What Segue writes of a ladder, as verify and hls-parser read it.
setOptions({ strictMode: true, silent: true });

const rates = { bandwidth: 2_000_000, averageBandwidth: 1_500_000 };
const renditions: readonly ListedRendition[] = [
  { kind: 'video', path: '720p', codecs: 'avc1.64001f', width: 1280, height: 720, ...rates },
  { kind: 'video', path: '360p', codecs: 'avc1.64001e', width: 640, height: 360, ...rates },
  { kind: 'audio', path: 'audio', codecs: 'mp4a.40.2', channels: 2, ...rates },
  { kind: 'subtitles', path: 'en', title: 'English', language: 'en' },
  { kind: 'iframes', path: 'iframes', codecs: 'avc1.64001e', width: 640, height: 360, ...rates },
  { kind: 'images', path: 'thumbs', codecs: 'jpeg', width: 160, height: 90, ...rates },
];
const grid = gridOf({ num: 25, den: 1 }, 500);
const rate = { num: 25, den: 1 };
const packings: readonly Packing[] = [
  { kind: 'video', container: 'fmp4' },
  { kind: 'audio', container: 'fmp4' },
  { kind: 'iframes', container: 'fmp4' },
  { kind: 'images', container: 'jpeg' },
  { kind: 'subtitles', container: 'webvtt' },
];

describe.each(['vod', 'event'] as const)('the text of a ladder (%s)', (mode) => {
  it('breaks no rule of multivariant playlists', () => {
    const text = multivariantPlaylist({
      renditions,
      frameRate: rate,
      sealedByRendition: {},
      mode,
      steering: { uri: 'steering.json', pathway: 'nodes' },
    });
    expect(lookInto(text).filter(({ level }) => level === 'error')).toEqual([]);
    expect(() => parse(text)).not.toThrow();
  });

  it.each(packings)('breaks no rule of media playlists: $kind in $container', (track) => {
    const text = mediaPlaylist({
      grid,
      track: { ...track, width: 160, height: 90 },
      sealed: 0,
      sealedUrl: () => '',
      mode: mode === 'vod' ? { type: 'vod' } : { type: 'event', available: 3, durable: false },
    });
    const allowed = mode === 'vod' ? [] : ['m3u8.live'];
    expect(lookInto(text).filter(({ check }) => !allowed.includes(check))).toEqual([]);
    expect(() => parse(text)).not.toThrow();
  });
});

it('writes subtitles whose times are those that were meant', () => {
  const cues = [{ start: 1, end: 2.5, text: 'A <b>\n\n&' }];
  expect(readVtt(Buffer.from(webvttSegment(grid, 1, cues)))).toMatchObject({
    headerProblem: undefined,
    mapProblem: undefined,
    cues: [{ from: 1, to: 2.5 }],
  });
});
