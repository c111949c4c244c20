import { mkdir, mkdtemp, readdir, rename, rm, rmdir, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDiskStore } from '../../../src/store/disk.ts';

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
