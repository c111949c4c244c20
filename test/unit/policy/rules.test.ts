import { describe, expect, it, test } from 'vitest';
import { decide } from '../../../src/policy/decide.ts';
import type { NodeFacts, VideoFacts } from '../../../src/policy/facts.ts';
import { ruleFor } from '../../../src/policy/match.ts';
import { readPolicy } from '../../../src/policy/read.ts';
import { day, hour, idle, noon, placed, unlearned, video, watched } from './kit.ts';

const decided = (copy: object, facts: Partial<VideoFacts> = {}, node: Partial<NodeFacts> = {}, now = noon) =>
  decide(readPolicy({ default: { copy } }), video(facts), { ...idle, ...node }, unlearned, now);
const copies = (...args: Parameters<typeof decided>) =>
  Object.fromEntries(decided(...args).copy.map(({ name, ranges }) => [name, ranges]));

/** One of 16 was asked for. */
const thumbnails = {
  name: 'thumbnails',
  kind: 'images',
  onDemand: true,
  segments: 16,
  bytes: 1e5,
  here: [[3, 4]] as const,
  stored: [],
  elsewhere: [],
};

const all = { '720p': [[0, 16]], audio: [[0, 16]] };

describe('a rule matches by', () => {
  const matching = (match: object, facts: Partial<VideoFacts> = {}) =>
    ruleFor(readPolicy({ rules: [{ name: 'it', match }] }), video(facts), noon).name === 'it';
  it.each<[string, object, Partial<VideoFacts>, boolean]>([
    ['nothing', {}, {}, true],
    ['one of its labels', { labels: ['a', 'b'] }, { labels: ['b', 'c'] }, true],
    ['none of its labels', { labels: ['a'] }, { labels: ['b'] }, false],
    ['size, which is at its lower end', { size: { from: 720 } }, {}, true],
    ['size, which is at its upper end', { size: { to: 720 } }, {}, false],
    ['duration', { duration: { from: 30, to: 61 } }, {}, true],
    ['duration that is longer', { duration: { to: 59 } }, {}, false],
    ['render cost: CPU seconds a second', { renderCost: { from: 2, to: 2.1 } }, {}, true],
    ['render cost that is less', { renderCost: { from: 2.1 } }, {}, false],
    ['age in seconds', { age: { from: 86_400 } }, {}, true],
    ['age that is younger', { age: { from: 86_400 } }, { createdAt: noon - hour }, false],
    ['all of it together', { size: { from: 1 }, labels: ['a'] }, {}, false],
  ])('%s', (_name, match, facts, expected) => {
    expect(matching(match, facts)).toBe(expected);
  });

  test('the first that matches holds, and the default where none does', () => {
    const policy = readPolicy({
      rules: [
        { name: 'first', match: { labels: ['a'] }, copy: { what: 'nothing' } },
        { name: 'second', match: {}, copy: { what: 'everything' } },
      ],
    });
    expect(ruleFor(policy, video({ labels: ['a'] }), noon).name).toBe('first');
    expect(ruleFor(policy, video(), noon).name).toBe('second');
    expect(ruleFor(readPolicy({}), video(), noon).name).toBe('default');
  });
});

describe('what is copied:', () => {
  test('everything, nothing, the first seconds, some renditions by name or kind', () => {
    expect(copies({ what: 'everything' })).toEqual(all);
    expect(copies({ what: 'nothing' })).toEqual({});
    // Ten seconds of sixty are two and two thirds of 16 segments.
    expect(copies({ what: 'part', firstSeconds: 10 })).toEqual({ '720p': [[0, 3]], audio: [[0, 3]] });
    expect(copies({ what: 'part', renditions: ['720p'] })).toEqual({ '720p': [[0, 16]] });
    expect(copies({ what: 'part', renditions: ['audio'], firstSeconds: 100 })).toEqual({ audio: [[0, 16]] });
    expect(copies({ what: 'part', renditions: ['1080p'] })).toEqual({});
  });

  test('only what is here and not in the bucket yet', () => {
    const facts = placed(video(), { here: [[2, 9]], stored: [[4, 6]] });
    expect(copies({ what: 'everything' }, facts)).toEqual({
      '720p': [
        [2, 4],
        [6, 9],
      ],
      audio: [
        [2, 4],
        [6, 9],
      ],
    });
  });

  test('everything at once on trouble, unless the rule says otherwise', () => {
    const trouble = { trouble: 'it drains' };
    const decision = decided({ what: 'nothing' }, {}, trouble);
    expect(decision).toMatchObject({ isUrgent: true, why: { kind: 'trouble', trouble: 'it drains' } });
    expect(copies({ what: 'nothing' }, {}, trouble)).toEqual(all);
    expect(copies({ what: 'everything', when: [{ viewers: 9 }] }, {}, trouble)).toEqual(all);
    expect(copies({ what: 'nothing', onTrouble: 'as-ever' }, {}, trouble)).toEqual({});
  });

  test('not even on trouble what has left the bucket for its age: it would leave again', () => {
    const policy = readPolicy({ default: { copy: { what: 'everything' }, keep: { bucketDays: 30 } } });
    const node = { ...idle, trouble: 'its disk is nearly full' };
    const at = (days: number, facts: Partial<VideoFacts> = {}) =>
      decide(policy, video(facts), node, unlearned, noon + days * day).why.kind;
    expect(at(1)).toBe('trouble');
    expect(at(31)).toBe('expired');
    expect(at(31, { isRemakable: false })).toBe('trouble');
  });

  test('everything of what nobody can render again, whatever the rule says', () => {
    expect(decided({ what: 'nothing' }, { isRemakable: false }).why.kind).toBe('irreplaceable');
    expect(copies({ what: 'nothing' }, { isRemakable: false })).toEqual(all);
  });
});

describe('when it is copied:', () => {
  const at = (time: string): number => Date.parse(`2026-01-05T${time}Z`);
  it.each<[string, object[], Partial<VideoFacts>, Partial<NodeFacts>, number, boolean]>([
    ['at once', [], {}, {}, noon, true],
    ['after so many viewers', [{ viewers: 2 }], { demand: watched(2) }, {}, noon, true],
    ['not after fewer viewers', [{ viewers: 2 }], { demand: watched(1) }, {}, noon, false],
    ['after so many minutes', [{ minutesWatched: 3 }], { demand: watched(3) }, {}, noon, true],
    ['not after fewer minutes', [{ minutesWatched: 3 }], { demand: watched(2) }, {}, noon, false],
    ['once so much is rendered', [{ rendered: 0.5 }], placed(video(), { here: [[0, 8]] }), {}, noon, true],
    ['not while less is', [{ rendered: 0.5 }], placed(video(), { here: [[0, 7]] }), {}, noon, false],
    [
      'elsewhere counts as rendered',
      [{ rendered: 1 }],
      placed(video(), { here: [[0, 7]], elsewhere: [[7, 16]] }),
      {},
      noon,
      true,
    ],
    [
      'what is made on demand need not be',
      [{ rendered: 1 }],
      { renditions: [...video().renditions, thumbnails] },
      {},
      noon,
      true,
    ],
    ['above so much exposure', [{ exposureSeconds: 59 }], {}, {}, noon, true],
    ['not at it', [{ exposureSeconds: 60 }], {}, {}, noon, false],
    [
      'a copy elsewhere is no exposure',
      [{ exposureSeconds: 1 }],
      placed(video(), { elsewhere: [[0, 16]] }),
      {},
      noon,
      false,
    ],
    ['on an idle node', [{ idle: {} }], {}, { cpu: 0.4, disk: 0.4, network: 1e6 }, noon, true],
    ['not with a busy CPU', [{ idle: {} }], {}, { cpu: 0.5 }, noon, false],
    ['not with a busy disk', [{ idle: { disk: 0.1 } }], {}, { disk: 0.2 }, noon, false],
    ['not with a busy network', [{ idle: { network: 1e6 } }], {}, { network: 2e6 }, noon, false],
    ['within hours', [{ hours: { from: '11:00', to: '13:00' } }], {}, {}, at('11:00'), true],
    ['not at their end', [{ hours: { from: '11:00', to: '13:00' } }], {}, {}, at('13:00'), false],
    ['over midnight', [{ hours: { from: '23:00', to: '05:00' } }], {}, {}, at('04:59'), true],
    ['not by day', [{ hours: { from: '23:00', to: '05:00' } }], {}, {}, noon, false],
    [
      'in a zone of its own',
      [{ hours: { from: '13:00', to: '13:30', zone: 'Europe/Vienna' } }],
      {},
      {},
      noon,
      true,
    ],
    ['once one of several holds', [{ viewers: 9 }, { minutesWatched: 1 }], {}, {}, noon, true],
    ['only once all of one hold', [{ viewers: 1, minutesWatched: 9 }], {}, {}, noon, false],
  ])('%s', (_name, when, facts, node, now, expected) => {
    const decision = decided({ what: 'everything', when }, facts, node, now);
    expect(decision.copy.length > 0).toBe(expected);
    expect(decision.why).toMatchObject({ kind: 'rule', awaited: { holds: expected } });
  });
});

test('the same facts give the same decision, and nothing of them is changed', () => {
  const facts = Object.freeze(video({ createdAt: noon - 3 * day }));
  const policy = Object.freeze(readPolicy({}));
  expect(decide(policy, facts, idle, unlearned, noon)).toEqual(decide(policy, facts, idle, unlearned, noon));
});
