import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../../../', import.meta.url);
const rows = [
  ...readFileSync(new URL('docs/FAILURES.md', root), 'utf8').matchAll(
    /^\| (F\d+): [^|]+\| [^|]+\| `(\S+)`: (.+?)\s*\|$/gm,
  ),
].map(([, id = '', file = '', title = '']) => ({ id, file, title }));

test('the table of failures has rows', () => {
  expect(rows.length).toBeGreaterThan(25);
});

test.each(rows)('$id: $file has the test that the table names', ({ file, title }) => {
  expect(readFileSync(new URL(file, root), 'utf8')).toContain(title);
});
