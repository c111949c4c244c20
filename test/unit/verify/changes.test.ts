import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compare, type Violation } from '../../../src/verify/changes.ts';
import { readLines } from '../../../src/verify/playlist/lines.ts';
import { type MediaPlaylist, readMedia } from '../../../src/verify/playlist/media.ts';
import { Findings } from '../../../src/verify/report.ts';
import { Watcher } from '../../../src/verify/watch.ts';

const read = (text: string): MediaPlaylist =>
  readMedia(readLines(text), 'https://stream.example/v/media.m3u8');

/** One segment of a list that is written by hand, below. */
interface Entry {
  readonly uri: string;
  readonly seconds: number;
  readonly isBreak: boolean;
  readonly key: string | undefined;
  readonly range: string | undefined;
}

/** A window of a stream, as a careful server writes it. */
function write(
  all: readonly Entry[],
  from: number,
  to: number,
  kind: 'live' | 'event',
  ended: boolean,
): string {
  const breaks = all.slice(0, from).filter(({ isBreak }) => isBreak).length;
  let key = all[from]?.key;
  const lines = all.slice(from, to).flatMap((entry, index) => {
    const keyLine = index === 0 ? entry.key !== undefined : entry.key !== key;
    key = entry.key;
    return [
      ...(keyLine
        ? [`#EXT-X-KEY:METHOD=${entry.key === undefined ? 'NONE' : `AES-128,URI="${entry.key}"`}`]
        : []),
      ...(entry.isBreak ? ['#EXT-X-DISCONTINUITY'] : []),
      `#EXTINF:${entry.seconds.toFixed(3)},`,
      ...(entry.range === undefined ? [] : [`#EXT-X-BYTERANGE:${entry.range}`]),
      entry.uri,
    ];
  });
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:6',
    '#EXT-X-TARGETDURATION:4',
    `#EXT-X-MEDIA-SEQUENCE:${from}`,
    ...(kind === 'live' ? [`#EXT-X-DISCONTINUITY-SEQUENCE:${breaks}`] : ['#EXT-X-PLAYLIST-TYPE:EVENT']),
    ...lines,
    ...(ended ? ['#EXT-X-ENDLIST'] : []),
    '',
  ].join('\n');
}

const entries = fc
  .array(
    fc.record({
      seconds: fc.integer({ min: 3000, max: 4000 }).map((ms) => ms / 1000),
      isBreak: fc.boolean(),
      key: fc.constantFrom(undefined, 'a.key', 'b.key'),
      range: fc.option(
        fc.nat(1000).map((length) => `${length + 1}@${length}`),
        { nil: undefined },
      ),
    }),
    { minLength: 14, maxLength: 24 },
  )
  .map((list) => list.map((one, n): Entry => ({ ...one, uri: `${n}.ts` })));

/** A stream, a window of it, and a later window. */
const evolution = fc
  .record({
    all: entries,
    first: fc.nat(4),
    by: fc.nat(4),
    more: fc.nat(4),
    ended: fc.boolean(),
    kind: fc.constantFrom('live', 'event'),
  })
  .map(({ all, first, by, more, ended, kind }) => {
    const from = kind === 'event' ? 0 : first;
    const later = kind === 'event' ? 0 : from + by;
    const to = later + 5;
    return {
      kind,
      all,
      before: write(all, from, to, kind, false),
      after: write(all, later, to + more, kind, ended),
    };
  });

const found = (before: string, after: string): Violation[] => [
  ...compare(read(before), read(after)).violations,
];

type Mutation = readonly [name: string, (after: string) => string];
const urisOf = (text: string): string[] => text.split('\n').filter((line) => line.endsWith('.ts'));
/** A URI that both versions list: the windows overlap by it. */
const shared = (before: string, after: string): string | undefined =>
  urisOf(after).find((uri) => urisOf(before).includes(uri));

/** Forbidden changes to a line of what was listed before. */
const mutations = (uri: string): readonly Mutation[] => [
  ['another URI', (text) => text.replace(`\n${uri}\n`, '\nother.ts\n')],
  ['a query added', (text) => text.replace(`\n${uri}\n`, `\n${uri}?moved=1\n`)],
  ['another host', (text) => text.replace(`\n${uri}\n`, `\nhttps://cdn.example/v/${uri}\n`)],
  [
    'another EXTINF',
    (text) =>
      text.replace(new RegExp(`#EXTINF:.*(\\n(#EXT-X-BYTERANGE.*\\n)?${uri}\\n)`), '#EXTINF:2.500,$1'),
  ],
  [
    'a title added',
    (text) => text.replace(new RegExp(`(#EXTINF:.*)(\\n(#EXT-X-BYTERANGE.*\\n)?${uri}\\n)`), '$1title$2'),
  ],
  ['another target duration', (text) => text.replace('DURATION:4', 'DURATION:5')],
  ['another version', (text) => text.replace('VERSION:6', 'VERSION:7')],
  [
    'another type',
    (text) =>
      text
        .replace('#EXT-X-MEDIA-SEQ', '#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQ')
        .replace('#EXT-X-PLAYLIST-TYPE:EVENT\n', ''),
  ],
  ['a gap', (text) => text.replace(`\n${uri}\n`, `\n#EXT-X-GAP\n${uri}\n`)],
  [
    'a sequence number that is not counted on',
    (text) => text.replace(/MEDIA-SEQUENCE:(\d+)/, (_, n: string) => `MEDIA-SEQUENCE:${Number(n) + 1}`),
  ],
  ['a segment put in front of it', (text) => text.replace(/(#EXTINF)/, '#EXTINF:4.000,\nnew.ts\n$1')],
];

describe('compare', () => {
  it('finds nothing where lines are only appended, or removed from the front and counted', () => {
    fc.assert(
      fc.property(evolution, ({ before, after }) => {
        expect(found(before, after)).toEqual([]);
      }),
    );
  });

  it('finds every forbidden change, and quotes both lines', () => {
    fc.assert(
      fc.property(evolution, fc.nat(), ({ before, after }, pick) => {
        const uri = shared(before, after);
        fc.pre(uri !== undefined);
        if (uri === undefined) return;
        const all = mutations(uri);
        const [name, change] = all[pick % all.length] ?? all[0] ?? ['', (text: string) => text];
        const broken = change(after);
        expect(broken).not.toBe(after);
        const violations = found(before, broken);
        expect([name, violations.length > 0]).toEqual([name, true]);
        for (const { message } of violations) expect(message).toMatch(/ was | removed |left after/);
      }),
      { numRuns: 500 },
    );
  });

  it('tells the former and the present line', () => {
    const all = Array.from(
      { length: 8 },
      (_, n): Entry => ({ uri: `${n}.ts`, seconds: 4, isBreak: false, key: undefined, range: undefined }),
    );
    const before = write(all, 0, 5, 'event', false);
    const moved = write(all, 0, 7, 'event', false).replace('\n2.ts\n', '\nhttps://cdn.example/2.ts\n');
    expect(found(before, moved)).toEqual([
      { rule: 'watch.line', line: 11, message: '#2: it was `2.ts` and is `https://cdn.example/2.ts`' },
    ]);
    const shifted = write(all, 2, 7, 'live', false).replace('SEQUENCE:2', 'SEQUENCE:0');
    expect(found(write(all, 0, 5, 'live', false), shifted)).toMatchObject([
      {
        rule: 'watch.sequence',
        message: expect.stringContaining('but 2 segments were removed: `2.ts` is first now'),
      },
    ]);
    expect(found(write(all, 2, 7, 'live', false), write(all, 0, 5, 'live', false))).toMatchObject([
      { rule: 'watch.sequence' },
    ]);
    expect(found(before, write(all, 0, 3, 'event', false))).toMatchObject([{ rule: 'watch.removed' }]);
    expect(found(write(all, 0, 5, 'live', false), write(all, 3, 5, 'live', false))).toMatchObject([
      { rule: 'watch.window' },
    ]);
    const ended = write(all, 0, 5, 'event', true);
    expect(found(ended, write(all, 0, 6, 'event', true))).toMatchObject([{ rule: 'watch.ended' }]);
    expect(found(ended, before)).toMatchObject([
      { rule: 'watch.ended', message: 'EXT-X-ENDLIST was there and is gone' },
    ]);
    const tagged = before.replace('#EXTINF', '#EXT-X-BITRATE:500\n#EXTINF');
    expect(found(tagged, before)).toMatchObject([
      { rule: 'watch.line', message: 'it was `#EXT-X-BITRATE:500` and is `#EXTINF:4.000,`' },
    ]);
    const broken = all.map((one, n) => ({ ...one, isBreak: n === 1 }));
    const uncounted = write(broken, 2, 7, 'live', false).replace(
      'DISCONTINUITY-SEQUENCE:1',
      'DISCONTINUITY-SEQUENCE:0',
    );
    expect(found(write(broken, 0, 5, 'live', false), uncounted)).toMatchObject([
      { rule: 'watch.discontinuity' },
    ]);
  });
});

describe('Watcher', () => {
  const all = Array.from(
    { length: 12 },
    (_, n): Entry => ({ uri: `${n}.ts`, seconds: 4, isBreak: false, key: undefined, range: undefined }),
  );
  const live = (from: number): MediaPlaylist => read(write(all, from, from + 5, 'live', false));

  it('keeps everything that was ever listed, and finds nothing in a list that slides in time', () => {
    const findings = new Findings();
    const watcher = new Watcher(live(0), { where: 'live' }, { findings }, 0);
    for (let n = 1; n <= 6; n += 1) watcher.step(live(n), n * 4000);
    const { playlist, report } = watcher.result(24_000);
    expect(playlist.segments.map(({ uri }) => uri)).toEqual(all.slice(0, 11).map(({ uri }) => uri));
    expect(report).toMatchObject({ reloads: 6, changes: 6, appended: 6, removed: 6, ended: false });
    expect(findings.list()).toEqual([]);
  });

  it('takes lists of any length, and keeps a bounded part of what slides by', () => {
    const long = (first: number): MediaPlaylist => {
      const lines = Array.from({ length: 200_000 }, (_, n) => `#EXTINF:4,\n${first + n}.ts`);
      return read(
        ['#EXTM3U', '#EXT-X-TARGETDURATION:4', `#EXT-X-MEDIA-SEQUENCE:${first}`, ...lines].join('\n'),
      );
    };
    const findings = new Findings();
    const watcher = new Watcher(live(0), { where: 'live' }, { findings }, 0);
    watcher.step(long(5), 1000);
    watcher.step(long(200_005), 2000);
    const { playlist, report } = watcher.result(3000);
    expect(report.appended).toBe(400_000);
    expect(playlist.segments).toHaveLength(200_000);
    expect(playlist.segments.at(-1)?.n).toBe(199_999);
    const moved = long(200_005);
    const segments = moved.segments.map((one) => ({ ...one, uri: `moved/${one.uri}` }));
    expect(watcher.step({ ...moved, segments }, 4000).violations).toHaveLength(10);
  });

  it('tells once that a list has stopped', () => {
    const findings = new Findings();
    const watcher = new Watcher(live(0), { where: 'live' }, { findings }, 0);
    for (let at = 2000; at <= 30_000; at += 2000) watcher.step(live(0), at);
    expect(findings.list().map(({ check }) => check)).toEqual(['watch.late']);
    watcher.step(live(1), 32_000);
    for (let at = 34_000; at <= 50_000; at += 2000) watcher.step(live(1), at);
    expect(findings.list().map(({ check }) => check)).toEqual(['watch.late', 'watch.late']);
    watcher.result(50_000);
    expect(findings.list().map(({ check }) => check)).toEqual(['m3u8.endlist', 'watch.late', 'watch.late']);
  });

  it.each([
    ['1.5 target durations and a second are in time', [[7000, 7000]], []],
    ['more are late', [[7001, 7001]], ['watch.late']],
    ['what was asked for in time and answered late is in time', [[12_000, 6000]], []],
  ] as const)('%s', (_, looks, expected) => {
    const findings = new Findings();
    const watcher = new Watcher(live(0), { where: 'live' }, { findings }, 0);
    for (const [now, asked] of looks) watcher.step(live(0), now, asked);
    expect(findings.list().map(({ check }) => check)).toEqual(expected);
  });

  it('does not blame a list that nobody looked at, nor one that still grows for having no end', () => {
    const findings = new Findings();
    const watcher = new Watcher(live(0), { where: 'live' }, { findings }, 0);
    watcher.step(live(3), 20_000);
    watcher.result(20_000);
    expect(findings.list()).toEqual([]);
  });
});
