import { describe, expect, it, test } from 'vitest';
import { z } from 'zod';
import { SegueError } from '../../../src/ops/errors.ts';
import { pricePresets, pricesOf } from '../../../src/policy/document/prices.ts';
import { readLabels } from '../../../src/policy/labels.ts';
import { differences, leavesOf, setLeaf } from '../../../src/policy/leaves.ts';
import { defaultPolicy, policyJsonSchema } from '../../../src/policy/policy.ts';
import { maxPolicyLength, readPolicy, readPolicyText } from '../../../src/policy/read.ts';

const yaml = `
$schema: https://example.com/policy.schema.json
prices: { preset: aws-s3, cpuHour: 0.03 }
disk: { budgetBytes: 1000000000 }
rules:
  - name: previews
    match: { labels: [preview, draft], duration: { to: 60 } }
    copy: { what: nothing, onTrouble: as-ever }
  - name: films
    match: { size: { from: 720 }, renderCost: { from: 2 }, age: { to: 86400 } }
    copy:
      what: part
      firstSeconds: 60
      renditions: [720p, audio]
      when:
        - viewers: 2
          hours: { from: '23:00', to: '05:30', zone: Europe/Vienna }
        - exposureSeconds: 600
        - idle: {}
    how: { priority: 10, bytesPerSecond: 1000000, cpuCeiling: 0.8, storageClass: STANDARD_IA, tags: { team: film } }
    keep: { localBytes: 500000000, localSeconds: 3600, bucketDays: 90, aheadSeconds: 60 }
default: { copy: { what: everything } }
`;

const problemsOf = (read: () => unknown): readonly string[] => {
  try {
    read();
  } catch (error) {
    if (error instanceof SegueError) return error.problems.length > 0 ? error.problems : [error.message];
    throw error;
  }
  return [];
};

test('YAML and JSON say the same, and what is left out gets its default', () => {
  const policy = readPolicyText(yaml);
  expect(policy.rules.map(({ name }) => name)).toEqual(['previews', 'films']);
  expect(policy.rules[1]?.copy.when[2]?.idle).toEqual({ cpu: 0.5, disk: 0.5, network: 10_000_000 });
  expect(policy.rules[0]?.how).toEqual(defaultPolicy.default.how);
  expect(policy.replicas).toEqual(defaultPolicy.replicas);
  expect(readPolicyText(JSON.stringify(policy))).toEqual(policy);
  expect(pricesOf(policy.prices)).toEqual({ ...pricePresets['aws-s3'], cpuHour: 0.03 });
  expect(readPolicy({})).toEqual(defaultPolicy);
  expect(defaultPolicy.default.copy).toMatchObject({ what: 'auto', onTrouble: 'everything' });
});

test('every problem is named at once, with its path, what was found and what was expected', () => {
  const wrong = {
    version: 2,
    prices: { preset: 'cheap', cpuHours: 1 },
    disk: { high: 0.5, low: 0.6 },
    rules: [
      { name: 'a', match: { labels: ['Ä'], size: { from: 5, to: 5 }, duration: {} }, copy: { what: 'part' } },
      { name: 'a', match: {}, copy: { firstSeconds: 3 } },
      { name: 'default', match: {}, copy: { when: [{ viewers: 2 }] } },
      {
        name: 'c',
        match: {},
        copy: { what: 'everything', when: [{}, { hours: { from: '24:00', to: '1' } }] },
      },
      { name: 'd', match: {}, how: { cpuCeiling: 80, partBytes: 5, storageClass: 'cold' } },
    ],
    default: { keep: { bucketDays: 0, replicas: 'twice' } },
  };
  const problems = problemsOf(() => readPolicy(wrong)).join('\n');
  for (const part of [
    'version: expected 1, got 2',
    'prices.preset: expected one of "aws-s3", "r2", "own-hardware", got "cheap"',
    'prices.cpuHours: unknown field',
    'disk.low: low must be less than high',
    'rules[0].match.labels[0]: expected 1 to 64 of a-z',
    'rules[0].match.size: from must be less than to',
    'rules[0].match.duration: expected from, to or both',
    'rules[0].copy.what: a part needs firstSeconds, renditions or both',
    'rules[1].copy.what: firstSeconds and renditions choose a part',
    'rules[2].name: the last rule is called so',
    'rules[2].copy.when: auto decides by itself when',
    'rules[3].copy.when[0]: expected at least one of viewers',
    'rules[3].copy.when[1].hours.from: expected a time of day as 01:30',
    'rules[4].how.cpuCeiling: expected at most 1, got 80',
    'rules[4].how.partBytes: expected at least 5242880, got 5',
    'rules[4].how.storageClass: expected a storage class',
    'default.keep.bucketDays: expected more than 0, got 0',
    'default.keep.replicas: expected one of "none"',
  ])
    expect(problems).toContain(part);
  expect(
    problemsOf(() =>
      readPolicy({
        rules: [
          { name: 'a', match: {} },
          { name: 'a', match: {} },
        ],
      }),
    ),
  ).toEqual(['rules: two rules have the same name']);
});

describe('text that is no policy is refused', () => {
  it.each([
    ['nothing', '', 'expected an object'],
    ['neither YAML nor JSON', '{"rules": [', 'at line 1, column 12'],
    ['a key twice', 'disk: {}\ndisk: {}', 'unique'],
    ['aliases', 'a: &a {}\nb: *a', 'alias'],
    ['a list', '[]', 'expected an object, got an array of 0 items'],
    ['too long', ' '.repeat(maxPolicyLength + 1), 'at most'],
  ])('%s', (_name, text, problem) => {
    expect(problemsOf(() => readPolicyText(text)).join('\n')).toContain(problem);
  });
});

test('the published schema takes what is read, and refuses what is not', () => {
  const schema = z.fromJSONSchema(policyJsonSchema());
  expect(schema.safeParse({}).success).toBe(true);
  expect(schema.safeParse(readPolicyText(yaml)).error).toBeUndefined();
  expect(schema.safeParse({ replica: 1 }).success).toBe(false);
});

test('labels are words, each once and not too many', () => {
  expect(readLabels(['film', 'clip', 'film'])).toEqual(['clip', 'film']);
  expect(problemsOf(() => readLabels(['Film', 'a b']))).toHaveLength(2);
  expect(problemsOf(() => readLabels(Array.from({ length: 17 }, (_, index) => `l${index}`)))).toHaveLength(1);
});

test('differences are told by path, rules by name wherever they stand', () => {
  const before = readPolicyText(yaml);
  const after = structuredClone(before);
  after.rules.reverse();
  expect(differences(before, after)).toEqual([]);
  expect(setLeaf(after, 'rules[films].copy.firstSeconds', 30)).toBe(true);
  expect(setLeaf(after, 'default.how.priority', 3)).toBe(true);
  expect(setLeaf(after, 'default.how.prio', 3)).toBe(false);
  expect(setLeaf(after, 'rules[none].copy.what', 3)).toBe(false);
  expect(setLeaf(after, '__proto__.x', 3)).toBe(false);
  expect(differences(before, after)).toEqual([
    { path: 'rules[films].copy.firstSeconds', before: 60, after: 30 },
    { path: 'default.how.priority', before: 0, after: 3 },
  ]);
  expect(leavesOf(before).map(([path]) => path)).toContain('rules[previews].match.duration.to');
});
