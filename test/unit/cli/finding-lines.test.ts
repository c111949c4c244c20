import { expect, test } from 'vitest';
import { type Finding, joinReports, openIn, reportSchema, tally } from '../../../src/catalog/findings.ts';
import { findingLines } from '../../../src/cli/finding-lines.ts';

const finding = (n: number, changed: Partial<Finding> = {}): Finding => ({
  kind: 'orphan',
  place: 'bucket',
  name: `renders/x/${n}`,
  bytes: 1000,
  done: 'reported',
  ...changed,
});

test('a report counts everything, and keeps examples: what needs somebody first', () => {
  const found = tally();
  for (let n = 0; n < 150; n += 1) found.note(finding(n));
  found.note(finding(150, { kind: 'torn-file', place: 'node-1', done: 'made-again' }));
  for (let n = 0; n < 3; n += 1) found.note(finding(n, { name: `open ${n}`, done: 'left' }));
  const report = reportSchema.parse(found.report());
  expect(report.findings.map(({ kind, count, open, bytes }) => [kind, count, open, bytes])).toEqual([
    ['torn-file', 1, 0, 1000],
    ['orphan', 153, 3, 153_000],
  ]);
  const examples = report.findings[1]?.examples ?? [];
  expect(examples).toHaveLength(100);
  expect(examples.filter(({ done }) => done === 'left')).toHaveLength(3);
  expect(openIn(report)).toBe(3);
});

test('of another deployment with the same bucket it is said what to do', () => {
  const found = tally();
  found.note(finding(0, { kind: 'other-deployment', name: 'deployments/x', bytes: 0, done: 'left' }));
  const [, title, example, way] = findingLines(found.report());
  expect(title).toMatch(/^! 1 other deployments/);
  expect(example).toContain('deployments/x');
  expect(way).toContain('delete this object');
});

test('reports of several nodes are one', () => {
  const [a, b] = [tally(), tally()];
  for (let n = 0; n < 80; n += 1) {
    a.note(finding(n));
    b.note(finding(n, { kind: n % 2 === 0 ? 'orphan' : 'half-upload', done: 'aborted' }));
  }
  a.examined.files = 5;
  b.examined.objects = 7;
  b.uploads = 'unsupported';
  const joined = reportSchema.parse(joinReports([a.report(), b.report()]));
  expect(joined.findings.map(({ kind, count }) => [kind, count])).toEqual([
    ['orphan', 120],
    ['half-upload', 40],
  ]);
  expect(joined.findings[0]?.examples).toHaveLength(100);
  expect(joined).toMatchObject({ examined: { files: 5, objects: 7 }, uploads: 'unsupported' });
  expect(joinReports([])).toEqual(tally().report());
});

test('people are told what was done about what, and what needs them', () => {
  const found = tally();
  for (let n = 0; n < 12; n += 1) found.note(finding(n));
  found.note(
    finding(0, { kind: 'damaged-object', name: 'renders/r/180p/0.m4s', done: 'left', bytes: 2_500_000 }),
  );
  found.uploads = 'unsupported';
  const lines = [...findingLines(found.report())];
  expect(lines[1]).toContain('lifecycle rule');
  expect(lines).toContain('! 1 objects of the wrong size (2.5 MB, 1 need you)');
  expect(lines).toContain('    renders/r/180p/0.m4s: left as it is');
  expect(lines).toContain('  12 objects that nothing is known of (12.0 kB)');
  expect(lines.at(-1)).toBe('    and 2 more');
  expect([...findingLines(tally().report())]).toContain('nothing is wrong');
});
