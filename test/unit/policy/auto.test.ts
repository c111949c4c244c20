import { expect, test } from 'vitest';
import { decide } from '../../../src/policy/decide.ts';
import { explain, explanationLines } from '../../../src/policy/explain.ts';
import type { VideoFacts } from '../../../src/policy/facts.ts';
import { readPolicy } from '../../../src/policy/read.ts';
import { idle, learned, noon, unlearned, video, watched } from './kit.ts';

const forecast = learned();
const aws = { preset: 'aws-s3' };
const worth = (facts: Partial<VideoFacts>, prices: object = aws, node = idle): number => {
  const { why } = decide(readPolicy({ prices }), video(facts), node, forecast, noon);
  if (why.kind !== 'auto') throw new Error(why.kind);
  return why.parts.filter(({ isWorth }) => isWorth).length;
};

test('what is expected to be watched again is copied, what is not is left where it is', () => {
  expect(worth({ labels: ['hit'] })).toBe(16);
  expect(worth({ labels: ['miss'] })).toBe(0);
  // Whatever its label says: this one is watched.
  expect(worth({ labels: ['miss'], demand: watched(30) })).toBe(16);
});

test('what was spent without a copy decides too: once it reaches the price, one is made', () => {
  const free = {
    perThousandPuts: 1,
    perThousandGets: 0,
    storedGbMonth: 0,
    bucketGbOut: 0,
    copiedGb: 0,
    diskGbMonth: 0,
  };
  // 32 objects cost 0.032; each view costs 0.0021 more from the node than from the bucket.
  const prices = { ...free, nodeGbOut: 0.1, cpuHour: 0 };
  expect(worth({ labels: ['miss'], demand: watched(15) }, prices)).toBe(0);
  expect(worth({ labels: ['miss'], demand: watched(16) }, prices)).toBe(16);
  // Rendering it again cost as much.
  const rendering = { ...free, nodeGbOut: 0, cpuHour: 1 };
  expect(worth({ labels: ['miss'], againCpuSeconds: 0 }, rendering)).toBe(0);
  expect(worth({ labels: ['miss'], againCpuSeconds: 120 }, rendering)).toBe(16);
});

test('only as far as it is watched', () => {
  const demand = { ...watched(0), reach: Array.from({ length: 16 }, (_, part) => (part < 4 ? 40 : 0)) };
  const { chosen } = decide(
    readPolicy({ prices: aws }),
    video({ labels: ['miss'], demand }),
    idle,
    forecast,
    noon,
  );
  expect(chosen.map(({ ranges }) => ranges)).toEqual([[[0, 4]], [[0, 4]]]);
});

test('prices, space and losses move it in their directions', () => {
  expect(worth({ labels: ['hit'] }, { preset: 'aws-s3', perThousandPuts: 10 }), 'dear requests').toBe(0);
  const asDear = { preset: 'own-hardware', diskGbMonth: 0, nodeGbOut: 0.001 };
  const pressed = { ...idle, evictedAfterSeconds: 600 };
  expect(worth({ labels: ['hit'] }, asDear), 'room for all').toBe(0);
  expect(worth({ labels: ['hit'] }, asDear, pressed), 'no room').toBe(16);
  expect(worth({ labels: ['hit'], cpuSeconds: 0.01 }, asDear, pressed), 'cheap rendering').toBe(0);
  const losing = readPolicy({ prices: asDear, trouble: { lossesPerMonth: 30 } });
  const { copy } = decide(losing, video({ labels: ['hit'] }), idle, forecast, noon);
  expect(copy.length, 'a node that is lost each day').toBe(2);
});

test('while nothing is known, what is dear to render is copied', () => {
  const decided = (cpuSeconds: number) =>
    decide(readPolicy({ prices: aws }), video({ cpuSeconds }), idle, unlearned, noon).copy.length;
  expect(decided(600)).toBe(2);
  expect(decided(1)).toBe(0);
});

test('explanations name the rule, the figures, and what would change it', () => {
  const text = (facts: Partial<VideoFacts>, policy: object = { prices: aws }): string =>
    explanationLines(explain(readPolicy(policy), video(facts), idle, forecast, noon)).join('\n');
  const left = text({ labels: ['miss'] });
  expect(left).toMatch(/^nothing is copied now\nby rule: default\n/);
  expect(left).toMatch(/price of a copy, stored for 30 days: 0\.000\d+/);
  expect(left).toMatch(/videos labelled miss \(500 seen\)/);
  const [, views] = /(\d+) further whole views? now: then all of it is worth a copy/.exec(left) ?? [];
  expect(Number(views)).toBeGreaterThan(0);
  // It keeps its word: one view less does not.
  expect(worth({ labels: ['miss'], demand: watched(1 + Number(views)) })).toBe(16);
  expect(worth({ labels: ['miss'], demand: watched(Number(views)) })).toBe(0);
  expect(text({ labels: ['hit'] })).toContain('to be in the bucket: all of 720p, all of audio');
  expect(text({}, { default: { copy: { what: 'everything', when: [{ viewers: 3 }] } } })).toContain(
    '1 viewer of 3',
  );
  expect(text({ isRemakable: false })).toContain('nobody could render it again');
});
