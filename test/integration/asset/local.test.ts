import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLocal } from '../../../src/asset/local.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';

let root: TemporaryFolder;
let folders: string[];

beforeAll(async () => {
  root = await temporaryFolder();
  const [a, b, secret] = ['a', 'b', 'a-secret'].map((name) => join(root.path, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [join(a, 'sub'), b, secret]) await mkdir(folder, { recursive: true });
  await writeFile(join(a, 'one.txt'), 'one of a');
  await writeFile(join(a, 'sub', 'two.txt'), 'two');
  await writeFile(join(b, 'one.txt'), 'one of b');
  await writeFile(join(b, 'three.txt'), 'three');
  await writeFile(join(secret, 'key'), 'secret');
  await symlink('sub/two.txt', join(a, 'inside'));
  await symlink('../a-secret/key', join(a, 'outside'));
  await symlink('../a-secret', join(a, 'folder-outside'));
  await symlink('/etc/passwd', join(a, 'absolute'));
  await symlink('loop', join(a, 'loop'));
  await symlink(a, join(root.path, 'linked'));
  execFileSync('mkfifo', [join(a, 'pipe')]);
  folders = [a, b];
});
afterAll(() => root[Symbol.asyncDispose]());

async function contentOf(path: string, from = folders): Promise<string> {
  const { handle } = await openLocal(path, from);
  await using open = handle;
  return await text(open.createReadStream({ autoClose: false }));
}

describe('openLocal', () => {
  it.each([
    ['one.txt', 'one of a'],
    ['sub/two.txt', 'two'],
    ['three.txt', 'three'],
    ['inside', 'two'],
  ])('opens %s', async (path, content) => {
    expect(await contentOf(path)).toBe(content);
  });

  it('follows a link that is the folder itself', async () => {
    expect(await contentOf('one.txt', [join(root.path, 'linked')])).toBe('one of a');
  });

  it.each([
    ['../a-secret/key', '"../a-secret/key" leaves its folder'],
    ['sub/../../a-secret/key', '"sub/../../a-secret/key" leaves its folder'],
    ['..\\a-secret\\key', '"..\\a-secret\\key" leaves its folder'],
    ['/etc/passwd', '"/etc/passwd" leaves its folder'],
    ['one.txt\0.png', '"one.txt\0.png" leaves its folder'],
    ['outside', '"outside" leaves its folder through a link'],
    ['folder-outside/key', '"folder-outside/key" leaves its folder through a link'],
    ['absolute', '"absolute" leaves its folder through a link'],
    ['sub', '"sub" is not a regular file'],
    ['pipe', '"pipe" is not a regular file'],
  ])('refuses %s', async (path, message) => {
    await expect(openLocal(path, folders)).rejects.toMatchObject({ code: 'asset_refused', message });
  });

  it.each(['gone.txt', 'loop', 'one.txt/x', '%2e%2e/a-secret/key', '.'.repeat(300)])(
    'does not find %s',
    async (path) => {
      await expect(openLocal(path, folders)).rejects.toMatchObject({ code: 'unknown_asset' });
    },
  );

  it('names the setting where no folder is allowed', async () => {
    await expect(openLocal('one.txt', [])).rejects.toMatchObject({
      code: 'unknown_asset',
      hint: expect.stringContaining('SEGUE_ASSETS') as string,
    });
  });

  it('tells a changed file by its version', async () => {
    const versionOf = async (): Promise<string> => {
      const { handle, version } = await openLocal('three.txt', folders);
      await handle.close();
      return version;
    };
    const before = await versionOf();
    expect(await versionOf()).toBe(before);
    await writeFile(join(folders[1] ?? '', 'three.txt'), 'other');
    expect(await versionOf()).not.toBe(before);
  });
});
