import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SegueError } from './errors.ts';
import { parseJson } from './json.ts';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';

/** Schema of {@link ProcessIdentity}, for reading it back from a file. */
export const identitySchema = z.object({ pid: z.number().int().positive(), started: z.string() });

/** The right of one process to work on a data folder. */
export interface FolderLock extends AsyncDisposable {
  release(): Promise<void>;
}

/** The living process that holds the lock of a data folder. */
export async function holderOf(folder: string): Promise<ProcessIdentity | undefined> {
  const parsed = identitySchema.safeParse(
    parseJson(await readFile(join(folder, 'lock'), 'utf8').catch(() => '')),
  );
  return parsed.success && isAlive(parsed.data) ? parsed.data : undefined;
}

/**
 * Takes the lock of a data folder: a file with the holder's process number and start time, so that what a killed process left
 * is recognised. Creating it by `link` is atomic, and a stale one is first moved aside, so only one of two takers wins.
 * @throws SegueError `configuration` when another living process holds it, or the folder cannot be written.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = join(folder, 'lock');
  const own = identify(process.pid);
  const mine = `${path}.${process.pid}`;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(mine, JSON.stringify(own), { mode: 0o600 });
  } catch (error) {
    throw new SegueError('configuration', `The data folder ${folder} cannot be written`, {
      cause: error,
      hint: 'Set SEGUE_DATA to a folder that this user owns.',
    });
  }
  try {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const taken = await link(mine, path).then(
        () => true,
        () => false,
      );
      if (taken) return held(path);
      const holder = await holderOf(folder);
      if (holder !== undefined) {
        throw new SegueError('configuration', `Another segue (process ${holder.pid}) runs on ${folder}`, {
          hint: 'Stop it first, or give this one a folder and a port of its own: SEGUE_DATA=… PORT=… npm start',
        });
      }
      await rename(path, `${mine}.stale`).catch(() => undefined);
    }
  } finally {
    await rm(mine, { force: true });
    await rm(`${mine}.stale`, { force: true });
  }
  throw new SegueError('configuration', `The lock ${path} cannot be taken`, {
    hint: 'Several processes are trying at the same time; start one of them.',
  });
}

function held(path: string): FolderLock {
  let released: Promise<void> | undefined;
  const release = () => (released ??= rm(path, { force: true }));
  return { release, [Symbol.asyncDispose]: release };
}
