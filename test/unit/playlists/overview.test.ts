import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answerCounts } from '../../../playlists/overview/answer-counts.ts';
import { playheads, watchedMs } from '../../../playlists/overview/playheads.ts';
import { stripOf } from '../../../playlists/overview/strip.ts';
import { videoRow } from '../../../playlists/overview/video-row.ts';
import { contains, rangesOf } from '../../../src/catalog/ranges.ts';
import type { ListedVideo } from '../../../src/catalog/video-list.ts';

describe('strip', () => {
  test('a segment is where the worst placed of its renditions is', () => {
    const video = { bucket: rangesOf([0, 1]), nodes: { a: rangesOf([0, 1, 2, 3]), b: rangesOf([2]) } };
    const audio = { bucket: rangesOf([0]), nodes: { a: rangesOf([0, 1, 2]), b: rangesOf([1, 2, 3]) } };
    expect(stripOf([video, audio], 5)).toEqual([
      [1, 'bucket'],
      [3, 'nodes'],
      [4, 'node'],
      [5, 'absent'],
    ]);
    expect(stripOf([], 0)).toEqual([]);
  });

  const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 499 }));
  const places = fc.record({ bucket: numbers, a: numbers, b: numbers });
  test('it agrees with looking at each segment; where it is coarse, it shows nothing better than it is', () => {
    const rank = { absent: 0, node: 1, nodes: 2, bucket: 3 };
    fc.assert(
      fc.property(fc.array(places, { minLength: 1, maxLength: 3 }), (renditions) => {
        const ranges = renditions.map(({ bucket, a, b }) => ({
          bucket: rangesOf(bucket),
          nodes: { a: rangesOf(a), b: rangesOf(b) },
        }));
        const runs = stripOf(ranges, 500);
        expect(runs.length).toBeLessThanOrEqual(100);
        expect(runs.at(-1)?.[0]).toBe(500);
        let exact = 0;
        for (let n = 0; n < 500; n += 1) {
          const worst = Math.min(
            ...ranges.map(({ bucket, nodes }) => {
              if (contains(bucket, n)) return rank.bucket;
              return Number(contains(nodes.a, n)) + Number(contains(nodes.b, n));
            }),
          );
          const shown = rank[runs.find(([to]) => n < to)?.[1] ?? 'absent'];
          expect(shown).toBeLessThanOrEqual(worst);
          if (shown === worst) exact += 1;
        }
        if (runs.length < 50) expect(exact).toBeGreaterThan(0);
      }),
    );
  });
});

describe('rows', () => {
  const video: ListedVideo = {
    videoId: 'v',
    renderId: 'r',
    state: 'active',
    createdAtUs: 1_700_000_000_123_456,
    frameRate: { num: 25, den: 1 },
    frameCount: 250,
    stream: null,
    holder: 'a',
    renditions: [
      { name: '720p', kind: 'video', onDemand: false },
      { name: 'audio', kind: 'audio', onDemand: false },
      { name: 'iframes', kind: 'iframes', onDemand: true },
    ],
    copies: [
      { rendition: '720p', place: 'a', segments: [[0, 3]] },
      { rendition: 'audio', place: 'a', segments: [[0, 3]] },
      { rendition: '720p', place: 'gone', segments: [[0, 5]] },
    ],
  };

  test('of a video: its state, what could be lost, and where it is', () => {
    expect(videoRow(video, new Set(['a']))).toEqual({
      id: 'v',
      renderId: 'r',
      type: 'video',
      name: null,
      state: 'rendering',
      createdAt: '2023-11-14T22:13:20.123Z',
      duration: 10,
      segments: 5,
      exposureSeconds: 3.84,
      strip: [
        [3, 'node'],
        [5, 'absent'],
      ],
      holder: 'a',
      nodes: ['a'],
    });
    expect(videoRow(video, new Set())).toMatchObject({
      exposureSeconds: 0,
      strip: [[5, 'absent']],
      nodes: [],
    });
  });

  test('of a stream: what was admitted so far, each segment with its usual length', () => {
    const stream = {
      ...video,
      frameCount: 0,
      stream: { name: 'News', state: 'live' as const, segmentSeconds: 2 },
    };
    expect(videoRow(stream, new Set(['gone']))).toMatchObject({
      type: 'stream',
      name: 'News',
      state: 'live',
      duration: null,
      segments: 5,
      exposureSeconds: 10,
      strip: [[5, 'node']],
    });
    const empty = { ...stream, copies: [], stream: { ...stream.stream, segmentSeconds: null } };
    expect(videoRow(empty, new Set())).toMatchObject({ segments: 0, strip: [], exposureSeconds: 0 });
  });
});

describe('playheads', () => {
  test('a viewer who plays on is one head, one who seeks and another one are two', () => {
    let now = 0;
    const heads = playheads(() => now);
    for (const n of [0, 1, 0, 2, 1, 2, 3]) heads.served('r', n);
    expect(heads.all().get('r')).toEqual([3]);
    heads.served('r', 40);
    heads.served('r', 41);
    expect(heads.all().get('r')).toEqual([3, 41]);
    now = watchedMs - 1;
    heads.served('r', 4);
    now = watchedMs + 1;
    expect(heads.all().get('r')).toEqual([4]);
    now = 2 * watchedMs;
    expect(heads.all().size).toBe(0);
  });

  test('what is kept is bounded', () => {
    const heads = playheads(() => 0);
    for (let n = 0; n < 1000; n += 1) heads.served('r', n * 10);
    for (let render = 0; render < 6000; render += 1) heads.served(`r${render}`, 0);
    expect(heads.all().size).toBe(5000);
    for (let n = 0; n < 1000; n += 1) heads.served('s', n * 10);
    expect(heads.all().get('s')?.length).toBe(50);
  });
});

test('answers are counted by kind of source, until they are written down', () => {
  const counts = answerCounts();
  for (const source of ['bucket', 'bucket', 'node-1', 'a', 'held', 'catalog', undefined]) counts.add(source);
  const counted = counts.counts();
  expect(counted).toEqual({ bucket: 2, node: 2, held: 1 });
  counts.add('bucket');
  counts.subtract(counted);
  expect(counts.counts()).toEqual({ bucket: 1, node: 0, held: 0 });
});
