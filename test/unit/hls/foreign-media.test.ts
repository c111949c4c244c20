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
      }),
      { minLength: 1, maxLength: 60 },
    ),
  )
  .map(([fragmented, dated, list]) => ({
    fragmented,
    segments: list.map(
      (one, n): ForeignEntry => ({
        n,
        durationUs: one.micros,
        discontinuity: one.discontinuity,
        init: fragmented ? one.init : null,
        key:
          one.key === null
            ? null
            : { method: 'AES-128', file: `key-${one.key}.key`, iv: `0x${n.toString(16).padStart(32, '0')}` },
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
