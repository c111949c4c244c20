import fc from 'fast-check';
import { parse, setOptions, types } from 'hls-parser';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type ForeignEntry,
  type ForeignMediaInput,
  foreignMediaPlaylist,
} from '../../../src/hls/foreign-media.ts';
import { windowStart } from '../../../src/hls/foreign-window.ts';

beforeAll(() => setOptions({ strictMode: true }));

const targetDuration = 6;

const keyOf = (name: string | null, iv: number): ForeignEntry['key'] =>
  name === null
    ? null
    : { method: 'AES-128', file: `key-${name}.key`, iv: `0x${iv.toString(16).padStart(32, '0')}` };

/** Segments as they are admitted, one after the other: any mixture of durations, discontinuities, keys, maps and dates. */
const admitted = fc
  .tuple(
    fc.boolean(),
    fc.boolean(),
    fc.array(
      fc.record({
        micros: fc.integer({ min: 1, max: targetDuration * 1e6 }),
        discontinuity: fc.boolean(),
        init: fc.integer({ min: 0, max: 2 }),
        key: fc.constantFrom('a', 'b', null),
        initKey: fc.constantFrom('a', 'b', 'NONE', null),
      }),
      { minLength: 1, maxLength: 60 },
    ),
  )
  .map(([fragmented, dated, list]) => ({
    fragmented,
    segments: list.map(
      (one, n): ForeignEntry => ({
        n,
        initKey: one.initKey === 'NONE' ? { method: 'NONE' } : keyOf(one.initKey, 0),
        durationUs: one.micros,
        discontinuity: one.discontinuity,
        init: fragmented ? one.init : null,
        key: keyOf(one.key, n),
        programDateTime: dated ? new Date(1_700_000_000_000 + n * 6000).toISOString() : null,
      }),
    ),
  }));

const playlist = (
  input: Pick<ForeignMediaInput, 'type' | 'segments' | 'fragmented'> & Partial<ForeignMediaInput>,
): string =>
  foreignMediaPlaylist({
    targetDuration,
    discontinuitySequence: 0,
    ended: false,
    fromStart: false,
    segmentUri: (n) => `${n}.${input.fragmented ? 'm4s' : 'ts'}`,
    initUri: (init) => `init-${init}.mp4`,
    ...input,
  });

function parsed(text: string): types.MediaPlaylist {
  const result = parse(text);
  if (result instanceof types.MediaPlaylist) return result;
  throw new Error('not a media playlist');
}

/** The lines of each listed segment by its number: what no later list may change. */
function entries(text: string): Map<number, string> {
  const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
  const blocks = text.replace(/#EXT-X-ENDLIST\n$/, '').split(/(?<=^\d+\.\w+\n)/m);
  return new Map(blocks.map((block, index) => [first + index, block]));
}

describe('an event', () => {
  test('is a prefix of each later one apart from ENDLIST, and a strict parser accepts it', () => {
    fc.assert(
      fc.property(admitted, ({ fragmented, segments }) => {
        let before = '';
        for (let count = 1; count <= segments.length; count += 1) {
          const ended = count === segments.length;
          const text = playlist({ type: 'event', fragmented, segments: segments.slice(0, count), ended });
          expect(text.startsWith(before)).toBe(true);
          expect(text.endsWith('#EXT-X-ENDLIST\n')).toBe(ended);
          before = text;
        }
        const { segments: listed, endlist, playlistType } = parsed(before);
        expect([listed.length, endlist, playlistType]).toEqual([segments.length, true, 'EVENT']);
        for (const [n, segment] of listed.entries()) {
          expect(segment.discontinuity ?? false).toBe(segments[n]?.discontinuity);
          expect(segment.key?.uri).toBe(segments[n]?.key?.file);
          const init = segments[n]?.init ?? null;
          expect(segment.map?.uri).toBe(init === null ? undefined : `init-${init}.mp4`);
          expect(segment.programDateTime?.toISOString()).toBe(segments[n]?.programDateTime ?? undefined);
        }
      }),
    );
  });

  test('takes the bucket URL of a sealed prefix, and nothing else changes', () => {
    fc.assert(
      fc.property(admitted, fc.nat(60), ({ fragmented, segments }, sealed) => {
        const plain = playlist({ type: 'event', fragmented, segments });
        const cdn = playlist({
          type: 'event',
          fragmented,
          segments,
          segmentUri: (n) => `${n < sealed ? 'https://cdn.test/r/' : ''}${n}.${fragmented ? 'm4s' : 'ts'}`,
        });
        expect(cdn.replaceAll('https://cdn.test/r/', '')).toBe(plain);
      }),
    );
  });
});

describe('the key of an init segment', () => {
  const entry = (n: number, more: Partial<ForeignEntry>): ForeignEntry => ({
    n,
    durationUs: 4e6,
    discontinuity: false,
    init: 0,
    key: null,
    initKey: null,
    programDateTime: null,
    ...more,
  });
  const tags = (segments: readonly ForeignEntry[]): string[] =>
    playlist({ type: 'live', fragmented: true, segments })
      .split('\n')
      .flatMap(
        (line) => /^(?:#EXT-X-KEY:.*(key-.\.key|NONE)|#EXT-X-(MAP).*|(\d+\.m4s))/.exec(line)?.slice(1) ?? [],
      )
      .filter((word) => word !== undefined);
  const clear = { method: 'NONE' };

  test('one that is not encrypted stands before the key of its segment', () => {
    const segments = [0, 1].map((n) => entry(n, { key: keyOf('a', 0), initKey: clear }));
    expect(tags(segments)).toEqual(['MAP', 'key-a.key', '0.m4s', '1.m4s']);
  });

  test('the first of a window gives both, and ends one that no longer holds', () => {
    const one = entry(7, { key: keyOf('b', 0), initKey: keyOf('a', 0) });
    expect(tags([one])).toEqual(['key-a.key', 'MAP', 'key-b.key', '7.m4s']);
    expect(tags([entry(7, { initKey: keyOf('a', 0) })])).toEqual(['key-a.key', 'MAP', 'NONE', '7.m4s']);
  });

  test('a new one under a key that holds already takes it off first', () => {
    const segments = [
      entry(0, { key: keyOf('a', 0) }),
      entry(1, { init: 1, key: keyOf('a', 0), initKey: clear }),
    ];
    expect(tags(segments)).toEqual(['key-a.key', 'MAP', '0.m4s', 'NONE', 'MAP', 'key-a.key', '1.m4s']);
  });
});

describe('a sliding window', () => {
  test('loses whole segments from its front only, counts what it lost, and keeps three target durations', () => {
    fc.assert(
      fc.property(admitted, fc.integer({ min: 0, max: 120 }), ({ fragmented, segments }, window) => {
        let start = 0;
        let before = new Map<number, string>();
        for (let count = 1; count <= segments.length; count += 1) {
          const durations = segments.slice(start, count).map((one) => one.durationUs);
          const next = windowStart(start, durations, window * 1e6, targetDuration);
          expect(next).toBeGreaterThanOrEqual(start);
          // Looking at everything there ever was gives the same window.
          const all = segments.slice(0, count).map((one) => one.durationUs);
          expect(windowStart(0, all, window * 1e6, targetDuration)).toBe(next);
          start = next;
          const listed = segments.slice(start, count);
          const text = playlist({
            type: 'live',
            fragmented,
            segments: listed,
            discontinuitySequence: segments.slice(0, start).filter((one) => one.discontinuity).length,
          });
          const { mediaSequenceBase, discontinuitySequenceBase, segments: read } = parsed(text);
          expect([mediaSequenceBase, read.length]).toEqual([start, count - start]);
          // What the list says of a segment's discontinuity number is the same in every list that has it (RFC 8216 6.2.2).
          const numberOf = (n: number): number =>
            segments.slice(0, n + 1).filter((one) => one.discontinuity).length;
          const own = listed[0]?.discontinuity === true ? 1 : 0;
          expect((discontinuitySequenceBase ?? 0) + own).toBe(numberOf(start));
          const held = listed.reduce((sum, one) => sum + one.durationUs, 0);
          if (start > 0) expect(held).toBeGreaterThanOrEqual(Math.max(window, 3 * targetDuration) * 1e6);
          if (start > 0)
            expect(held - (listed[0]?.durationUs ?? 0)).toBeLessThan(
              Math.max(window, 3 * targetDuration) * 1e6,
            );
          const now = entries(text);
          // The first of a window says what was said before it; all others stay as they were to the letter.
          for (const [n, lines] of now) if (n > start && before.has(n)) expect(lines).toBe(before.get(n));
          before = now;
        }
      }),
    );
  });
});
