import { expect, test } from 'vitest';
import { bytesToFree, evictions, leaving } from '../../../src/policy/evict.ts';
import { defaultPolicy } from '../../../src/policy/policy.ts';
import { readPolicy } from '../../../src/policy/read.ts';
import { day, hour, learned, noon, placed, unlearned, video, watched } from './kit.ts';

const gone = (videos: ReturnType<typeof video>[], bytes: number, forecast = unlearned) =>
  evictions(defaultPolicy, videos, bytes, forecast, noon).map(
    ({ id, why, bytes: freed }) => `${id} ${why} ${freed / 1e6}`,
  );

test('what another place has goes first, least lately watched first; then what is cheapest to make again', () => {
  const at = (ago: number) => ({ ...watched(1), lastAt: noon - ago * hour });
  const videos = [
    video({ id: 'dear', cpuSeconds: 5000 }),
    video({ id: 'cheap', cpuSeconds: 5 }),
    placed(video({ id: 'stored-late', demand: at(1) }), { stored: [[0, 16]] }),
    placed(video({ id: 'stored-early', demand: at(9) }), { stored: [[0, 16]] }),
    placed(video({ id: 'replicated', demand: at(5) }), { elsewhere: [[0, 8]] }),
  ];
  expect(gone(videos, 1)).toEqual(['stored-early elsewhere 21']);
  expect(gone(videos, 40e6)).toEqual([
    'stored-early elsewhere 21',
    'replicated elsewhere 10.5',
    'stored-late elsewhere 21',
  ]);
  expect(gone(videos, 1e12)).toEqual([
    'stored-early elsewhere 21',
    'replicated elsewhere 10.5',
    'stored-late elsewhere 21',
    'cheap cheapest 21',
    // Half of it, which nothing else has.
    'replicated cheapest 10.5',
    'dear cheapest 21',
  ]);
});

test('what is watched less goes first', () => {
  const videos = [video({ id: 'often', labels: ['hit'] }), video({ id: 'never', labels: ['miss'] })];
  expect(gone(videos, 1, learned())).toEqual(['never cheapest 21']);
});

test('of what somebody watches only what is elsewhere and far from them; never the last copy of what nobody can render again', () => {
  const watchedNow = video({ id: 'watched', demand: { ...watched(1), playheads: [0.5] } });
  const stream = video({ id: 'stream', isRemakable: false });
  expect(gone([watchedNow, stream], 1e12)).toEqual([]);
  expect(
    gone([placed(watchedNow, { stored: [[0, 16]] }), placed(stream, { stored: [[0, 4]] })], 1e12),
  ).toEqual([
    'stream elsewhere 5.25',
    // The quarter of it that has been played a while ago.
    'watched elsewhere 5.25',
  ]);
});

test('room is made from the high watermark down to the low one', () => {
  const disk = { budgetBytes: null, high: 0.9, low: 0.6 };
  expect(bytesToFree(900, 1000, disk)).toBe(0);
  expect(bytesToFree(901, 1000, disk)).toBe(301);
});

test('what the bucket has leaves once nobody has watched it for as long as the rule says', () => {
  const policy = readPolicy({ default: { copy: { what: 'everything' }, keep: { localSeconds: 7200 } } });
  const stored = placed(video(), { stored: [[0, 16]] });
  expect(leaving(policy, stored, unlearned, noon)).toEqual([]);
  expect(leaving(policy, stored, unlearned, noon + hour)).toMatchObject([{ why: 'elsewhere', bytes: 21e6 }]);
  expect(leaving(policy, video(), unlearned, noon + hour), 'the only copy stays').toEqual([]);
  const isWatched = { ...stored, demand: { ...watched(1), playheads: [0] } };
  expect(leaving(policy, isWatched, unlearned, noon + hour)).toEqual([]);
});

test('auto gives up what costs more room than it would cost to make again', () => {
  const policy = readPolicy({ prices: { preset: 'aws-s3' } });
  const old = (labels: string[]) =>
    video({ labels, createdAt: noon - 9 * day, demand: { ...watched(1), lastAt: noon - 9 * day } });
  expect(leaving(policy, old(['miss']), learned(), noon)).toMatchObject([{ why: 'worthless', bytes: 21e6 }]);
  const kept = { ...old(['miss']), isRemakable: false };
  expect(leaving(policy, kept, learned(), noon), 'not what nobody can make again').toEqual([]);
  const free = readPolicy({ prices: { preset: 'aws-s3', diskGbMonth: 0 } });
  expect(leaving(free, old(['miss']), learned(), noon), 'a disk that is there anyway').toEqual([]);
});
