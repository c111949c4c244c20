import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { covered, progressOf } from '../../../src/cli/make-progress.ts';

describe('progress of a video', () => {
  it('counts each segment once, however many places hold it', () => {
    const range = fc
      .tuple(fc.nat(50), fc.nat(20))
      .map(([from, length]): [number, number] => [from, from + length]);
    fc.assert(
      fc.property(fc.array(range, { maxLength: 8 }), (ranges) => {
        const numbers = new Set(
          ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i)),
        );
        expect(covered(ranges)).toBe(numbers.size);
      }),
    );
  });

  it('is done when every rendition that is made unasked is in the bucket', () => {
    const status = (bucket: [number, number][]) => ({
      id: 'v',
      url: 'http://localhost/v/v/index.m3u8',
      duration: 16,
      state: 'rendering',
      failure: null,
      grid: { segments: 4 },
      renditions: [
        {
          name: '720p',
          segments: 4,
          onDemand: false,
          bucket,
          absent: [[3, 4] satisfies [number, number]],
        },
        {
          name: 'audio',
          segments: 4,
          onDemand: false,
          bucket: [[0, 4] satisfies [number, number]],
          absent: [],
        },
        {
          name: 'thumbnails',
          segments: 4,
          onDemand: true,
          bucket: [],
          absent: [[0, 4] satisfies [number, number]],
        },
      ],
      exposureSeconds: 0,
    });
    expect(progressOf(status([[0, 2]]))).toEqual({
      total: 8,
      rendered: 7,
      copied: 6,
      exposureSeconds: 0,
      done: false,
    });
    expect(progressOf(status([[0, 4]]))).toMatchObject({ copied: 8, done: true });
  });
});
