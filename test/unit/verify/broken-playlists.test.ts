import fc from 'fast-check';
import HLS from 'hls-parser';
import { describe, expect, it } from 'vitest';
import { media } from './broken-media.ts';
import { multivariant } from './broken-multivariant.ts';
import { lookInto, mediaText, multivariantText } from './playlists.ts';

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

  it('finds nothing in data of several languages, several keys, captions of no variant and ranges that end on the next', () => {
    const session = `#EXT-X-SESSION-DATA:DATA-ID="d",VALUE="v",LANGUAGE="en"
#EXT-X-SESSION-DATA:DATA-ID="d",VALUE="v",LANGUAGE="de"
#EXT-X-SESSION-DATA:DATA-ID="d",URI="d.json"
#EXT-X-SESSION-KEY:METHOD=AES-128,URI="k"
#EXT-X-SESSION-KEY:METHOD=AES-128,URI="l"
#EXT-X-I-FR`;
    const master = multivariantText
      .replace('#EXT-X-I-FR', session)
      .replaceAll('AUDIO="a",SUBTITLES', 'CLOSED-CAPTIONS=NONE,AUDIO="a",SUBTITLES');
    const range = `#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z
#EXT-X-DATERANGE:ID="a",CLASS="c",START-DATE="2026-01-01T00:00:00Z",END-ON-NEXT=YES
#EXT-X-DATERANGE:ID="a",START-DATE="2026-01-01T00:00:00Z",X-MORE="later"
#EXTINF`;
    expect(lookInto(master)).toEqual([]);
    expect(lookInto(mediaText(6).replace('#EXTINF', range))).toEqual([]);
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
      `#EXT-X-KEY:A=${' '.repeat(4000)}B\n`.repeat(240),
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
