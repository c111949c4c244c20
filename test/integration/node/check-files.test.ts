import { readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { copiesAt, recordCopies } from '../../../src/catalog/copies.ts';
import { type Finding, type Tally, tally } from '../../../src/catalog/findings.ts';
import { checkFiles } from '../../../src/node/check-files.ts';
import { reconcileDisk } from '../../../src/node/reconcile.ts';
import { SegueError } from '../../../src/ops/errors.ts';
import { type DiskStore, openDiskStore } from '../../../src/store/disk.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { addVideo, bytesOf, emptyCatalog, log } from './kit.ts';

let server: TestPostgres;
let catalog: Catalog;
let disk: DiskStore;
let folder: string;
let found: Finding[];
let noted: Tally;
beforeAll(async () => {
  server = sharedPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  catalog = await emptyCatalog(await server.createDatabase());
  await addVideo(catalog, 'r', 5);
  const own = await temporaryFolder();
  folder = own.path;
  disk = await openDiskStore(folder);
  for (let n = 0; n < 4; n += 1) await disk.put('r', '180p', n, bytesOf('180p', n));
  await recordCopies(catalog.db, 'r', '180p', 'a', [[0, 4]]);
  found = [];
  noted = tally((finding) => found.push(finding));
  return async () => {
    await catalog.close();
    await own[Symbol.asyncDispose]();
  };
});

const never = new AbortController().signal;
const fileOf = async (n: number): Promise<string> => {
  const home = join(folder, 'r/180p');
  return join(home, (await readdir(home)).find((name) => name.startsWith(`${n}.`)) ?? '');
};
const rows = async () => (await copiesAt(catalog.db, 'a')).find((row) => row.rendition === '180p')?.segments;
const remade: number[] = [];
const check = (verify: boolean, remake?: () => Promise<void>): Promise<void> => {
  remade.length = 0;
  const make = async (_: string, __: string, n: number): Promise<void> => {
    remade.push(n);
    await remake?.();
  };
  return checkFiles(
    { catalog, disk, nodeId: 'a', liveSeconds: 60, remake: make, tally: noted },
    verify,
    never,
  );
};
const lines = (): string[] =>
  found.map(({ kind, place, name, done }) => `${place} ${kind} ${name} ${done}`).sort();

test('a file that is cut short or gone is found by looking, one that is damaged only by reading', async () => {
  await truncate(await fileOf(0), 10);
  await rm(await fileOf(1));
  await writeFile(await fileOf(2), Buffer.alloc(bytesOf('180p', 2).byteLength, 'rot'));
  await check(false);
  expect(lines()).toEqual(['a torn-file r/180p/0 made-again', 'a torn-file r/180p/1 made-again']);
  expect(remade.toSorted((a, b) => a - b)).toEqual([0, 1]);
  expect(await rows()).toEqual([[2, 4]]);
  expect(noted.examined.files).toBe(4);
  found.length = 0;
  await check(true);
  expect(lines()).toEqual(['a torn-file r/180p/2 made-again']);
  expect(await rows()).toEqual([[3, 4]]);
  expect(await readdir(join(folder, 'r/180p'))).toHaveLength(1);
  found.length = 0;
  await check(true);
  expect(lines()).toEqual([]);
});

test('of a segment that an adopted disk has as well, the right file stays', async () => {
  await using dead = await temporaryFolder();
  const former = await openDiskStore(dead.path);
  for (let n = 0; n < 2; n += 1) await former.put('r', '180p', n, bytesOf('180p', n));
  disk = await openDiskStore(folder, [dead.path]);
  await writeFile(await fileOf(0), 'rot');
  const spare = (await readdir(join(dead.path, 'r/180p'))).find((name) => name.startsWith('1.')) ?? '';
  await writeFile(join(dead.path, 'r/180p', spare), 'rot');
  await check(true);
  expect(lines()).toEqual(['a torn-file r/180p/0 removed', 'a torn-file r/180p/1 removed']);
  expect(remade).toEqual([]);
  expect(noted.examined.files).toBe(6);
  expect(await rows()).toEqual([[0, 4]]);
  for (const n of [0, 1]) {
    expect(disk.files('r', '180p', n)).toHaveLength(1);
    expect((await disk.read('r', '180p', n))?.data.equals(bytesOf('180p', n))).toBe(true);
  }
});

test('what the bucket has is not made again, and what nobody can make is told', async () => {
  await writeFile(await fileOf(1), 'rot');
  await recordCopies(catalog.db, 'r', '180p', 'bucket', [[1, 2]]);
  await check(true);
  expect(lines()).toEqual(['a torn-file r/180p/1 removed']);
  await writeFile(await fileOf(2), 'rot');
  await check(true, () => Promise.reject(new SegueError('no_node', 'not here')));
  expect(lines()).toContain('a torn-file r/180p/2 made-on-demand');
  await catalog.db.execute(`UPDATE renders SET profile = 'foreign'`);
  await writeFile(await fileOf(3), 'rot');
  await check(true);
  expect(lines()).toContain('a torn-file r/180p/3 lost');
  expect(noted.report().findings).toMatchObject([{ kind: 'torn-file', count: 3, open: 1 }]);
});

test('rows and files are made to agree while the node runs, but for renders that it writes now', async () => {
  await disk.remove('r', '180p', 3);
  await disk.put('r', 'audio', 1, bytesOf('audio', 1));
  await disk.put('nobody', '180p', 0, bytesOf('180p', 0));
  const options = { catalog, disk, nodeId: 'a', log, tally: noted };
  await reconcileDisk({ ...options, isHeld: (renderId) => renderId === 'r' });
  // The file may only be waiting for its row; a row without a file is wrong in any case.
  expect(lines()).toEqual(['a row-without-file r/180p/3 row-corrected', 'a unknown-file nobody/180p/0 left']);
  found.length = 0;
  await reconcileDisk(options);
  expect(lines()).toEqual(['a file-without-row r/audio/1 row-written', 'a unknown-file nobody/180p/0 left']);
  expect(await rows()).toEqual([[0, 3]]);
  found.length = 0;
  await disk.remove('nobody', '180p', 0);
  await reconcileDisk(options);
  expect(lines()).toEqual([]);
});
