import { describe, expect, test } from 'vitest';
import { factsOf } from '../../../playlists/render-facts.ts';
import { nextStep } from '../../../playlists/resolve.ts';
import { gridSummary, statusOf } from '../../../playlists/status.ts';
import type { CopyRow } from '../../../src/catalog/copies.ts';

const a = { id: 'a', url: 'http://a' };
const b = { id: 'b', url: 'http://b' };
const lease = { nodeId: 'a', epoch: 1, url: 'http://a' };

describe('resolve order', () => {
  test.each([
    ['the bucket first', { inBucket: true, holders: [a], lease }, [], { kind: 'bucket' }],
    ['then a node', { inBucket: false, holders: [a, b], lease }, [], { kind: 'fetch', node: a }],
    ['then another node', { inBucket: false, holders: [a, b], lease }, ['a'], { kind: 'fetch', node: b }],
    [
      'then the holder of the lease',
      { inBucket: false, holders: [], lease },
      [],
      { kind: 'make', holder: a },
    ],
    [
      'unless it just failed',
      { inBucket: false, holders: [a], lease },
      ['a'],
      { kind: 'make', holder: undefined },
    ],
    [
      'or nobody holds it',
      { inBucket: false, holders: [], lease: undefined },
      [],
      { kind: 'make', holder: undefined },
    ],
  ])('%s', (_, location, excluded, expected) => {
    expect(nextStep(location, new Set(excluded))).toEqual(expected);
  });
});

describe('status', () => {
  const facts = factsOf({
    videoId: 'v',
    description: JSON.stringify({ kind: 'timeline', size: { width: 1280, height: 720 }, seed: 1 }),
    frameRate: { num: 25, den: 1 },
    frameCount: 250,
    renderId: 'r',
    generation: 1,
    rendererVersion: '1',
    profile: 'default',
    state: 'active',
    failure: null,
    sealedAt: null,
    renditions: [
      { name: '720p', kind: 'video', container: 'fmp4' },
      { name: 'audio', kind: 'audio', container: 'fmp4' },
      { name: 'thumbnails', kind: 'images', container: 'jpeg', onDemand: true },
    ],
  });
  const row = (rendition: string, place: string, from: number, to: number): CopyRow => ({
    rendition,
    place,
    segments: [[from, to]],
  });
  const live = new Set(['a', 'b']);

  test('exposure is what one node alone holds; a second copy or the bucket ends it', () => {
    const only = [row('720p', 'a', 0, 5), row('audio', 'a', 0, 5)];
    expect(statusOf(facts, only, live)).toMatchObject({ state: 'rendered', exposureSeconds: 10 });
    const twice = [...only, row('720p', 'b', 0, 3), row('audio', 'b', 0, 3)];
    expect(statusOf(facts, twice, live).exposureSeconds).toBe(6.16);
    const half = [...twice, row('720p', 'bucket', 0, 5)];
    expect(statusOf(facts, half, live).exposureSeconds).toBe(6.16);
    const all = [...half, row('audio', 'bucket', 0, 5)];
    expect(statusOf(facts, all, live)).toMatchObject({ state: 'stored', exposureSeconds: 0 });
  });

  test('copies of a dead node do not count', () => {
    const status = statusOf(facts, [row('720p', 'dead', 0, 5), row('audio', 'dead', 0, 5)], live);
    expect(status).toMatchObject({ state: 'waiting', exposureSeconds: 0 });
    expect(status.renditions[0]).toMatchObject({ nodes: {}, absent: [[0, 5]] });
    expect(statusOf(facts, [row('720p', 'a', 1, 2)], live)).toMatchObject({
      state: 'rendering',
      renditions: [
        {
          absent: [
            [0, 1],
            [2, 5],
          ],
        },
        { absent: [[0, 5]] },
        { absent: [[0, 5]], onDemand: true },
      ],
    });
  });

  test('a failed render is failed unless all of it is stored', () => {
    expect(statusOf({ ...facts, state: 'failed' }, [], live).state).toBe('failed');
    const stored = [row('720p', 'bucket', 0, 5), row('audio', 'bucket', 0, 5)];
    expect(statusOf({ ...facts, state: 'failed' }, stored, live).state).toBe('stored');
  });

  test('the grid is told in runs', () => {
    expect(gridSummary(facts)).toEqual({
      segments: 5,
      targetDuration: 4,
      runs: [
        { from: 0, to: 2, seconds: 0.96 },
        { from: 2, to: 3, seconds: 1.92 },
        { from: 3, to: 4, seconds: 3.84 },
        { from: 4, to: 5, seconds: 2.32 },
      ],
    });
  });
});
