import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page, Pages } from './pages.ts';

const here = dirname(fileURLToPath(import.meta.url));

/** URL path of each file of this folder that is shown. What is not listed is not reachable. */
const files: Readonly<Record<string, string>> = {
  '/': 'demo.html',
  '/admin': 'admin/index.html',
  '/pages/demo.css': 'demo.css',
  '/pages/demo.js': 'demo.js',
  '/pages/nodes.js': 'nodes.js',
  '/pages/player.js': 'player.js',
  '/pages/strip.js': 'strip.js',
};

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
};

/** Reads every page, hls.js, uPlot and the example descriptions into memory (under 1 MB). Throws when a file of the checkout is missing. */
export async function loadPages(examplesFolder: string = join(here, '..', '..', 'examples')): Promise<Pages> {
  const loaded = new Map<string, Page>();
  for (const [path, file] of Object.entries(files)) loaded.set(path, await read(join(here, file)));
  loaded.set('/pages/hls.min.js', await read(besideEntry('hls.js', 'hls.min.js')));
  loaded.set('/pages/uplot.min.js', await read(besideEntry('uplot', 'uPlot.iife.min.js')));
  loaded.set('/pages/uplot.min.css', await read(besideEntry('uplot', 'uPlot.min.css')));
  for (const name of await readdir(join(here, 'admin'))) {
    if (/\.(?:js|css)$/.test(name)) loaded.set(`/pages/admin/${name}`, await read(join(here, 'admin', name)));
  }
  const examples = (await readdir(examplesFolder)).filter((name) => /^[\w.-]+\.json$/.test(name));
  examples.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  for (const name of examples) loaded.set(`/examples/${name}`, await read(join(examplesFolder, name)));
  return {
    get: (path) => loaded.get(path),
    examples: examples.map((name) => `/examples/${name}`),
  };
}

const rank = (name: string): number => (name === 'default.json' ? 0 : 1);

/** The browser build of a package lies beside the entry point that it resolves to. */
const besideEntry = (name: string, file: string): string =>
  join(dirname(createRequire(import.meta.url).resolve(name)), file);

async function read(path: string): Promise<Page> {
  const body = new Uint8Array(await readFile(path));
  return {
    body,
    contentType: contentTypes[extname(path)] ?? 'application/octet-stream',
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
  };
}
