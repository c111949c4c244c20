import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { factCache } from '../../../playlists/fact-cache.ts';
import { isEncrypted, linesOf } from '../../../playlists/line-chunks.ts';
import { type ListPorts, listedSegments } from '../../../playlists/stream-lines.ts';
import type { RenditionHead, StreamHead } from '../../../src/catalog/stream-lists.ts';
import { type ForeignSegment, mostSegments } from '../../../src/catalog/streams.ts';
import { foreignSegmentLines } from '../../../src/hls/foreign-media.ts';
import { windowStart } from '../../../src/hls/foreign-window.ts';

const targetDuration = 2;

const head = (windowSeconds: number | null): StreamHead => ({
  videoId: 'v',
  renderId: 'r',
  name: '',
  windowSeconds,
  targetDuration,
  state: 'live',
  failure: null,
  createdAt: new Date(0),
  endedAt: null,
  sealedAt: null,
  renditions: [],
});
const rendition = (name: string, count: number): RenditionHead => ({
  name,
  kind: 'video',
  container: 'fmp4',
  attributes: { source: name, role: 'variant' },
  count,
  stored: [],
  ended: false,
});
const row = (n: number, more: Partial<ForeignSegment> = {}): ForeignSegment => ({
  n,
  durationUs: 2_000_000,
  discontinuity: false,
  init: 0,
  key: null,
  initKey: null,
  programDateTime: null,
  bytes: 500_000,
  ...more,
});

/** A catalog of rows, which counts what is read of it. */
function service(rowsOf: (from: number, to: number) => readonly ForeignSegment[]) {
  const read = { queries: 0, rows: 0 };
  const count = { now: 0 };
  const ports: ListPorts = {
    facts: factCache(),
    catalog: {
      streams: {
        segments: async (_render, _rendition, from, to = count.now) => {
          const rows = rowsOf(from, Math.min(to, count.now, from + mostSegments));
          read.queries += 1;
          read.rows += rows.length;
          return [...rows];
        },
        discontinuitiesBefore: async (_render, _rendition, n) =>
          rowsOf(0, n).filter(({ discontinuity }) => discontinuity).length,
      },
    },
  };
  return { ports, read, count };
}

const base = 'https://cdn.test/renders/r/main/';
const names = { segmentUri: (n: number) => `${n}.m4s`, initUri: (init: number) => `init-${init}.mp4` };
const key = { method: 'AES-128', file: 'key-0.key', iv: `0x${'0'.repeat(32)}` } as const;

describe('finished lines in chunks', () => {
  const segments = fc
    .array(
      fc.record({
        durationUs: fc.integer({ min: 1, max: targetDuration * 1e6 }),
        discontinuity: fc.boolean(),
        init: fc.integer({ min: 0, max: 2 }),
        key: fc.constantFrom(null, key),
        initKey: fc.constantFrom(null, { method: 'NONE' as const }),
        programDateTime: fc.constantFrom(null, '2026-01-01T00:00:00.000Z'),
      }),
      { minLength: 1, maxLength: 900, size: 'max' },
    )
    .map((all) => all.map((one, n) => row(n, one)));

  test('are those of the whole list, however it is read and whatever window it has', async () => {
    await fc.assert(
      fc.asyncProperty(
        segments,
        fc.option(fc.integer({ min: 1, max: 900 })),
        fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 8 }),
        fc.nat(900),
        async (all, windowSeconds, steps, sealed) => {
          const { ports, count } = service((from, to) => all.slice(from, to));
          for (const step of [...steps, all.length]) {
            count.now = Math.min(all.length, count.now + step);
            const list = await listedSegments(ports, head(windowSeconds), rendition('main', count.now));
            const durations = all.slice(0, count.now).map(({ durationUs }) => durationUs);
            const first =
              windowSeconds === null ? 0 : windowStart(0, durations, windowSeconds * 1e6, targetDuration);
            expect([list.first, list.end]).toEqual([first, count.now]);
            expect(list.discontinuities).toBe(
              all.slice(0, first).filter(({ discontinuity }) => discontinuity).length,
            );
            const rows = all.slice(first, count.now);
            expect(linesOf(list, 'fmp4')).toBe(foreignSegmentLines(rows, undefined, names));
            const below = Math.min(sealed, count.now);
            const segmentUri = (n: number) => `${n < below ? base : ''}${n}.m4s`;
            expect(linesOf(list, 'fmp4', base, below)).toBe(
              foreignSegmentLines(rows, undefined, { ...names, segmentUri }),
            );
            for (const { n, key: own } of rows)
              expect([undefined, own !== null]).toContain(isEncrypted(list, n));
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('a window of more segments than one query gives is read whole', async () => {
    const { ports, count } = service((from, to) =>
      Array.from({ length: Math.max(0, to - from) }, (_, index) => row(from + index)),
    );
    count.now = 60_000;
    const list = await listedSegments(ports, head(50_000), rendition('main', 60_000));
    expect([list.first, list.end]).toEqual([35_000, 60_000]);
  });
});

test('a day of five renditions: each new segment costs the reading of one row, and memory has a bound', async () => {
  const date = (n: number): string => new Date(1_700_000_000_000 + n * 2000).toISOString();
  const { ports, read, count } = service((from, to) =>
    Array.from({ length: Math.max(0, to - from) }, (_, index) =>
      row(from + index, { programDateTime: date(from + index) }),
    ),
  );
  const day = 43_200;
  const renditions = ['a', 'b', 'c', 'd', 'e'];
  const readAll = async (): Promise<void> => {
    for (const name of renditions) await listedSegments(ports, head(null), rendition(name, count.now));
  };
  count.now = day;
  await readAll();
  expect(read).toEqual({ queries: 5 * Math.ceil((day + 1) / mostSegments), rows: 5 * day });
  for (let more = 1; more <= 3; more += 1) {
    Object.assign(read, { queries: 0, rows: 0 });
    count.now = day + more;
    await readAll();
    await readAll();
    expect(read).toEqual({ queries: 5, rows: 5 });
  }
  expect(ports.facts.streamLines.calculatedSize).toBeLessThan(32_000_000);
  for (let other = 0; other < 10; other += 1)
    await listedSegments(ports, { ...head(null), renderId: `r${other}` }, rendition('a', day));
  expect(ports.facts.streamLines.calculatedSize).toBeLessThan(32_000_000);
});

test('init segments and keys are remembered up to a number of bytes', () => {
  const { streamFiles } = factCache();
  for (let n = 0; n < 100; n += 1)
    streamFiles.set(`r/r0/init-${n}.mp4`, { bytes: new Uint8Array(1_000_000), contentType: 'video/mp4' });
  expect(streamFiles.calculatedSize).toBeLessThanOrEqual(16_000_000);
  expect(streamFiles.size).toBeGreaterThan(10);
});
