import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { printRules } from '../../../src/verify/print.ts';
import { ruleIds, rules } from '../../../src/verify/rules.ts';

it('documents every rule: docs/VERIFY.md ends with what --rules prints', async () => {
  const page = await readFile(fileURLToPath(new URL('../../../docs/VERIFY.md', import.meta.url)), 'utf8');
  const from = page.split('\n').findIndex((line) => line.startsWith('| rule '));
  // The formatter pads the columns of the page.
  const plain = (lines: readonly string[]): string =>
    lines
      .join('\n')
      .replaceAll(/ +|-{3,}/g, ' ')
      .trimEnd();
  expect(plain(page.split('\n').slice(from))).toBe(plain(printRules().split('\n')));
});

it('names for each rule where it is written and the way out', () => {
  for (const id of ruleIds) {
    expect(rules[id].source).toMatch(/^(RFC \d|Apple \d|ISO\/IEC|Fetch|Roku|Bounds)/);
    expect(rules[id].hint.length).toBeGreaterThan(15);
  }
});
