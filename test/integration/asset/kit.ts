import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { findFfmpeg } from '../../../src/render/ffmpeg/find.ts';

const require = createRequire(import.meta.url);
const run = promisify(execFile);

/** The ffmpeg that Segue would use, and the old one of the npm package where that is another. */
export async function ffmpegs(): Promise<string[]> {
  const { path: fallback } = require('@ffmpeg-installer/ffmpeg') as { path: string };
  return [...new Set([(await findFfmpeg()).path, fallback])];
}

/** Makes a file with ffmpeg. */
export const make = async (ffmpeg: string, ...args: string[]): Promise<void> => {
  await run(ffmpeg, ['-nostdin', '-v', 'error', '-y', ...args]);
};

/** Size and hash of a file, as `probe` takes them. */
export async function file(path: string): Promise<{ path: string; sha256: string; bytes: number }> {
  const data = await readFile(path);
  return { path, sha256: createHash('sha256').update(data).digest('hex'), bytes: data.length };
}

/** A web server on a free port of the loopback. */
export async function serve(
  listener: RequestListener,
): Promise<AsyncDisposable & { port: number; host: string }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { port, host: `127.0.0.1:${port}`, [Symbol.asyncDispose]: close };
}

/** A signal for calls that nobody ends. */
export const forever = new AbortController().signal;
