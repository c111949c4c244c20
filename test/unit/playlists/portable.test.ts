import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Every file of this repository that `entry` reaches by imports that survive type stripping, and every package it imports. */
async function reachable(entry: string): Promise<{ files: string[]; packages: string[] }> {
  const files = new Set<string>();
  const packages = new Set<string>();
  const waiting = [join(root, entry)];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    const text = await readFile(file, 'utf8');
    for (const [, clause = '', from = ''] of text.matchAll(
      /^(?:import|export)\s+([^;]*?)\s*from '([^']+)';/gm,
    )) {
      if (/^type\b/.test(clause)) continue;
      if (from.startsWith('.')) waiting.push(join(dirname(file), from));
      else packages.add(from);
    }
  }
  return { files: [...files].map((file) => relative(root, file)).sort(), packages: [...packages].sort() };
}

test('the Worker entry reaches nothing that only Node has', async () => {
  const { files, packages } = await reachable('playlists/worker.ts');
  expect(files).toContain('playlists/segment-route.ts');
  expect(packages.filter((name) => name.startsWith('node:'))).toEqual([]);
  const portable = [
    '@hono/zod-openapi',
    'canonicalize',
    'drizzle-orm',
    'hono',
    'hono-rate-limiter',
    'lru-cache',
    'postgres',
    'yaml',
    'zod',
  ];
  const names = packages.map((name) =>
    name
      .split('/')
      .slice(0, name.startsWith('@') ? 2 : 1)
      .join('/'),
  );
  expect([...new Set(names)].filter((name) => !portable.includes(name))).toEqual([]);
});

test('the same walk finds what the Node entry needs of Node', async () => {
  expect((await reachable('playlists/node.ts')).packages).toContain('node:zlib');
});
