import { expect, test } from 'vitest';
import { printed } from '../../../src/cli/output.ts';

test('lines are printed as they are, and what would act on the terminal is shown', () => {
  expect(printed('a name\n  indented ü …')).toBe('a name\n  indented ü …\n');
  expect(printed('\u001b]0;title\u0007\rover')).toBe(`${String.raw`\u001b]0;title\u0007\u000dover`}\n`);
  const json = JSON.stringify({ name: '\u009b2J\u202e' });
  expect(JSON.parse(printed(json))).toEqual({ name: '\u009b2J\u202e' });
  expect(printed(json)).not.toContain('\u009b');
});
