import { execFile, spawnSync } from 'node:child_process';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../support/wait.ts';
import type { NodeName } from './fault.ts';

const run = promisify(execFile);

/** The disks of the nodes: small file systems of their own where that can be had. */
export interface Disks extends AsyncDisposable {
  /** Why a disk cannot be filled here; undefined where it can. */
  readonly cannotFill: string | undefined;
  /** Takes the last byte of a disk. @returns what gives them back */
  fill(node: NodeName): Promise<() => Promise<void>>;
  /** Removes everything from a disk, whose node must be dead or stopped. */
  empty(node: NodeName): Promise<void>;
}

/** In the folder of segments, where a node takes no notice of it. */
const ballast = '.ballast';

/** Makes the disks below the data folder of a stack that is not started yet. `bytes`: of each, where it has a size of its own. */
export async function makeDisks(dataFolder: string, bytes: number): Promise<Disks> {
  const folderOf = (node: string): string => join(dataFolder, 'nodes', node, 'segments');
  const mounted: string[] = [];
  let cannotFill: string | undefined;
  for (const node of ['node-1', 'node-2']) {
    const folder = folderOf(node);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'tmpfs', folder]);
      mounted.push(folder);
    } catch (error) {
      const words = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
      cannotFill = words.trim().split('\n').at(-1) ?? '';
    }
  }
  const detach = (): void => {
    for (const folder of mounted) spawnSync('umount', ['-l', folder]);
  };
  // Whoever ends at once leaves no mounts behind.
  process.once('exit', detach);
  return {
    cannotFill,
    async fill(node) {
      const path = join(folderOf(node), ballast);
      const file = await open(path, 'w');
      const piece = Buffer.alloc(1 << 20);
      try {
        // The last piece is written in part, and the next one says that there is no space.
        for (let written = 0; written < bytes; written += piece.length) await file.write(piece);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      } finally {
        await file.close();
      }
      return () => rm(path, { force: true });
    },
    async empty(node) {
      const folder = folderOf(node);
      const removeAll = async (): Promise<true> => {
        for (const name of await readdir(folder))
          await rm(join(folder, name), { recursive: true, force: true });
        return true;
      };
      // What it wrote when it was stopped may come a moment later.
      await until(removeAll, { what: `the disk of ${node} is empty` });
    },
    async [Symbol.asyncDispose]() {
      process.off('exit', detach);
      for (const folder of mounted) await run('umount', [folder]).catch(() => run('umount', ['-l', folder]));
    },
  };
}
