import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/folder.ts';
import { until } from '../support/wait.ts';
import {
  expectWhole,
  type Field,
  gatedDescription,
  gating,
  onNodes,
  smallDescription,
  startField,
} from './kit.ts';

const seconds = 24;
const nodes = ['node-1', 'node-2'];
/** Of each node's disk, and what it is told to leave free of it. */
const diskBytes = 24 * 1024 * 1024;
const reserve = 4 * 1024 * 1024;

const disk = (folder: string, node: string): string => join(folder, 'nodes', node, 'segments');

/** Small file systems for the nodes' segments. @returns why there are none, where there are not */
async function mountDisks(folder: string): Promise<string | undefined> {
  for (const node of nodes) {
    await mkdir(disk(folder, node), { recursive: true, mode: 0o700 });
    try {
      execFileSync(
        'mount',
        ['-t', 'tmpfs', '-o', `size=${diskBytes},mode=0700`, 'tmpfs', disk(folder, node)],
        {
          stdio: 'pipe',
        },
      );
    } catch (error) {
      return String(error);
    }
  }
  return undefined;
}

let folder: TemporaryFolder;
let field: Field;
let missing: string | undefined;
beforeAll(async () => {
  folder = await temporaryFolder();
  missing = await mountDisks(folder.path);
  if (missing !== undefined) {
    process.stderr.write(`skip: no small file system can be mounted here: ${missing}\n`);
    return;
  }
  field = await startField({
    dataFolder: folder.path,
    env: { SEGUE_DISK_RESERVE_BYTES: String(reserve), ...gating },
  });
});
afterAll(async () => {
  await field?.[Symbol.asyncDispose]();
  for (const node of nodes) {
    try {
      execFileSync('umount', [disk(folder.path, node)], { stdio: 'pipe' });
    } catch {
      // It was not mounted.
    }
  }
  await folder?.[Symbol.asyncDispose]();
});

const ballast = (node: string): string => join(disk(folder.path, node), '.ballast');

/** Writes to a node's disk until so much is left. */
function fill(node: string, left: number): void {
  const { bavail, bsize } = statfsSync(disk(folder.path, node));
  try {
    writeFileSync(ballast(node), Buffer.alloc(Math.max(0, bavail * bsize - left)));
  } catch (error) {
    // The node has written meanwhile: it is as full as it can be.
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

/** Every segment file on a disk has the bytes that its name promises. */
function expectWholeFiles(node: string): void {
  const root = disk(folder.path, node);
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const [, crc] = /\/\d+\.([0-9a-f]{8})\.m4s$/.exec(name) ?? [];
    if (crc !== undefined)
      expect(
        crc32(readFileSync(join(root, name)))
          .toString(16)
          .padStart(8, '0'),
        name,
      ).toBe(crc);
  }
}

describe('disk full', () => {
  test.for([
    ['below its reserve', reserve / 2, 21],
    ['to the last byte', 0, 22],
  ] as const)(
    'a disk is filled %s while its node renders: another node goes on, and no segment is cut short',
    async ([, left, seed], { skip }) => {
      skip(missing !== undefined, missing);
      await field.proxy.fail({ kind: 'refuse' });
      // More is left to make than the node's encoders are at, whenever its disk is full.
      const gate = join(folder.path, `gate-${seed}`);
      const { id, url } = await field.post(gatedDescription(seconds, seed, gate, 4));
      const playing = await playWithFfmpeg(url, { realTime: true });
      await field.reach(id, 'some is made', (status) => onNodes(status) >= 4);
      const full = await field.holder(id);
      const other = nodes.find((node) => node !== full) ?? '';
      fill(full, left);
      writeFileSync(gate, '');
      await field.reach(
        id,
        'the other node goes on',
        ({ lease, renditions }) => lease?.node === other || renditions[0]?.nodes[other] !== undefined,
      );
      expectWhole(await playing.done, seconds);
      expectWholeFiles(full);
      // What it holds it serves, and with room again it copies and renders.
      rmSync(ballast(full));
      await field.proxy.fail(undefined);
      await field.reach(id, 'everything is copied', ({ state }) => state === 'stored');
    },
  );

  test('both disks are full: what is asked for is refused in time or made once there is room, never cut short', async ({
    skip,
  }) => {
    skip(missing !== undefined, missing);
    const { id, url } = await field.post(smallDescription(seconds, 23));
    for (const node of nodes) fill(node, 0);
    const playing = await playWithFfmpeg(url);
    await until(async () => (await field.status(id)).lease === null, {
      what: 'nobody renders',
      timeout: 50_000,
    });
    for (const node of nodes) {
      expectWholeFiles(node);
      rmSync(ballast(node));
    }
    expectWhole(await playing.done, seconds);
  });
});
