import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('page', import.meta.url));
const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));

const imports = {
  'hls.js': '/modules/hls.js/dist/hls.mjs',
  'hls.js/dist/hls.mjs': '/modules/hls.js/dist/hls.mjs',
  'hls.js-1.6': '/modules/hls.js-1.6/dist/hls.mjs',
  'hls.js-1.5': '/modules/hls.js-1.5/dist/hls.mjs',
  'hls-video-element': '/modules/hls-video-element/dist/hls-video-element.js',
  'custom-media-element': '/modules/custom-media-element/dist/custom-media-element.js',
  'media-tracks': '/modules/media-tracks/dist/index.js',
  'media-chrome': '/modules/media-chrome/dist/index.js',
};

/** The page that a browser player lives in; `base` is where its own files are. */
const page = (base: string) => `<!doctype html>
<meta charset="utf-8"><title>player</title>
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module" src="${base}/main.ts"></script>
<body></body>`;

const types: Readonly<Record<string, string>> = {
  '.ts': 'text/javascript',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
};

/** Serves the players' page and their packages, on an origin of its own. */
export interface PageServer extends AsyncDisposable {
  readonly url: string;
}

async function read(path: string): Promise<string> {
  const inside = path.startsWith('/modules/')
    ? join(modules, normalize(path.slice('/modules'.length)))
    : join(here, normalize(path.slice('/page'.length)));
  const text = await readFile(inside, 'utf8');
  return extname(path) === '.ts' ? stripTypeScriptTypes(text) : text;
}

/** Starts it on any port of the loopback. */
export async function servePages(): Promise<PageServer> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const content = pathname === '/' ? Promise.resolve(page('/page')) : read(pathname);
    content.then(
      (text) => {
        response.setHeader('content-type', types[extname(pathname)] ?? 'text/html; charset=utf-8');
        response.setHeader('cache-control', 'max-age=3600');
        response.end(text);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
