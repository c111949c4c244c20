import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { childEnvironment } from '../ops/config.ts';
import { exitOf } from './part.ts';
import { nodeFlags } from './service.ts';

/** In this order: how drizzle is loaded comes before what loads it. */
const modules = ['../catalog/drizzle-format.ts', '../cli/playlists.ts', '../cli/node.ts'].map(
  (path) => new URL(path, import.meta.url).href,
);

/** A start is not held up longer than this for it, in milliseconds. */
const longestMs = 10_000;

/**
 * Fills Node's compile cache with what the services load, in a process of its own. A service that finds its modules there does
 * not load the compiler that removes types, which is worth about 16 MB of resident memory in each. Only an optimisation:
 * nothing depends on it, so a failure is passed over.
 */
export async function fillCompileCache(folder: string, signal: AbortSignal): Promise<void> {
  // Later on each service keeps the cache up to date by itself.
  if (existsSync(folder)) return;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const script = modules.map((href) => `await import(${JSON.stringify(href)});`).join('\n');
  const child = spawn(process.execPath, [...nodeFlags, '--input-type=module', '--eval', script], {
    stdio: 'ignore',
    env: childEnvironment({ NODE_COMPILE_CACHE: folder }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(longestMs)]),
  });
  await exitOf(child);
}
