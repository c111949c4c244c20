import fc from 'fast-check';
import { parse, setOptions, types } from 'hls-parser';
import { beforeAll, describe, expect, test } from 'vitest';
import { gridOf, segmentCount, segmentStart, targetDuration } from '../../../src/grid/grid.ts';
import { type MediaPlaylistInput, mediaPlaylist } from '../../../src/hls/media.ts';
import { type ListedRendition, multivariantPlaylist } from '../../../src/hls/multivariant.ts';
import { sealedPrefix } from '../../../src/hls/sealed.ts';
import type { RenditionKind } from '../../../src/rendition/kind.ts';

beforeAll(() => setOptions({ strictMode: true }));

const rates = [
  { num: 24, den: 1 },
  { num: 25, den: 1 },
  { num: 30, den: 1 },
  { num: 50, den: 1 },
  { num: 60, den: 1 },
  { num: 24000, den: 1001 },
  { num: 30000, den: 1001 },
];
const grids = fc
  .tuple(fc.constantFrom(...rates), fc.integer({ min: 1, max: 20_000 }))
  .map(([rate, frames]) => gridOf(rate, frames));
const kinds = fc.constantFrom('video' as const, 'audio' as const);

/** A grid with a number of its segments, 0 and all of them included. */
const sealedGrids = grids.chain((grid) =>
  fc.tuple(fc.constant(grid), fc.integer({ min: 0, max: segmentCount(grid) })),
);

const sealedUrl = (n: number): string => `https://cdn.example.org/renders/r/720p/${n}.m4s`;
const media = ({
  kind,
  ...input
}: Omit<MediaPlaylistInput, 'sealedUrl' | 'track'> & { kind: RenditionKind }): string =>
  mediaPlaylist({ ...input, track: { kind, container: 'fmp4' }, sealedUrl });

function parsedMedia(text: string): types.MediaPlaylist {
  const playlist = parse(text);
  if (playlist instanceof types.MediaPlaylist) return playlist;
  throw new Error('not a media playlist');
}

/** Durations of the EXTINF lines in whole microseconds, read from the text itself. */
const micros = (text: string): number[] =>
  [...text.matchAll(/^#EXTINF:(\d+)\.(\d{6}),$/gm)].map(
    ([, whole, part]) => Number(whole) * 1e6 + Number(part),
  );

describe('media playlist', () => {
  test('is accepted by a strict parser, complete, and ends', () => {
    fc.assert(
      fc.property(sealedGrids, kinds, ([grid, sealed], kind) => {
        const playlist = parsedMedia(media({ grid, kind, sealed, mode: { type: 'vod' } }));
        expect(playlist.segments).toHaveLength(segmentCount(grid));
        expect(playlist.endlist).toBe(true);
        expect(playlist.playlistType).toBe('VOD');
        expect(playlist.independentSegments).toBe(true);
        expect(playlist.segments[0]?.map?.uri).toBe('init.mp4');
        for (const segment of playlist.segments) {
          expect(Math.round(segment.duration)).toBeLessThanOrEqual(playlist.targetDuration);
        }
        expect(playlist.targetDuration).toBe(targetDuration(grid));
      }),
      { numRuns: 100 },
    );
  });

  test('durations add up to the start of every segment, to half a microsecond', () => {
    fc.assert(
      fc.property(grids, kinds, (grid, kind) => {
        let sum = 0;
        for (const [n, duration] of micros(
          media({ grid, kind, sealed: 0, mode: { type: 'vod' } }),
        ).entries()) {
          expect(Math.abs(sum - segmentStart(grid, kind, n) * 1e6)).toBeLessThanOrEqual(0.5);
          sum += duration;
        }
        expect(Math.abs(sum - segmentStart(grid, kind, segmentCount(grid)) * 1e6)).toBeLessThanOrEqual(0.5);
      }),
      { numRuns: 100 },
    );
  });

  test('the sealed prefix changes the URLs below it and nothing else', () => {
    fc.assert(
      fc.property(sealedGrids, kinds, ([grid, sealed], kind) => {
        const plain = media({ grid, kind, sealed: 0, mode: { type: 'vod' } }).split('\n');
        const other = media({ grid, kind, sealed, mode: { type: 'vod' } }).split('\n');
        expect(other).toHaveLength(plain.length);
        for (const [index, line] of plain.entries()) {
          const n = /^(\d+)\.m4s$/.exec(line)?.[1];
          const expected = n !== undefined && Number(n) < sealed ? sealedUrl(Number(n)) : line;
          expect(other[index]).toBe(expected);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('a growing playlist only ever appends, and ends once everything is durable', () => {
    fc.assert(
      fc.property(sealedGrids, kinds, fc.infiniteStream(fc.nat(5)), ([grid, sealed], kind, steps) => {
        const count = segmentCount(grid);
        let before = '';
        // The service lists nothing before a first segment exists.
        let available = 1;
        for (const step of steps.take(30)) {
          available = Math.min(count, available + step);
          const text = media({ grid, kind, sealed, mode: { type: 'event', available, durable: false } });
          expect(text.startsWith(before)).toBe(true);
          const playlist = parsedMedia(text);
          expect([playlist.endlist, playlist.playlistType]).toEqual([false, 'EVENT']);
          expect(playlist.start).toEqual({ offset: 0.01, precise: true });
          expect(playlist.segments).toHaveLength(Math.max(sealed, available));
          before = text;
        }
        const last = media({ grid, kind, sealed, mode: { type: 'event', available: count, durable: true } });
        expect(last.startsWith(before)).toBe(true);
        expect(parsedMedia(last).segments).toHaveLength(count);
        expect(last.endsWith('#EXT-X-ENDLIST\n')).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('reads as written', () => {
    const grid = gridOf({ num: 25, den: 1 }, 250);
    expect(media({ grid, kind: 'video', sealed: 2, mode: { type: 'vod' } })).toBe(`#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="init.mp4"
#EXTINF:0.960000,
https://cdn.example.org/renders/r/720p/0.m4s
#EXTINF:0.960000,
https://cdn.example.org/renders/r/720p/1.m4s
#EXTINF:1.920000,
2.m4s
#EXTINF:3.840000,
3.m4s
#EXTINF:2.320000,
4.m4s
#EXT-X-ENDLIST
`);
  });

  test('key frames, pictures and text each have their own tags and names', () => {
    const grid = gridOf({ num: 25, den: 1 }, 50);
    const common = { grid, sealed: 0, sealedUrl, mode: { type: 'vod' } } as const;
    const iframes = mediaPlaylist({ ...common, track: { kind: 'iframes', container: 'fmp4' } });
    expect(parsedMedia(iframes).isIFrame).toBe(true);
    expect(iframes).toContain('#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP:URI="init.mp4"\n');
    const images = mediaPlaylist({
      ...common,
      track: { kind: 'images', container: 'jpeg', width: 320, height: 180 },
    });
    expect(images).toBe(`#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:1
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-IMAGES-ONLY
#EXTINF:0.960000,
#EXT-X-TILES:RESOLUTION=320x180,LAYOUT=1x1,DURATION=0.960000
0.jpg
#EXTINF:1.040000,
#EXT-X-TILES:RESOLUTION=320x180,LAYOUT=1x1,DURATION=1.040000
1.jpg
#EXT-X-ENDLIST
`);
    const text = parsedMedia(mediaPlaylist({ ...common, track: { kind: 'subtitles', container: 'webvtt' } }));
    expect(text.segments.map(({ uri, map }) => [uri, map])).toEqual([
      ['0.vtt', null],
      ['1.vtt', null],
    ]);
  });

  test('refuses a prefix that the grid does not have', () => {
    const grid = gridOf({ num: 25, den: 1 }, 250);
    for (const sealed of [-1, 6, 1.5, Number.NaN]) {
      expect(() => media({ grid, kind: 'video', sealed, mode: { type: 'vod' } })).toThrow(RangeError);
    }
  });
});

describe('multivariant playlist', () => {
  const video: ListedRendition = {
    kind: 'video',
    path: '720p',
    codecs: 'avc1.64001f',
    bandwidth: 4_500_000,
    averageBandwidth: 1_800_000,
    width: 1280,
    height: 720,
  };
  const audio: ListedRendition = {
    kind: 'audio',
    path: 'audio',
    codecs: 'mp4a.40.2',
    bandwidth: 180_000,
    averageBandwidth: 128_000,
    channels: 2,
  };

  test('reads as written, and a strict parser accepts it', () => {
    const text = multivariantPlaylist({
      renditions: [video, audio],
      frameRate: { num: 30_000, den: 1001 },
      sealedByRendition: { '720p': 16 },
      mode: 'vod',
    });
    expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio/media.m3u8?sealed=0"
#EXT-X-STREAM-INF:BANDWIDTH=4680000,AVERAGE-BANDWIDTH=1928000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO="audio",CLOSED-CAPTIONS=NONE
720p/media.m3u8?sealed=16
`);
    const playlist = parse(text);
    expect(playlist).toBeInstanceOf(types.MasterPlaylist);
  });

  test('lists key frames, pictures and subtitles, and steers', () => {
    const still = { codecs: 'avc1.64001e', bandwidth: 100_000, averageBandwidth: 50_000 };
    const text = multivariantPlaylist({
      renditions: [
        { ...video, path: '720p~2' },
        audio,
        { ...still, kind: 'iframes', path: 'iframes~2', width: 640, height: 360 },
        { ...still, kind: 'images', path: 'thumbnails~2', codecs: 'jpeg', width: 320, height: 180 },
        { kind: 'subtitles', path: 'subtitles1~2', title: 'Deutsch', language: 'de' },
        { kind: 'subtitles', path: 'subtitles2~2', title: 'Text', language: undefined },
      ],
      frameRate: { num: 25, den: 1 },
      sealedByRendition: { 'iframes~2': 3 },
      mode: 'vod',
      steering: { uri: '/v/x/steering.json', pathway: 'nodes' },
    });
    expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-CONTENT-STEERING:SERVER-URI="/v/x/steering.json",PATHWAY-ID="nodes"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="nodes",NAME="audio",STABLE-RENDITION-ID="audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio/media.m3u8?sealed=0"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="nodes",NAME="Deutsch",LANGUAGE="de",STABLE-RENDITION-ID="subtitles1.2",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI="subtitles1~2/media.m3u8?sealed=0"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="nodes",NAME="Text",STABLE-RENDITION-ID="subtitles2.2",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI="subtitles2~2/media.m3u8?sealed=0"
#EXT-X-STREAM-INF:BANDWIDTH=4680000,AVERAGE-BANDWIDTH=1928000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=25.000,VIDEO-RANGE=SDR,AUDIO="nodes",SUBTITLES="nodes",CLOSED-CAPTIONS=NONE,STABLE-VARIANT-ID="720p.2",PATHWAY-ID="nodes"
720p~2/media.m3u8?sealed=0
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100000,AVERAGE-BANDWIDTH=50000,CODECS="avc1.64001e",RESOLUTION=640x360,VIDEO-RANGE=SDR,STABLE-VARIANT-ID="iframes.2",PATHWAY-ID="nodes",URI="iframes~2/media.m3u8?sealed=3"
#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=100000,AVERAGE-BANDWIDTH=50000,CODECS="jpeg",RESOLUTION=320x180,URI="thumbnails~2/media.m3u8?sealed=0"
`);
    const playlist = parse(text);
    if (!(playlist instanceof types.MasterPlaylist)) throw new Error('not a multivariant playlist');
    expect(playlist.variants.filter(({ isIFrameOnly }) => isIFrameOnly)).toHaveLength(1);
    expect(playlist.variants[0]?.subtitles.map(({ language }) => language)).toEqual(['de', undefined]);
  });

  test('lists a ladder, an event and sound alone', () => {
    const smaller: ListedRendition = {
      ...video,
      path: '360p~2',
      width: 640,
      height: 360,
      bandwidth: 1_000_000,
    };
    const ladder = multivariantPlaylist({
      renditions: [video, smaller, audio],
      frameRate: { num: 25, den: 1 },
      sealedByRendition: {},
      mode: 'event',
    });
    const playlist = parse(ladder);
    if (!(playlist instanceof types.MasterPlaylist)) throw new Error('not a multivariant playlist');
    expect(playlist.variants.map(({ uri }) => uri)).toEqual([
      '720p/media.m3u8?sealed=0&mode=event',
      '360p~2/media.m3u8?sealed=0&mode=event',
    ]);
    expect(playlist.start).toEqual({ offset: 0.01, precise: true });
    const soundOnly = parse(
      multivariantPlaylist({
        renditions: [audio],
        frameRate: { num: 25, den: 1 },
        sealedByRendition: {},
        mode: 'vod',
      }),
    );
    if (!(soundOnly instanceof types.MasterPlaylist)) throw new Error('not a multivariant playlist');
    expect(soundOnly.variants[0]).toMatchObject({ uri: 'audio/media.m3u8?sealed=0', codecs: 'mp4a.40.2' });
  });

  test('refuses nothing to list and names that a playlist cannot quote', () => {
    const rest = { frameRate: { num: 25, den: 1 }, sealedByRendition: {}, mode: 'vod' } as const;
    expect(() => multivariantPlaylist({ renditions: [], ...rest })).toThrow(RangeError);
    expect(() => multivariantPlaylist({ renditions: [{ ...video, codecs: 'a"b' }], ...rest })).toThrow(
      RangeError,
    );
  });
});

test('the sealed prefix is rounded down to multiples of 16, or is everything', () => {
  expect([0, 15, 16, 31, 32, 39, 40].map((stored) => sealedPrefix(stored, 40))).toEqual([
    0, 0, 16, 16, 32, 32, 40,
  ]);
  expect(sealedPrefix(5, 5)).toBe(5);
});
