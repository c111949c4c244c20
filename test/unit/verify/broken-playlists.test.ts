import fc from 'fast-check';
import HLS from 'hls-parser';
import { describe, expect, it } from 'vitest';
import type { RuleId } from '../../../src/verify/rules.ts';
import { lookInto, mediaText, multivariantText } from './playlists.ts';

type Broken = readonly [
  what: string,
  from: string | RegExp,
  to: string,
  rule: RuleId,
  second: 'refuses' | 'accepts',
];

/** Each breaks one thing of a good media playlist; `second`: whether hls-parser (strict) refuses it, too. */
const media: readonly Broken[] = [
  ['no #EXTM3U', '#EXTM3U\n', '', 'm3u8.extm3u', 'refuses'],
  ['a byte order mark', '#EXTM3U', '\uFEFF#EXTM3U', 'm3u8.text', 'accepts'],
  ['a control character', '#EXT-X-ENDLIST', '#\u0000\n#EXT-X-ENDLIST', 'm3u8.text', 'accepts'],
  ['two versions', '#EXT-X-VERSION:6', '#EXT-X-VERSION:6\n#EXT-X-VERSION:6', 'm3u8.once', 'refuses'],
  ['two target durations', /(#EXT-X-TARGETDURATION:4\n)/, '$1$1', 'm3u8.once', 'refuses'],
  ['version 2 with decimals', 'VERSION:6', 'VERSION:2', 'm3u8.version', 'accepts'],
  [
    'version 3 with byte ranges',
    /VERSION:6([^]*)1\.ts/,
    'VERSION:3$1#EXT-X-BYTERANGE:5@0\n1.ts',
    'm3u8.version',
    'refuses',
  ],
  [
    'version 5 with EXT-X-MAP',
    /VERSION:6([^]*?)#EXTINF/,
    'VERSION:5$1#EXT-X-MAP:URI="i.mp4"\n#EXTINF',
    'm3u8.version',
    'refuses',
  ],
  [
    'version 4 with KEYFORMAT',
    /VERSION:6([^]*?)#EXTINF/,
    'VERSION:4$1#EXT-X-KEY:METHOD=AES-128,URI="k",KEYFORMAT="identity"\n#EXTINF',
    'm3u8.version',
    'refuses',
  ],
  [
    'version 6 with EXT-X-DEFINE',
    '#EXT-X-PLAYLIST',
    '#EXT-X-DEFINE:NAME="a",VALUE="b"\n#EXT-X-PLAYLIST',
    'm3u8.version',
    'accepts',
  ],
  ['a version that is no number', 'VERSION:6', 'VERSION:six', 'm3u8.values', 'accepts'],
  ['a media sequence that is no number', 'SEQUENCE:0', 'SEQUENCE:-1', 'm3u8.values', 'accepts'],
  ['an unknown playlist type', 'TYPE:VOD', 'TYPE:LIVE', 'm3u8.values', 'accepts'],
  ['ENDLIST with a value', '#EXT-X-ENDLIST', '#EXT-X-ENDLIST:1', 'm3u8.values', 'accepts'],
  ['no target duration', '#EXT-X-TARGETDURATION:4\n', '', 'm3u8.targetduration', 'refuses'],
  ['a target duration with decimals', 'DURATION:4', 'DURATION:4.5', 'm3u8.targetduration', 'accepts'],
  ['a target duration that is too short', 'DURATION:4', 'DURATION:3', 'm3u8.targetduration', 'refuses'],
  [
    'one segment that is too long',
    /#EXTINF:4.000000,\n2/,
    '#EXTINF:4.500000,\n2',
    'm3u8.targetduration',
    'refuses',
  ],
  ['no EXTINF', '#EXTINF:4.000000,\n2.ts', '2.ts', 'm3u8.extinf', 'refuses'],
  ['EXTINF without a comma', '#EXTINF:4.000000,\n2.ts', '#EXTINF:4.000000\n2.ts', 'm3u8.extinf', 'accepts'],
  ['EXTINF that is no number', '#EXTINF:4.000000,\n2.ts', '#EXTINF:four,\n2.ts', 'm3u8.extinf', 'accepts'],
  ['a negative EXTINF', '#EXTINF:4.000000,\n2.ts', '#EXTINF:-4.000000,\n2.ts', 'm3u8.extinf', 'accepts'],
  ['EXTINF without a URI', '#EXT-X-ENDLIST', '#EXTINF:4.000000,\n#EXT-X-ENDLIST', 'm3u8.extinf', 'accepts'],
  ['no segment', /#EXTINF[^]*#EXT-X-END/, '#EXT-X-END', 'm3u8.segments', 'accepts'],
  ['VOD without ENDLIST', '#EXT-X-ENDLIST\n', '', 'm3u8.vod', 'accepts'],
  [
    'a media sequence after a segment',
    /#EXT-X-MEDIA-SEQUENCE:0\n([^]*?1\.ts\n)/,
    '$1#EXT-X-MEDIA-SEQUENCE:0\n',
    'm3u8.order',
    'refuses',
  ],
  [
    'a discontinuity sequence after a discontinuity',
    '1.ts\n',
    '1.ts\n#EXT-X-DISCONTINUITY\n#EXT-X-DISCONTINUITY-SEQUENCE:4\n',
    'm3u8.order',
    'refuses',
  ],
  ['a byte range without an offset', '2.ts', '#EXT-X-BYTERANGE:100\n2.ts', 'm3u8.byterange', 'refuses'],
  ['a byte range that is no number', '2.ts', '#EXT-X-BYTERANGE:a@b\n2.ts', 'm3u8.byterange', 'accepts'],
  ['a key without a method', '#EXTINF', '#EXT-X-KEY:URI="k.bin"\n#EXTINF', 'm3u8.key', 'refuses'],
  ['a key without a URI', '#EXTINF', '#EXT-X-KEY:METHOD=AES-128\n#EXTINF', 'm3u8.key', 'refuses'],
  ['METHOD=NONE with a URI', '#EXTINF', '#EXT-X-KEY:METHOD=NONE,URI="k.bin"\n#EXTINF', 'm3u8.key', 'refuses'],
  [
    'an IV of 64 bits',
    '#EXTINF',
    '#EXT-X-KEY:METHOD=AES-128,URI="k.bin",IV=0x0123456789abcdef\n#EXTINF',
    'm3u8.key',
    'refuses',
  ],
  [
    'an unknown method',
    '#EXTINF',
    '#EXT-X-KEY:METHOD=ROT13,URI="k.bin"\n#EXTINF',
    'm3u8.attributes',
    'accepts',
  ],
  [
    'an unquoted URI',
    '#EXTINF',
    '#EXT-X-KEY:METHOD=AES-128,URI=k.bin\n#EXTINF',
    'm3u8.attributes',
    'accepts',
  ],
  ['EXT-X-MAP without a URI', '#EXTINF', '#EXT-X-MAP:BYTERANGE="1@0"\n#EXTINF', 'm3u8.map', 'refuses'],
  ['fMP4 without EXT-X-MAP', /\.ts/g, '.m4s', 'm3u8.map', 'accepts'],
  [
    'a date without a time zone',
    '#EXTINF',
    '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000\n#EXTINF',
    'm3u8.date',
    'accepts',
  ],
  [
    'a date range without ID',
    '#EXTINF',
    '#EXT-X-DATERANGE:START-DATE="2026-01-01T00:00:00Z"\n#EXTINF',
    'm3u8.date',
    'refuses',
  ],
  [
    'a date range without any date',
    '#EXTINF',
    '#EXT-X-DATERANGE:ID="a",START-DATE="2026-01-01T00:00:00Z"\n#EXTINF',
    'm3u8.date',
    'refuses',
  ],
  [
    'dates that jump',
    /(#EXTINF:4.000000,\n0)([^]*?)(#EXTINF:4.000000,\n2)/,
    '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n$1$2#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:09Z\n$3',
    'm3u8.datetime',
    'accepts',
  ],
  [
    'a start beyond the end',
    '#EXT-X-PLAYLIST',
    '#EXT-X-START:TIME-OFFSET=100\n#EXT-X-PLAYLIST',
    'm3u8.startpoint',
    'accepts',
  ],
  [
    'a start without an offset',
    '#EXT-X-PLAYLIST',
    '#EXT-X-START:PRECISE=YES\n#EXT-X-PLAYLIST',
    'm3u8.startpoint',
    'refuses',
  ],
  [
    'both kinds of tags',
    '#EXTINF',
    '#EXT-X-STREAM-INF:BANDWIDTH=1\nx.m3u8\n#EXTINF',
    'm3u8.mixed',
    'refuses',
  ],
  ['a variable that nobody defined', '2.ts', '{$name}.ts', 'm3u8.define', 'accepts'],
  [
    'low latency parts without their target',
    '#EXTINF',
    '#EXT-X-PART:DURATION=0.3,URI="p.ts"\n#EXTINF',
    'm3u8.lowlatency',
    'accepts',
  ],
  ['an absolute URI to the same host', '2.ts', 'https://stream.example/v/2.ts', 'm3u8.uri', 'accepts'],
  ['a URI of another scheme', '2.ts', 'file:///etc/passwd', 'm3u8.uri', 'accepts'],
  ['an unknown tag', '#EXTINF', '#EXT-X-DISCONTINUTY\n#EXTINF', 'm3u8.unknown', 'accepts'],
];

const multivariant: readonly Broken[] = [
  ['a variant without BANDWIDTH', 'BANDWIDTH=3000000,AVERAGE-', 'AVERAGE-', 'variant.attributes', 'refuses'],
  ['a BANDWIDTH with decimals', 'BANDWIDTH=3000000', 'BANDWIDTH=3000000.5', 'm3u8.attributes', 'accepts'],
  ['a quoted RESOLUTION', 'RESOLUTION=1280x720', 'RESOLUTION="1280x720"', 'm3u8.attributes', 'accepts'],
  ['an attribute twice', 'DEFAULT=YES', 'DEFAULT=YES,DEFAULT=YES', 'm3u8.attributes', 'accepts'],
  ['a space between attributes', ',DEFAULT=YES', ', DEFAULT=YES', 'm3u8.attributes', 'accepts'],
  ['a variant without a URI', '720.m3u8\n', '', 'variant.attributes', 'refuses'],
  [
    'a tag between a variant and its URI',
    '720.m3u8',
    '#EXT-X-VERSION:7\n720.m3u8',
    'variant.attributes',
    'refuses',
  ],
  ['a URI without a variant', '360.m3u8', '360.m3u8\n240.m3u8', 'variant.attributes', 'accepts'],
  ['a rendition without NAME', 'NAME="Deutsch",', '', 'variant.attributes', 'refuses'],
  ['two renditions of one NAME', 'Deutsch', 'English', 'variant.attributes', 'refuses'],
  [
    'two defaults',
    'DEFAULT=NO,AUTOSELECT=YES,CHANNELS',
    'DEFAULT=YES,AUTOSELECT=YES,CHANNELS',
    'variant.media',
    'refuses',
  ],
  [
    'a default that is not chosen',
    'DEFAULT=YES,AUTOSELECT=YES',
    'DEFAULT=YES,AUTOSELECT=NO',
    'variant.media',
    'accepts',
  ],
  ['forced sound', 'CHANNELS="2"', 'FORCED=YES', 'variant.media', 'refuses'],
  ['an unknown TYPE', 'TYPE=SUBTITLES', 'TYPE=TEXT', 'variant.media', 'refuses'],
  ['subtitles without a URI', ',URI="sub.m3u8"', '', 'variant.attributes', 'refuses'],
  [
    'closed captions with a URI',
    'TYPE=SUBTITLES,GROUP-ID="s"',
    'TYPE=CLOSED-CAPTIONS,INSTREAM-ID="CC1",GROUP-ID="s"',
    'variant.media',
    'refuses',
  ],
  [
    'an audio group that is not there',
    'AUDIO="a",SUBTITLES',
    'AUDIO="b",SUBTITLES',
    'variant.group',
    'refuses',
  ],
  ['a subtitle group that is not there', 'SUBTITLES="s"', 'SUBTITLES="t"', 'variant.group', 'refuses'],
  [
    'groups with other members',
    /GROUP-ID="a",NAME="Deutsch"/,
    'GROUP-ID="b",NAME="Deutsch"',
    'variant.groups',
    'accepts',
  ],
  ['no CODECS', 'CODECS="avc1.64001f,mp4a.40.2",', '', 'variant.described', 'accepts'],
  ['no RESOLUTION', 'RESOLUTION=1280x720,', '', 'variant.described', 'accepts'],
  ['no AVERAGE-BANDWIDTH', 'AVERAGE-BANDWIDTH=2000000,', '', 'variant.average', 'accepts'],
  ['no FRAME-RATE', /FRAME-RATE=25.000,/, '', 'variant.framerate', 'accepts'],
  ['I-frames without a URI', ',URI="iframes.m3u8"', '', 'iframe.attributes', 'refuses'],
  [
    'I-frames without CODECS',
    'CODECS="avc1.64001e",RESOLUTION=640x360,URI',
    'RESOLUTION=640x360,URI',
    'iframe.attributes',
    'accepts',
  ],
  [
    'steering to an unknown pathway',
    '#EXT-X-I-FR',
    '#EXT-X-CONTENT-STEERING:SERVER-URI="s.json",PATHWAY-ID="b"\n#EXT-X-I-FR',
    'steering.tag',
    'accepts',
  ],
  [
    'steering without a server',
    '#EXT-X-I-FR',
    '#EXT-X-CONTENT-STEERING:PATHWAY-ID="."\n#EXT-X-I-FR',
    'steering.tag',
    'accepts',
  ],
  [
    'pathways that differ',
    /AUDIO="a",SUBTITLES="s"\n360.m3u8/,
    'AUDIO="a",SUBTITLES="s",PATHWAY-ID="b"\n360.m3u8\n#EXT-X-CONTENT-STEERING:SERVER-URI="s.json"',
    'steering.same',
    'accepts',
  ],
];

HLS.setOptions({ strictMode: true, silent: true });

/** Whether hls-parser refuses a playlist. */
function secondOpinion(text: string): 'refuses' | 'accepts' {
  try {
    HLS.parse(text);
    return 'accepts';
  } catch {
    return 'refuses';
  }
}

const breakIt = (good: string, from: string | RegExp, to: string): string => {
  const text = good.replace(from, to);
  if (text === good) throw new Error(`${String(from)} is not there`);
  return text;
};

describe('broken playlists', () => {
  it('finds nothing in good ones, and hls-parser accepts them', () => {
    for (const good of [mediaText(6), multivariantText]) {
      expect(lookInto(good)).toEqual([]);
      expect(secondOpinion(good)).toBe('accepts');
    }
  });

  it.each(media)('media: %s', (_, from, to, rule, second) => {
    const text = breakIt(mediaText(6), from, to);
    expect(lookInto(text).map(({ check }) => check)).toContain(rule);
    expect(secondOpinion(text)).toBe(second);
  });

  it.each(multivariant)('multivariant: %s', (_, from, to, rule, second) => {
    const text = breakIt(multivariantText, from, to);
    expect(lookInto(text).map(({ check }) => check)).toContain(rule);
    expect(secondOpinion(text)).toBe(second);
  });

  it('says where: line, URL, rule and the way out', () => {
    const [finding] = lookInto(breakIt(mediaText(6), '#EXTINF:4.000000,\n2.ts', '2.ts'));
    expect(finding).toMatchObject({
      check: 'm3u8.extinf',
      level: 'error',
      rule: 'RFC 8216 4.3.2.1',
      where: 'playlist line 11',
      url: 'https://stream.example/v/index.m3u8',
      line: 11,
    });
    expect(finding?.hint).toContain('#EXTINF:seconds,');
  });
});

describe('any text', () => {
  const pieces = [
    '#EXTM3U',
    '#EXTINF:',
    '#EXT-X-BYTERANGE:',
    '#EXT-X-KEY:METHOD=',
    '#EXT-X-MAP:URI="',
    '#EXT-X-MEDIA:',
    '#EXT-X-STREAM-INF:',
    '#EXT-X-DATERANGE:ID="',
    '#EXT-X-DEFINE:NAME="',
    '#EXT-X-MEDIA-SEQUENCE:',
    '#EXT-X-START:TIME-OFFSET=',
    '#EXT-X-CONTENT-STEERING:SERVER-URI="',
    '99999999999999999999',
    '{$',
    '\n',
    '\r\n',
    ',',
    '"',
    '=',
    '@',
  ];
  const tag = fc.constantFrom(...pieces);
  const text = fc
    .array(fc.oneof(tag, fc.string({ unit: 'binary' })), { maxLength: 60 })
    .map((parts) => parts.join(''));

  it('is read without a crash', () => {
    fc.assert(
      fc.property(text, (playlist) => {
        expect(Array.isArray(lookInto(playlist))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('goes to m3u8-parser only where its lines are short, and a note says so where it does not', () => {
    const noted = (text: string): string[] =>
      lookInto(text).flatMap(({ check, message }) => (check === 'verify.parser' ? [message] : []));
    const titled = (length: number): string =>
      mediaText(6).replace('#EXTINF:4.000000,', `#EXTINF:4.000000,${'t'.repeat(length)}`);
    expect(noted(titled(1000))).toEqual([]);
    expect(noted(titled(10_000))).toEqual(['line 7 has more than 4096 characters']);
    expect(noted(mediaText(60_000))[0]).toMatch(/^it has \d+ characters, more than 1000000$/);
  });

  it('is read in a time that grows with its length', () => {
    // Each is a megabyte made to send a careless pattern back and forth; the test's time limit is the bound.
    const long = [
      '#EXT-X-KEY:' + 'A=B,'.repeat(250_000),
      'a'.repeat(1_000_000),
      '#EXTINF:' + '1'.repeat(1_000_000),
      ...['KEY', 'MAP', 'START', 'DATERANGE', 'MEDIA', 'STREAM-INF', 'PART', 'SERVER-CONTROL'].flatMap(
        (tag) => [
          `#EXT-X-${tag}:${','.repeat(1e6)}`,
          `#EXT-X-${tag}:A=${' '.repeat(1e6)}B`,
          `#EXT-X-${tag}:${'"'.repeat(1e6)}`,
        ],
      ),
    ];
    const many = [
      '\n'.repeat(1_000_000),
      '#EXT-X-DISCONTINUITY\n'.repeat(50_000),
      '"='.repeat(500_000),
      '{$'.repeat(500_000),
      `#EXT-X-DEFINE:NAME="a",VALUE="${'b'.repeat(500_000)}"\n${'{$a}'.repeat(50_000)}`,
      `#EXT-X-DEFINE:NAME="a",VALUE="${'b'.repeat(60_000)}"\n${'{$a}\n'.repeat(100_000)}`,
    ];
    const variants = Array.from(
      { length: 20_000 },
      (_, n) => `#EXT-X-STREAM-INF:BANDWIDTH=${n},PATHWAY-ID="${n}"\n${n}.m3u8\n`,
    );
    const sounds = Array.from(
      { length: 20_000 },
      (_, n) => `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="${n}",URI="a${n}.m3u8"\n`,
    );
    const steering = '#EXT-X-CONTENT-STEERING:SERVER-URI="s.json",PATHWAY-ID="1"\n';
    const segments = Array.from({ length: 100_000 }, (_, n) => `#EXTINF:4.000,\n${n}.ts\n`);
    const lists = [steering + variants.join(''), sounds.join('') + variants.join(''), segments.join('')];
    for (const playlist of [...long, ...many, ...lists])
      expect(lookInto(`#EXTM3U\n${playlist}\n`).length).toBeGreaterThan(0);
  }, 120_000);
});
