import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../src/stack/ports.ts';
import { temporaryFolder } from './folder.ts';
import { until } from './wait.ts';

/** Whether nginx is installed. */
export const hasNginx = spawnSync('nginx', ['-v']).error === undefined;

/** A real CDN edge of one process. */
export interface TestCdn extends AsyncDisposable {
  readonly url: string;
}

/** Starts nginx with `infra/nginx/cdn.conf` before a bucket and a playlist service. */
export async function startCdn(
  bucket: { origin: string; path: string },
  playlists: string,
  port = 0,
): Promise<TestCdn> {
  const folder = await temporaryFolder();
  const listen = port === 0 ? await freePort('127.0.0.1') : port;
  const template = await readFile(new URL('../../infra/nginx/cdn.conf', import.meta.url), 'utf8');
  const server = template
    .replaceAll(/^ *#.*\n/gm, '')
    .replaceAll('BUCKET_HOST', new URL(bucket.origin).host)
    .replaceAll('BUCKET_SCHEME', 'http')
    .replaceAll('BUCKET_PATH', bucket.path)
    .replaceAll('PLAYLISTS_HOST', new URL(playlists).host)
    .replaceAll('LISTEN', `127.0.0.1:${listen}`)
    .replaceAll('CACHE', join(folder.path, 'cache'));
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${join(folder.path, kind)};`)
    .join('\n');
  const config = join(folder.path, 'nginx.conf');
  await writeFile(
    config,
    `daemon off; worker_processes 1; pid ${join(folder.path, 'pid')}; error_log stderr warn; user root;
events {}
http { access_log off;\n${paths}\n${server} }\n`,
  );
  const child = spawn('nginx', ['-e', 'stderr', '-c', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(child, 'exit');
  const url = `http://127.0.0.1:${listen}`;
  await until(async () => (await fetch(url)).status > 0, { what: 'nginx answers', timeout: 60_000 });
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
      await folder[Symbol.asyncDispose]();
    },
  };
}
