import { expect, test } from 'vitest';
import { gridOf } from '../../../src/grid/grid.ts';
import { thumbnailList, webvttSegment } from '../../../src/hls/webvtt.ts';

// Segments of 0.96, 0.96, 1.92, 3.84 and 2.32 s.
const grid = gridOf({ num: 25, den: 1 }, 250);

test('a cue is in every segment that it crosses, with its own times, and in no other', () => {
  const cues = [
    { start: 0.5, end: 2, text: 'first' },
    { start: 1.92, end: 3.84, text: 'exactly the third' },
  ];
  const first = '1\n00:00:00.500 --> 00:00:02.000\nfirst\n';
  const second = '2\n00:00:01.920 --> 00:00:03.840\nexactly the third\n';
  const head = 'WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n';
  expect([0, 1, 2, 3, 4].map((n) => webvttSegment(grid, n, cues))).toEqual([
    `${head}\n${first}`,
    `${head}\n${first}`,
    `${head}\n${first}\n${second}`,
    head,
    head,
  ]);
});

test('text cannot be markup, end its cue or begin another', () => {
  const text = 'a <b>&amp; & c\r\n\r\n\n2\n00:00:00.000 --> 00:00:01.000\nNOTE x  \n';
  expect(webvttSegment(grid, 0, [{ start: 0, end: 1, text }])).toBe(`WEBVTT
X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000

1
00:00:00.000 --> 00:00:01.000
a &lt;b&gt;&amp;amp; &amp; c
2
00:00:00.000 --&gt; 00:00:01.000
NOTE x
`);
});

test('hours are written, and nothing is rounded to 60 seconds', () => {
  const long = gridOf({ num: 25, den: 1 }, 25 * 3700);
  const text = thumbnailList(long, (n) => `${n}.jpg`);
  expect(text.startsWith('WEBVTT\n\n00:00:00.000 --> 00:00:00.960\n0.jpg\n\n00:00:00.960 -->')).toBe(true);
  expect(text).toMatch(/--> 01:01:40\.000\n\d+\.jpg\n$/);
  expect(text).not.toMatch(/:60|\.1000/);
});
