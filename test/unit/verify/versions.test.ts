import { describe, expect, it } from 'vitest';
import { Findings } from '../../../src/verify/report.ts';
import { Versions } from '../../../src/verify/versions.ts';
import { Watcher } from '../../../src/verify/watch.ts';

const url = 'https://stream.example/v/media.m3u8';
const place = { where: 'list', url };

/** A window of a live list with dates, so that it breaks no rule. `lines` by number go in front of a segment. */
function list(from: number, count: number, lines: Readonly<Record<number, string>> = {}, head = ''): string {
  const segments = Array.from({ length: count }, (_, index) => {
    const n = from + index;
    const date = new Date(Date.UTC(2026, 0, 1) + n * 4000).toISOString();
    return `#EXT-X-PROGRAM-DATE-TIME:${date}\n${lines[n] ?? '#EXTINF:4.000,'}\n${n}.ts\n`;
  });
  return `#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:${from}\n${head}${segments.join('')}`;
}

/** How often a rule is told of each version. */
function told(rule: string, versions: readonly string[]): number[] {
  const findings = new Findings();
  const reader = new Versions(place, new Map(), findings);
  let before = 0;
  return versions.map((text) => {
    reader.read(Buffer.from(text), url);
    const count = findings.results().find(({ id }) => id === rule)?.findings ?? 0;
    const added = count - before;
    before = count;
    return added;
  });
}

describe('Versions', () => {
  it.each([
    ['a segment that is too long', { 6: '#EXTINF:9.000,' }, 'm3u8.targetduration'],
    ['a byte range without an offset', { 6: '#EXTINF:4.000,\n#EXT-X-BYTERANGE:5' }, 'm3u8.byterange'],
    ['a key without a URI', { 6: '#EXT-X-KEY:METHOD=AES-128\n#EXTINF:4.000,' }, 'm3u8.key'],
    ['a date range without ID', { 6: '#EXT-X-DATERANGE:CLASS="a"\n#EXTINF:4.000,' }, 'm3u8.date'],
    ['a variable of nobody', { 6: '#EXT-X-MAP:URI="{$a}.mp4"\n#EXTINF:4.000,' }, 'm3u8.define'],
  ] as const)('finds %s in a later version, once while the window slides over it', (_, lines, rule) => {
    const windows = Array.from({ length: 8 }, (__, from) => list(from, 6, lines));
    expect(told(rule, windows)).toEqual([0, 1, 0, 0, 0, 0, 0, 0]);
  });

  it.each([
    ['a byte order mark', `\uFEFF${list(1, 6)}`, 'm3u8.text'],
    ['a repeated tag', list(1, 6, {}, '#EXT-X-VERSION:8\n'), 'm3u8.once'],
    ['no #EXTM3U', list(1, 6).replace('#EXTM3U\n', ''), 'm3u8.extm3u'],
  ])('finds %s in a later version, once', (_, broken, rule) => {
    expect(told(rule, [list(0, 6), broken, broken])).toEqual([0, 1, 0]);
  });

  it('tells the same defect of each new line, and what is wrong with all versions once', () => {
    const bad = '#EXT-X-KEY:METHOD=AES-128\n#EXTINF:4.000,';
    const lines = { 0: bad, 3: bad, 6: bad };
    const windows = [0, 1, 2, 3].map((from) => list(from, 5, lines));
    expect(told('m3u8.key', windows)).toEqual([2, 0, 1, 0]);
    expect(told('m3u8.live', windows)).toEqual([1, 0, 0, 0]);
  });

  it('counts all of the first version, and remembers a bounded part of it', () => {
    const many = Object.fromEntries(Array.from({ length: 12_000 }, (_, n) => [n, '#EXTINF:9.000,']));
    const windows = [list(0, 10_000, many), list(1, 10_000, many)];
    expect(told('m3u8.targetduration', windows)).toEqual([10_000, 0]);
  });

  it('puts variables into each version, so that none looks like a change', () => {
    const findings = new Findings();
    const reader = new Versions(place, new Map(), findings);
    const head = '#EXT-X-DEFINE:NAME="n",VALUE="cdn"\n';
    const text = (count: number): Buffer =>
      Buffer.from(list(0, count, {}, head).replaceAll(/^(\d+\.ts)$/gm, '{$n}/$1'));
    const first = reader.read(text(6), url);
    expect(first.segments[0]?.url).toBe('https://stream.example/v/cdn/0.ts');
    const watcher = new Watcher(first, place, { findings }, 0);
    expect(watcher.step(reader.read(text(7), url), 4000)).toMatchObject({
      violations: [],
      appended: [{ url: 'https://stream.example/v/cdn/6.ts' }],
    });
    expect(findings.list()).toEqual([]);
  });
});
