import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cleanPath, resolvePath } from '../../../src/ingest/paths.ts';
import { parsePlaylist, type SourceMedia, type SourceMultivariant } from '../../../src/ingest/playlist.ts';
import { SegueError } from '../../../src/ops/errors.ts';

const media = (...lines: readonly string[]): SourceMedia => {
  const list = parsePlaylist('a/out.m3u8', ['#EXTM3U', '#EXT-X-TARGETDURATION:4', ...lines].join('\n'));
  if (list.type !== 'media') throw new Error('not a media playlist');
  return list;
};
const problemOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof SegueError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'none';
};

describe('a media playlist', () => {
  test('gives segments with their numbers, ranges, maps, dates and discontinuities', () => {
    const list = media(
      '#EXT-X-MEDIA-SEQUENCE:7',
      '#EXT-X-MAP:URI="all.mp4",BYTERANGE="700@0"',
      '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T01:00:00.5+0100',
      '#EXTINF:3.84,a title, with a comma',
      '#EXT-X-BYTERANGE:100@700',
      'all.mp4',
      '#EXTINF:4.0000000000000001776,',
      '#EXT-X-BYTERANGE:200',
      'all.mp4',
      '#EXT-X-DISCONTINUITY',
      '#EXT-X-MAP:URI="../init.mp4"',
      '#EXTINF:4.000,',
      './2.m4s?token=1#x',
      '#EXT-X-ENDLIST',
    );
    expect(list).toMatchObject({ targetDuration: 4, ended: true });
    expect(list.segments).toMatchObject([
      {
        sequence: 7,
        part: { path: 'a/all.mp4', range: { offset: 700, length: 100 } },
        durationUs: 3_840_000,
        programDateTime: '2026-01-01T00:00:00.500Z',
        map: { path: 'a/all.mp4', range: { offset: 0, length: 700 } },
        discontinuity: false,
      },
      { sequence: 8, part: { range: { offset: 800, length: 200 } }, programDateTime: null },
      {
        sequence: 9,
        part: { path: 'a/2.m4s' },
        map: { path: 'init.mp4', range: undefined },
        discontinuity: true,
      },
    ]);
  });

  test('writes the IV of a key out: given, or the number in the source', () => {
    const list = media(
      '#EXT-X-MEDIA-SEQUENCE:4294967297',
      '#EXT-X-KEY:METHOD=AES-128,URI="k.key"',
      '#EXTINF:4,',
      '0.ts',
      '#EXT-X-KEY:METHOD=AES-128,URI="https://keys.example/1",IV=0xffffffff00000000000000000000000a',
      '#EXTINF:4,',
      '1.ts',
      '#EXT-X-KEY:METHOD=NONE',
      '#EXTINF:4,',
      '2.ts',
    );
    expect(list.segments.map(({ key }) => key)).toEqual([
      { method: 'AES-128', path: 'a/k.key', iv: '0x00000000000000000000000100000001' },
      {
        method: 'AES-128',
        path: undefined,
        uri: 'https://keys.example/1',
        iv: '0xffffffff00000000000000000000000a',
      },
      undefined,
    ]);
  });

  test('tells the key of an init segment from that of its segment, by the order of the lines', () => {
    const one = '#EXT-X-KEY:METHOD=AES-128,URI="1.key",IV=0x00000000000000000000000000000001';
    const two = '#EXT-X-KEY:METHOD=AES-128,URI="2.key",IV=0x00000000000000000000000000000002';
    const lines = [
      ['#EXT-X-MAP:URI="clear.mp4"', one, '#EXTINF:4,', '0.m4s'],
      [one, '#EXT-X-MAP:URI="sealed.mp4"', two, '#EXTINF:4,', '1.m4s'],
      ['#EXT-X-KEY:METHOD=NONE', '#EXTINF:4,', '2.m4s'],
    ];
    const list = media(...lines.flat());
    expect(list.segments.map(({ mapKey, key }) => [mapKey?.path, key?.path])).toEqual([
      [undefined, 'a/1.key'],
      ['a/1.key', 'a/2.key'],
      ['a/1.key', undefined],
    ]);
    const other = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x",KEYFORMAT="com.apple.streamingkeydelivery"';
    for (const several of [
      [one, two],
      [one, '#EXT-X-MAP:URI="a.mp4"', other],
      [one, '#EXT-X-MAP:URI="a.mp4"', two, one],
    ])
      expect(problemOf(() => media(...several, '#EXTINF:4,', '0.m4s'))).toMatch(/several keys/);
  });

  test.each([
    ['a segment elsewhere', ['#EXTINF:4,', 'https://other.example/0.ts'], /Line 4 .*another host/],
    ['a protocol-relative one', ['#EXTINF:4,', '//other.example/0.ts'], /Line 4 .*another host/],
    ['a segment above the stream', ['#EXTINF:4,', '../../0.ts'], /Line 4 .*leads out/],
    ['one that hides it', ['#EXTINF:4,', '%2e%2e/%2e%2e/0.ts'], /Line 4 .*leads out/],
    ['no duration', ['#EXTINF:,', '0.ts'], /Line 3 .*duration/],
    ['a negative duration', ['#EXTINF:-1,', '0.ts'], /Line 3/],
    ['a URI of nothing', ['0.ts'], /Line 3 .*EXTINF/],
    ['half an IV', ['#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x12', '#EXTINF:4,', '0.ts'], /Line 3/],
    ['an unknown method', ['#EXT-X-KEY:METHOD=ROT13,URI="k"'], /Line 3 .*METHOD/],
    ['an attribute twice', ['#EXT-X-MAP:URI="a",URI="b"'], /Line 3 .*twice/],
    ['a range of nothing before', ['#EXTINF:4,', '#EXT-X-BYTERANGE:5', '0.ts'], /Line 4 .*offset/],
    ['a date of no calendar', ['#EXT-X-PROGRAM-DATE-TIME:2026-13-01T00:00:00Z'], /Line 3/],
    ['a number beyond all', ['#EXT-X-MEDIA-SEQUENCE:99999999999999999999'], /Line 3/],
    ['a delta update', ['#EXT-X-SKIP:SKIPPED-SEGMENTS=3'], /Line 3/],
    ['an endless line', ['#EXTINF:4,', 'a'.repeat(5000)], /Line 4/],
  ])('is refused for %s, with the line', (_, lines, message) => {
    expect(problemOf(() => media(...lines))).toMatch(message);
  });

  test('is refused without a target duration, and without its first line', () => {
    expect(problemOf(() => parsePlaylist('x', '#EXTM3U\n#EXTINF:4,\n0.ts'))).toMatch(/TARGETDURATION/);
    expect(problemOf(() => parsePlaylist('x', '#EXTINF:4,\n0.ts'))).toMatch(/Line 1/);
  });
});

test('a multivariant playlist names variants and alternatives by path, each once', () => {
  const list = parsePlaylist(
    'index.m3u8',
    [
      '#EXTM3U',
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="s",NAME="English",DEFAULT=YES,LANGUAGE="en",URI="sound/en.m3u8"',
      '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="CC",INSTREAM-ID="CC1"',
      '#EXT-X-STREAM-INF:BANDWIDTH=1280000,AVERAGE-BANDWIDTH=1000000,RESOLUTION=1280x720,CODECS="avc1.64001f,mp4a.40.2",AUDIO="s"',
      'v0/out.m3u8',
      '#EXT-X-STREAM-INF:BANDWIDTH=1280000,AUDIO="t"',
      'v0/out.m3u8',
    ].join('\r\n'),
  ) as SourceMultivariant;
  expect(list.renditions).toMatchObject([
    { role: 'media', path: 'sound/en.m3u8', attributes: { TYPE: 'AUDIO', DEFAULT: true, LANGUAGE: 'en' } },
    {
      role: 'variant',
      path: 'v0/out.m3u8',
      attributes: { RESOLUTION: { width: 1280, height: 720 }, AUDIO: 's' },
    },
  ]);
});

test('paths stay inside, whatever is tried', () => {
  expect(cleanPath('a//./b/../c%20d.ts')).toBe('a/c d.ts');
  expect(resolvePath('live/v0/out.m3u8', '../init%201.mp4')).toBe('live/init 1.mp4');
  for (const path of ['..', '../a', 'a/../../b', '%2e%2e/a', 'a\\b', 'a%00b', '%', '', '/', 'a'.repeat(600)])
    expect(
      problemOf(() => cleanPath(path)),
      path,
    ).toMatch(/^invalid_request/);
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('.', '/', 'a', '%2e', '%2f', '\\', '\0') }), (path) => {
      let clean = '';
      try {
        clean = cleanPath(path);
      } catch (error) {
        expect(error).toBeInstanceOf(SegueError);
        return;
      }
      expect(clean.split('/').every((part) => part !== '' && part !== '.' && part !== '..')).toBe(true);
    }),
  );
});

/** Lines that mean something, right and wrong. */
const words = [
  '#EXTM3U',
  '#EXTINF:4,',
  '#EXTINF:1e9,',
  'a.ts',
  '#EXT-X-ENDLIST',
  '#EXT-X-DISCONTINUITY',
  '#EXT-X-GAP',
  '#EXT-X-TARGETDURATION:4',
  '#EXT-X-MEDIA-SEQUENCE:3',
  '#EXT-X-BYTERANGE:5@1',
  '#EXT-X-BYTERANGE:5',
  '#EXT-X-KEY:METHOD=AES-128,URI="k"',
  '#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x',
  '#EXT-X-MAP:URI="i"',
  '#EXT-X-STREAM-INF:BANDWIDTH=1',
  '#EXT-X-STREAM-INF:',
  '#EXT-X-DEFINE:NAME="__proto__",VALUE="x"',
  '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="__proto__",NAME="constructor",URI="a"',
  '#EXT-X-__proto__:1',
];

describe('whatever text comes', () => {
  const line = fc.oneof(
    fc.constantFrom(...words),
    fc.string({ maxLength: 60 }),
    fc
      .tuple(
        fc.constantFrom('#EXT-X-KEY:', '#EXT-X-MAP:', '#EXT-X-MEDIA:', '#EXTINF:', '#EXT-X-STREAM-INF:'),
        fc.string(),
      )
      .map((parts) => parts.join('')),
  );
  test('it is read or refused, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), fc.constantFrom('\n', '\r\n', '\r'), (lines, end) => {
        const text = `#EXTM3U\n${lines.join(end)}`;
        let list: ReturnType<typeof parsePlaylist>;
        try {
          list = parsePlaylist('x/out.m3u8', text);
        } catch (error) {
          expect(error).toBeInstanceOf(SegueError);
          expect(['invalid_playlist', 'too_large']).toContain((error as SegueError).code);
          return;
        }
        if (list.type === 'media') {
          const first = list.segments[0]?.sequence ?? 0;
          expect(list.segments.map(({ sequence }) => sequence - first)).toEqual([...list.segments.keys()]);
        }
      }),
      { numRuns: 2000 },
    );
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
  });

  test('lines that are made to be slow are not', () => {
    const hostile = [
      ','.repeat(4000),
      'A='.repeat(2000),
      `URI="${'a'.repeat(3990)}`,
      'A="",'.repeat(800),
      '='.repeat(4000),
    ];
    const text = hostile.map((value) => `#EXT-X-MEDIA:${value}`);
    for (const each of text) {
      const list = ['#EXTM3U', ...Array.from({ length: 200 }, () => each)].join('\n');
      expect(problemOf(() => parsePlaylist('x', list))).toMatch(/^invalid_playlist/);
    }
  });
});
