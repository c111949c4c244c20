import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

/** Runs `segue --version`, then `script`, in one process. @returns what the script printed, as JSON */
function afterStart(script: string): unknown {
  const path = (name: string) => JSON.stringify(new URL(`../../../src/${name}`, import.meta.url).href);
  const whole = `
    import { createRequire } from 'node:module';
    process.argv = [process.argv[0], ${JSON.stringify(main)}, '--version'];
    await import(${path('cli/main.ts')});
    const loaded = () => Object.keys(createRequire(import.meta.url).cache).filter((file) => file.includes('drizzle-orm'));
    const before = loaded().length;
    const { openCatalog } = await import(${path('catalog/connect.ts')});
    ${script}`;
  const out = execFileSync(process.execPath, ['--input-type=module', '--eval', whole], { encoding: 'utf8' });
  return JSON.parse(out.trim().split('\n').at(-1) ?? '');
}

test('the command line has loaded nothing of drizzle, and services load it as CommonJS', () => {
  const seen = afterStart(
    'console.log(JSON.stringify([before, loaded().length > 50, loaded().every((file) => file.endsWith(".cjs"))]));',
  );
  expect(seen).toEqual([0, true, true]);
});

test('the error of a query is of the class that the catalog looks for', () => {
  const seen = afterStart(`
    const catalog = openCatalog('postgres://127.0.0.1:1/none');
    const error = await catalog.db.execute('SELECT 1').catch((thrown) => thrown);
    await catalog.close();
    console.log(JSON.stringify([error.name, error.code]));`);
  expect(seen).toEqual(['SegueError', 'catalog_unavailable']);
});
