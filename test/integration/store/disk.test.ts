import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  rmdir,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDiskStore } from '../../../src/store/disk.ts';
import { diskIdOf } from '../../../src/store/disk-id.ts';
import { segmentsFolderOf } from '../../../src/store/segments-folder.ts';
import { temporaryFolder } from '../../support/folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'segue-disk-'));
});
afterEach(() => rm(folder, { recursive: true }));

const data = Buffer.from('a segment');
const files = () => readdir(join(folder, 'r/720p'));

test('what was put is read back, also by the next process', async () => {
  const disk = await openDiskStore(folder);
  expect(await disk.put('r', '720p', 3, data)).toEqual({ bytes: 9, crc32: crc32(data) });
  expect((await disk.read('r', '720p', 3))?.data).toEqual(data);
  const again = await openDiskStore(folder);
  expect(again.renders()).toEqual(['r']);
  expect([...(again.held('r').get('720p') ?? []).keys()]).toEqual([3]);
  expect((await again.read('r', '720p', 3))?.crc32).toBe(crc32(data));
  expect(again.bytes).toBe(9);
});

test('temporary files of a process that died are removed and never listed', async () => {
  await (await openDiskStore(folder)).put('r', '720p', 0, data);
  await writeFile(join(folder, 'r/720p/.1.00000000.m4s.half'), 'torn');
  const disk = await openDiskStore(folder);
  expect([...(disk.held('r').get('720p') ?? []).keys()]).toEqual([0]);
  expect(await files()).toHaveLength(1);
});

test.each([
  ['cut short', (path: string) => truncate(path, 4)],
  ['changed', (path: string) => writeFile(path, 'a segmenT')],
  ['gone', (path: string) => rm(path)],
])('a segment that was %s counts as absent and is removed', async (_, damage) => {
  const disk = await openDiskStore(folder);
  await disk.put('r', '720p', 0, data);
  const [name = ''] = await files();
  await damage(join(folder, 'r/720p', name));
  expect(await disk.read('r', '720p', 0)).toBeUndefined();
  expect(disk.facts('r', '720p', 0)).toBeUndefined();
  expect(disk.bytes).toBe(0);
  expect(await files()).toHaveLength(0);
});

test('the bytes that were listed first stay the truth', async () => {
  const disk = await openDiskStore(folder);
  const first = await disk.put('r', '720p', 0, data);
  expect(await disk.put('r', '720p', 0, Buffer.from('other bytes'))).toEqual(first);
  expect((await disk.read('r', '720p', 0))?.data).toEqual(data);
  expect(await files()).toHaveLength(1);
});

test('removing takes the file and the index entry', async () => {
  const disk = await openDiskStore(folder);
  await disk.put('r', '720p', 0, data);
  await disk.remove('r', '720p', 0);
  await disk.remove('r', '720p', 0);
  expect(disk.renders()).toEqual([]);
  expect(await files()).toHaveLength(0);
});

test('of two files for one segment the older stays, and the newer is removed', async () => {
  await (await openDiskStore(folder)).put('r', '720p', 0, data);
  const other = Buffer.from('other bytes');
  const [first = ''] = await files();
  await utimes(join(folder, 'r/720p', first), 1000, 1000);
  await writeFile(join(folder, `r/720p/0.${crc32(other).toString(16).padStart(8, '0')}.m4s`), other);
  const disk = await openDiskStore(folder);
  expect((await disk.read('r', '720p', 0))?.data).toEqual(data);
  expect(await files()).toEqual([first]);
  expect(disk.bytes).toBe(data.length);
});

test('a segment that cannot be read for another reason is not taken for damaged', async () => {
  const disk = await openDiskStore(folder);
  await disk.put('r', '720p', 0, data);
  const [name = ''] = await files();
  const path = join(folder, 'r/720p', name);
  await rename(path, `${path}.aside`);
  await mkdir(path);
  await expect(disk.read('r', '720p', 0)).rejects.toMatchObject({ code: 'EISDIR' });
  await rmdir(path);
  await rename(`${path}.aside`, path);
  expect((await disk.read('r', '720p', 0))?.data).toEqual(data);
});

describe('with an adopted folder', () => {
  test('both are read, and only the own one is written', async () => {
    await using other = await temporaryFolder();
    const adopted = await openDiskStore(other.path);
    for (const n of [0, 1, 2]) await adopted.put('r', '720p', n, Buffer.from(`adopted ${n}`));
    await adopted.put('s', 'audio', 0, data);
    await (await openDiskStore(folder)).put('r', '720p', 3, data);

    const disk = await openDiskStore(folder, [other.path]);
    expect(new Set(disk.renders())).toEqual(new Set(['r', 's']));
    expect(new Set(disk.held('r').get('720p')?.keys())).toEqual(new Set([0, 1, 2, 3]));
    expect((await disk.read('r', '720p', 1))?.data.toString()).toBe('adopted 1');
    expect((await disk.read('s', 'audio', 0))?.data).toEqual(data);
    // What is on another disk takes no room of this one.
    expect(disk.ownBytes).toBe(data.byteLength);
    expect(disk.bytes).toBe(2 * data.byteLength + 3 * 'adopted 0'.length);
    await disk.put('s', 'audio', 1, data);
    expect(await readdir(join(folder, 's/audio'))).toHaveLength(1);
    expect(await readdir(join(other.path, 's/audio'))).toHaveLength(1);
    expect([...disk.filesIn(other.path)].map(({ renderId, n }) => `${renderId}${n}`)).toEqual(
      'r0 r1 r2 s0'.split(' '),
    );
    expect(disk.bytes).toBe(27 + 3 * data.length);
    await disk.remove('r', '720p', 1);
    expect(disk.facts('r', '720p', 1)).toBeUndefined();
    expect(await readdir(join(other.path, 'r/720p'))).toHaveLength(2);
  });

  test('what both have is read from the own one, from the other once that is damaged, and removed from both', async () => {
    await using other = await temporaryFolder();
    for (const path of [folder, other.path]) await (await openDiskStore(path)).put('r', '720p', 0, data);
    const disk = await openDiskStore(folder, [other.path]);
    expect(disk.files('r', '720p', 0).map((file) => file.folder)).toEqual([folder, other.path]);
    expect([...disk.conflicts()]).toEqual([]);
    const [name = ''] = await files();
    await truncate(join(folder, 'r/720p', name), 4);
    expect((await disk.read('r', '720p', 0))?.data).toEqual(data);
    expect(await files()).toHaveLength(0);
    expect(disk.files('r', '720p', 0).map((file) => file.folder)).toEqual([other.path]);
    await disk.put('r', '720p', 0, data);
    await disk.remove('r', '720p', 0);
    expect(disk.renders()).toEqual([]);
    expect(await readdir(join(other.path, 'r/720p'))).toEqual([]);
  });

  test('other bytes of the same segment are a conflict, and the own ones are read', async () => {
    await using other = await temporaryFolder();
    await (await openDiskStore(folder)).put('r', '720p', 0, data);
    await (await openDiskStore(other.path)).put('r', '720p', 0, Buffer.from('other bytes'));
    const disk = await openDiskStore(folder, [other.path]);
    const [conflict] = [...disk.conflicts()];
    expect(conflict).toMatchObject({ folder: other.path, renderId: 'r', rendition: '720p', n: 0, bytes: 11 });
    expect((await disk.read('r', '720p', 0))?.data).toEqual(data);
    if (conflict !== undefined) await disk.discard(conflict);
    expect([...disk.conflicts()]).toEqual([]);
    expect(disk.facts('r', '720p', 0)).toMatchObject({ bytes: 9 });
  });

  test('that is not there, nothing is made', async () => {
    await expect(openDiskStore(folder, [join(folder, 'absent')])).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test('a disk keeps its identity, and a damaged one is not replaced', async () => {
  const id = await diskIdOf(folder);
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(await diskIdOf(folder)).toBe(id);
  expect(await readdir(folder)).toEqual(['.disk']);
  await writeFile(join(folder, '.disk'), 'x');
  await expect(diskIdOf(folder)).rejects.toMatchObject({ code: 'configuration' });
  expect(await readFile(join(folder, '.disk'), 'utf8')).toBe('x');
});

describe('the segments folder that is meant', () => {
  const home = (path: string): Promise<string> => realpath(join(folder, path));

  test.each([
    ['holds segments', (path: string) => openDiskStore(path).then((disk) => disk.put('r', 'a', 0, data))],
    ['has an identity', (path: string) => diskIdOf(path)],
    ['took uploads', (path: string) => mkdir(join(path, '.ingest'))],
  ])('is one that %s, or the data folder around it', async (_, use) => {
    await mkdir(join(folder, 'node/segments'), { recursive: true });
    await use(join(folder, 'node/segments'));
    expect(await segmentsFolderOf(join(folder, 'node'))).toBe(await home('node/segments'));
    expect(await segmentsFolderOf(join(folder, 'node/segments'))).toBe(await home('node/segments'));
    await symlink(join(folder, 'node'), join(folder, 'link'));
    expect(await segmentsFolderOf(join(folder, 'link'))).toBe(await home('node/segments'));
  });

  test('is no folder that a node never used, and nothing is made in it', async () => {
    await mkdir(join(folder, 'empty/segments'), { recursive: true });
    await mkdir(join(folder, 'photos/2026/may'), { recursive: true });
    await writeFile(join(folder, 'photos/2026/may/1.jpg'), data);
    await writeFile(join(folder, 'file'), data);
    for (const name of ['empty', 'photos', 'file', 'absent']) {
      await expect(segmentsFolderOf(join(folder, name)), name).rejects.toMatchObject({
        code: 'configuration',
        message: expect.stringContaining(name) as string,
        hint: expect.any(String) as string,
      });
    }
    expect(await readdir(folder, { recursive: true })).toHaveLength(7);
  });
});
