import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  aacFrameSamples,
  audioBoundary,
  coincidentFrames,
  type FrameRate,
  frameBoundary,
  type Grid,
  gridOf,
  sampleRate,
  segmentAt,
  segmentCount,
  segmentDuration,
  segmentStart,
  targetDuration,
  windowOf,
} from '../../../src/grid/grid.ts';

const rates: readonly FrameRate[] = [
  { num: 24, den: 1 },
  { num: 25, den: 1 },
  { num: 30, den: 1 },
  { num: 50, den: 1 },
  { num: 60, den: 1 },
  { num: 24_000, den: 1001 },
  { num: 30_000, den: 1001 },
  { num: 60_000, den: 1001 },
  { num: 12, den: 1 },
  { num: 120, den: 1 },
];

/** Six hours at most, as long as the longest description. */
const grids = fc
  .tuple(
    fc.constantFrom(...rates),
    fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 1_296_000 })),
  )
  .map(([rate, frames]) => gridOf(rate, frames));

const segments = grids.chain((grid) => fc.tuple(fc.constant(grid), fc.nat({ max: segmentCount(grid) - 1 })));

const seconds = (grid: Grid, frames: number) => (frames * grid.frameRate.den) / grid.frameRate.num;

describe('segment lengths', () => {
  test.each([
    [25, [0.96, 0.96, 1.92, 3.84, 3.84]],
    [50, [0.96, 0.96, 1.92, 3.84, 3.84]],
    [30, [32 / 30, 32 / 30, 64 / 30, 128 / 30, 128 / 30]],
    [60, [32 / 30, 32 / 30, 64 / 30, 128 / 30, 128 / 30]],
    [24, [1, 1, 2, 4, 4]],
  ])('%i frames a second', (fps, expected) => {
    const grid = gridOf({ num: fps, den: 1 }, fps * 60);
    const video = expected.map((_, n) => segmentDuration(grid, 'video', n));
    for (const [n, length] of expected.entries()) expect(video[n]).toBeCloseTo(length, 9);
  });

  test('at 25 frames a second video and audio coincide at every boundary but the last', () => {
    const grid = gridOf({ num: 25, den: 1 }, 1500);
    for (let n = 0; n < grid.count; n += 1) {
      expect(audioBoundary(grid, n) * aacFrameSamples * 25).toBe(frameBoundary(grid, n) * sampleRate);
    }
    expect(segmentCount(grid)).toBe(18);
    expect(audioBoundary(grid, 18)).toBe(2813);
  });

  test('a sliver at the end belongs to the segment before it', () => {
    const rate = { num: 25, den: 1 };
    expect(segmentCount(gridOf(rate, 24 + 12))).toBe(1);
    expect(segmentCount(gridOf(rate, 24 + 13))).toBe(2);
    expect(frameBoundary(gridOf(rate, 96 + 96 + 1), 4)).toBe(193);
  });

  test('the smallest coincident units are those of the design', () => {
    expect(rates.slice(0, 5).map(coincidentFrames)).toEqual([64, 8, 16, 16, 32]);
  });
});

test('boundaries grow, begin at 0, and end with the video', () => {
  fc.assert(
    fc.property(segments, ([grid, n]) => {
      expect(frameBoundary(grid, 0)).toBe(0);
      expect(audioBoundary(grid, 0)).toBe(0);
      expect(frameBoundary(grid, grid.count)).toBe(grid.frameCount);
      expect(frameBoundary(grid, n + 1)).toBeGreaterThan(frameBoundary(grid, n));
      expect(audioBoundary(grid, n + 1)).toBeGreaterThan(audioBoundary(grid, n));
    }),
  );
});

test('durations add up to the whole', () => {
  fc.assert(
    fc.property(fc.constantFrom(...rates), fc.integer({ min: 1, max: 20_000 }), (rate, frames) => {
      const grid = gridOf(rate, frames);
      for (const kind of ['video', 'audio'] as const) {
        let sum = 0;
        for (let n = 0; n < grid.count; n += 1) sum += segmentDuration(grid, kind, n);
        expect(sum).toBeCloseTo(segmentStart(grid, kind, grid.count), 6);
      }
    }),
    { numRuns: 50 },
  );
});

test('audio and video are never further apart than half an AAC frame', () => {
  fc.assert(
    fc.property(segments, ([grid, n]) => {
      const apart = Math.abs(segmentStart(grid, 'audio', n) - segmentStart(grid, 'video', n));
      expect(apart).toBeLessThanOrEqual(aacFrameSamples / sampleRate / 2 + 1e-9);
    }),
  );
});

test('no segment is shorter than half a second, unless the whole video is', () => {
  fc.assert(
    fc.property(segments, ([grid, n]) => {
      const shortest = Math.min(0.5, seconds(grid, grid.frameCount));
      expect(segmentDuration(grid, 'video', n)).toBeGreaterThanOrEqual(shortest - 1e-9);
    }),
  );
});

test('no rounded EXTINF exceeds the target duration, which is at most 5 s', () => {
  fc.assert(
    fc.property(segments, ([grid, n]) => {
      const target = targetDuration(grid);
      expect(Number.isInteger(target)).toBe(true);
      expect(target).toBeLessThanOrEqual(5);
      expect(Math.round(segmentDuration(grid, 'video', n))).toBeLessThanOrEqual(target);
      expect(Math.round(segmentDuration(grid, 'audio', n))).toBeLessThanOrEqual(target);
    }),
  );
});

test('segmentAt finds the segment that a moment lies in', () => {
  fc.assert(
    fc.property(segments, fc.double({ min: 0, max: 0.999, noNaN: true }), ([grid, n], part) => {
      expect(segmentAt(grid, segmentStart(grid, 'video', n))).toBe(n);
      const frames = frameBoundary(grid, n + 1) - frameBoundary(grid, n);
      const frame = frameBoundary(grid, n) + Math.floor(part * frames);
      expect(segmentAt(grid, seconds(grid, frame))).toBe(n);
      expect(segmentAt(grid, seconds(grid, frame + 0.5))).toBe(n);
    }),
  );
});

test('segmentAt stays inside the grid', () => {
  fc.assert(
    fc.property(grids, fc.double(), (grid, moment) => {
      const n = segmentAt(grid, moment);
      expect(Number.isNaN(moment) || (n >= 0 && n < grid.count)).toBe(true);
    }),
  );
  const grid = gridOf({ num: 25, den: 1 }, 1500);
  expect(segmentAt(grid, -5)).toBe(0);
  expect(segmentAt(grid, 1e9)).toBe(grid.count - 1);
});

test('a window holds the segment, two AAC frames before and one after', () => {
  fc.assert(
    fc.property(segments, ([grid, n]) => {
      const window = windowOf(grid, n);
      expect(window.firstFrame).toBe(frameBoundary(grid, n));
      expect(window.firstFrame + window.frameCount).toBe(frameBoundary(grid, n + 1));
      expect(window.firstSample).toBe((audioBoundary(grid, n) - 2) * 1024);
      expect(window.firstSample + window.sampleCount).toBe((audioBoundary(grid, n + 1) + 1) * 1024);
    }),
  );
});

test('what is no grid, and what is no segment of it, is refused', () => {
  for (const [num, den, frames] of [
    [0, 1, 10],
    [25, 0, 10],
    [25, 1, 0],
    [25.5, 1, 10],
    [25, 1, Number.NaN],
  ] as const) {
    expect(() => gridOf({ num, den }, frames)).toThrow(RangeError);
  }
  const grid = gridOf({ num: 25, den: 1 }, 100);
  for (const n of [-1, grid.count, 0.5, Number.NaN]) expect(() => windowOf(grid, n)).toThrow(RangeError);
});
