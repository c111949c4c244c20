import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { SegueError } from '../ops/errors.ts';

/** An open file of an allowed folder. */
export interface LocalFile {
  readonly handle: FileHandle;
  readonly bytes: number;
  /** Changes when the file does: device, inode, size and modification time. */
  readonly version: string;
}

const isInside = (folder: string, path: string): boolean =>
  path.startsWith(folder.endsWith(sep) ? folder : folder + sep);

/**
 * Opens a file of the folders that the operator allows; the first folder that has it wins. Symbolic links are followed
 * only to where they stay inside the same folder: both ends are resolved before they are compared. `path` is relative, as
 * it stands behind `file:`. Throws SegueError `asset_refused` for a path that leaves its folder or is no regular file,
 * `unknown_asset` where no folder has it.
 */
export async function openLocal(path: string, folders: readonly string[]): Promise<LocalFile> {
  if (path.includes('\0') || path.startsWith('/') || path.split(/[\\/]/).includes('..')) {
    throw new SegueError('asset_refused', `"${path}" leaves its folder`);
  }
  let left = false;
  for (const allowed of folders) {
    const folder = await realpath(allowed).catch(() => undefined);
    const target = folder && (await realpath(join(folder, path)).catch(() => undefined));
    if (folder === undefined || target === undefined) continue;
    if (isInside(folder, target)) return openRegular(target, path);
    left = true;
  }
  if (left) throw new SegueError('asset_refused', `"${path}" leaves its folder through a link`);
  throw new SegueError('unknown_asset', `there is no file "${path}" in the asset folders`, {
    hint:
      folders.length === 0
        ? 'the operator allows no folder; SEGUE_ASSETS names them'
        : 'check its name, and the folders that SEGUE_ASSETS names',
  });
}

/** Where the file lies that was opened: Linux knows it of the file itself; elsewhere its path is resolved once more. */
const placeOf = (handle: FileHandle, path: string): Promise<string> =>
  readlink(`/proc/self/fd/${handle.fd}`).catch(() => realpath(path));

async function openRegular(target: string, path: string): Promise<LocalFile> {
  // O_NONBLOCK: opening a pipe must not wait for its writer. O_NOFOLLOW: the resolved path has no link; one that appears now is an attack.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const handle = await open(target, flags).catch((error: unknown) => {
    throw new SegueError('asset_refused', `"${path}" cannot be read`, { cause: error });
  });
  try {
    const facts = await handle.stat({ bigint: true });
    if (!facts.isFile()) throw new SegueError('asset_refused', `"${path}" is not a regular file`);
    if ((await placeOf(handle, target)) !== target)
      throw new SegueError('asset_refused', `"${path}" changed while it was opened`);
    const version = [facts.dev, facts.ino, facts.size, facts.mtimeNs].join(':');
    return { handle, bytes: Number(facts.size), version };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
