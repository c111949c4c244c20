import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SegueError } from '../ops/errors.ts';
import { writeDurably } from './durable.ts';

/** The file of a segments folder that says which disk it is, wherever it is mounted. */
export const diskIdFile = '.disk';

/**
 * The identity of a segments folder: a UUID, made and written durably where there is none yet. The caller has the folder's lock.
 * @throws SegueError `configuration` where the file is damaged: a new identity would hide whose disk it is.
 */
export async function diskIdOf(folder: string): Promise<string> {
  const path = join(folder, diskIdFile);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) {
    const id = randomUUID();
    await writeDurably(folder, diskIdFile, Buffer.from(`${id}\n`));
    return id;
  }
  const parsed = z.uuid().safeParse(text.trim());
  if (parsed.success) return parsed.data;
  throw new SegueError('configuration', `${path} is damaged: it does not have the UUID of a disk`, {
    hint: 'Restore it, or delete it where no node that runs has this disk: it then counts as a new one.',
  });
}
