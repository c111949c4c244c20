import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

test('drizzle is loaded as CommonJS, whoever imports it', () => {
  const href = (path: string) =>
    JSON.stringify(new URL(`../../../src/catalog/${path}`, import.meta.url).href);
  const script = `
    import ${href('drizzle-format.ts')};
    import { createRequire } from 'node:module';
    const { openCatalog } = await import(${href('connect.ts')});
    const loaded = Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes('drizzle-orm'));
    console.log(JSON.stringify([typeof openCatalog, loaded.length > 50, loaded.every((path) => path.endsWith('.cjs'))]));
  `;
  const out = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
  expect(JSON.parse(out)).toEqual(['function', true, true]);
});
