import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { SegueError } from '../ops/errors.ts';
import { fileName, foldersIn } from './disk-folder.ts';
import { diskIdFile } from './disk-id.ts';

/** The segments of a node, in its data folder. */
export const segmentsFolder = 'segments';

/** Uploads that are not segments yet, in the segments folder: on the same file system. */
export const uploadsFolder = '.ingest';

/**
 * The segments folder that somebody means who names a node's data folder, or the segments folder itself, without symbolic links.
 * Nothing is created. @throws SegueError `configuration` for anything else.
 */
export async function segmentsFolderOf(folder: string): Promise<string> {
  try {
    await readdir(folder);
    for (const path of [join(folder, segmentsFolder), folder])
      if (await hasSegments(path)) return await realpath(path);
  } catch (error) {
    throw new SegueError('configuration', `${folder} cannot be read as a folder`, {
      cause: error,
      hint: 'Mount the disk, and let this user read and write it; or leave it out of --adopt and SEGUE_ADOPT.',
    });
  }
  throw new SegueError('configuration', `${folder} is no data folder of a node, and no segments folder`, {
    hint: 'Name what was SEGUE_DATA of the dead node (of `segue up`: nodes/NAME in its data folder), or segments in it.',
  });
}

/** Whether a node has used this folder for its segments. One that held nothing yet has its identity, or its folder of uploads. */
async function hasSegments(path: string): Promise<boolean> {
  const names = await readdir(path).catch((): string[] => []);
  if (names.includes(diskIdFile) || names.includes(uploadsFolder)) return true;
  if (names.length === 0) return false;
  for (const renderId of await foldersIn(path)) {
    if (!/^[\w-]+$/.test(renderId)) continue;
    for (const rendition of await foldersIn(join(path, renderId)).catch((): string[] => [])) {
      const files = await readdir(join(path, renderId, rendition)).catch((): string[] => []);
      if (files.some((file) => fileName.test(file))) return true;
    }
  }
  return false;
}
