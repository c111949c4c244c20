import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Delivery, delivery } from '../../../src/ingest/agent/deliver.ts';
import { type Folder, watchFolder } from '../../../src/ingest/agent/folder.ts';
import { type Following, followFolder } from '../../../src/ingest/agent/follow.ts';
import { type Part, parsePlaylist, partName } from '../../../src/ingest/playlist.ts';
import { type ErrorCode, SegueError } from '../../../src/ops/errors.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';

/** A node that takes everything and lists what it has; `refuses` says what it will not take. */
class FakeNode implements Delivery {
  readonly puts: string[] = [];
  readonly has = new Set<string>();
  refuses: (name: string) => ErrorCode | undefined = () => undefined;

  async put(part: Part, open: () => Promise<Blob | undefined>) {
    const body = await open();
    if (body === undefined) return undefined;
    const name = partName(part);
    this.puts.push(name);
    const code = this.refuses(name);
    if (code !== undefined) throw new SegueError(code, `${name}: no`);
    this.has.add(name);
    if (!name.endsWith('.m3u8')) return { admitted: 1, missing: [] };
    const list = parsePlaylist(name, await body.text());
    const parts = list.type === 'media' ? list.segments.map((each) => partName(each.part)) : [];
    return { admitted: 0, missing: parts.filter((each) => !this.has.has(each)).slice(0, 100) };
  }
}

/** Files in memory: each write is another version. */
class FakeFolder implements Folder {
  readonly #files = new Map<string, { text: string; version: number }>();
  #version = 0;

  write(path: string, text: string): void {
    this.#version += 1;
    this.#files.set(path, { text, version: this.#version });
  }
  async playlists() {
    return [...this.#files.keys()].filter((path) => path.endsWith('.m3u8'));
  }
  async look(path: string) {
    const file = this.#files.get(path);
    return file && { size: file.text.length, stamp: String(file.version), inode: path };
  }
  async open(path: string) {
    const file = this.#files.get(path);
    return file && new Blob([file.text]);
  }
  async [Symbol.asyncDispose]() {}
}

const text = (names: readonly string[], more: readonly string[] = []): string =>
  ['#EXTM3U', '#EXT-X-TARGETDURATION:2', ...names.map((name) => `#EXTINF:2,\n${name}`), ...more].join('\n');
const end = ['#EXT-X-ENDLIST'];
const numbered = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n}.ts`);

const { signal } = new AbortController();
let node: FakeNode;
let problems: string[];
let clock: number;
beforeEach(() => {
  node = new FakeNode();
  problems = [];
  clock = 0;
});
const follow = (folder: Folder): Following =>
  followFolder(folder, node, {
    onProblem: ({ code, message }) => problems.push(`${code} ${message}`),
    now: () => clock,
  });

test('many long lists: each step sends what is new, of every list', async () => {
  const folder = new FakeFolder();
  const lists = ['v0', 'v1', 'v2', 'v3'];
  const write = (names: readonly string[], from: number): void => {
    for (const list of lists) {
      for (const name of names.slice(from)) folder.write(`${list}/${name}`, name);
      folder.write(`${list}/out.m3u8`, text(names));
    }
  };
  const following = follow(folder);
  write(numbered(6000), 0);
  for (const list of lists) for (const name of numbered(6000)) node.has.add(`${list}/${name}`);
  await following.step(signal);
  expect(node.puts, 'nodes have them already').toEqual(lists.map((list) => `${list}/out.m3u8`));
  for (const count of [6001, 6002]) {
    node.puts.length = 0;
    write(numbered(count), count - 1);
    await following.step(signal);
    expect(node.puts).toEqual(lists.flatMap((list) => [`${list}/${count - 1}.ts`, `${list}/out.m3u8`]));
  }
});

test('a stream from its beginning, of more segments than a node remembers', async () => {
  const folder = new FakeFolder();
  for (const name of numbered(5000)) folder.write(name, name);
  folder.write('out.m3u8', text(numbered(5000), end));
  const following = follow(folder);
  expect(await following.step(signal)).toMatchObject({ segments: 5000, ended: 1 });
  expect([following.done, following.failed]).toEqual([true, false]);
  expect(node.puts.filter((name) => name.endsWith('.ts'))).toEqual(numbered(5000));
});

describe('one playlist that is wrong', () => {
  let folder: FakeFolder;
  beforeEach(() => {
    folder = new FakeFolder();
    for (const list of ['a', 'b']) {
      for (const name of numbered(3)) folder.write(`${list}/${name}`, name);
      folder.write(`${list}/out.m3u8`, text(numbered(2)));
    }
  });

  test('broken: it is told, once, the others go on, and its next version is read', async () => {
    const following = follow(folder);
    folder.write('a/out.m3u8', '#EXTM3U\n#EXTINF:x');
    await following.step(signal);
    expect([problems, [...node.has]]).toEqual([[], ['b/out.m3u8', 'b/0.ts', 'b/1.ts']]);
    clock = 5000;
    for (let step = 0; step < 3; step += 1) await following.step(signal);
    expect(problems).toEqual([expect.stringMatching(/^invalid_playlist a\/out.m3u8: Line 2/)]);
    expect(following.failed).toBe(true);
    for (const list of ['a', 'b']) folder.write(`${list}/out.m3u8`, text(numbered(3), end));
    expect(await following.step(signal)).toMatchObject({ segments: 6, ended: 2 });
    expect([following.done, following.failed]).toEqual([true, false]);
  });

  test('broken at the end: the rest is delivered, and all of it was not', async () => {
    const following = follow(folder);
    folder.write('a/out.m3u8', 'no playlist');
    folder.write('b/out.m3u8', text(numbered(3), end));
    expect(await following.step(signal, true)).toMatchObject({ segments: 3, playlists: 1, ended: 1 });
    expect([problems.length, following.done, following.failed]).toEqual([1, true, true]);
  });

  test('refused by the node: not sent again until it has changed', async () => {
    const following = follow(folder);
    node.refuses = (name) => (name === 'a/out.m3u8' ? 'invalid_playlist' : undefined);
    for (let step = 0; step < 3; step += 1) await following.step(signal);
    expect(node.puts.filter((name) => name === 'a/out.m3u8')).toHaveLength(1);
    expect(problems).toEqual(['invalid_playlist a/out.m3u8: no']);
    expect(node.has).toContain('b/1.ts');
    node.refuses = () => undefined;
    folder.write('a/out.m3u8', text(numbered(3)));
    await following.step(signal);
    expect(node.has).toContain('a/2.ts');
    expect(following.failed).toBe(false);
  });

  test('a file that no node takes: sent once, the others are delivered, and not all was', async () => {
    const following = follow(folder);
    node.refuses = (name) => (name === 'a/1.ts' ? 'too_large' : undefined);
    for (const count of [2, 3]) {
      folder.write('a/out.m3u8', text(numbered(count)));
      await following.step(signal);
    }
    expect(node.puts.filter((name) => name === 'a/1.ts')).toHaveLength(1);
    expect([node.has.has('a/2.ts'), following.failed]).toEqual([true, true]);
  });

  test.each([['unauthorized'], ['no_node']] as const)('%s concerns all of them', async (code) => {
    node.refuses = () => code;
    await expect(follow(folder).step(signal)).rejects.toMatchObject({ code });
  });

  test('a stream that is over ends it once every list that goes on is refused', async () => {
    const following = follow(folder);
    node.refuses = (name) => (name === 'a/out.m3u8' ? 'stream_over' : undefined);
    await following.step(signal);
    folder.write('b/out.m3u8', text(numbered(3), end));
    await expect(following.step(signal)).rejects.toMatchObject({ code: 'stream_over' });
  });
});

describe('files that change and go', () => {
  let root: TemporaryFolder;
  let folder: Folder;
  beforeEach(async () => {
    root = await temporaryFolder();
    folder = watchFolder(root.path, () => undefined);
  });
  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
    await root[Symbol.asyncDispose]();
  });
  const write = async (path: string, content: string): Promise<void> => {
    await mkdir(dirname(join(root.path, path)), { recursive: true });
    await writeFile(join(root.path, path), content);
  };

  test('one that its source deleted is told, and what comes after it is delivered', async () => {
    for (const name of numbered(4)) await write(name, name);
    await write('out.m3u8', text(numbered(4), end));
    const sent = folder.look.bind(folder);
    // Deleted after it was looked at.
    const deleting: Folder = {
      ...folder,
      look: async (path) => {
        const file = await sent(path);
        if (path === '1.ts') await rm(join(root.path, path), { force: true });
        return file;
      },
    };
    const following = follow(deleting);
    await following.step(signal);
    expect([...node.has]).toEqual(expect.arrayContaining(['0.ts', '2.ts', '3.ts', 'out.m3u8']));
    clock = 5000;
    for (let step = 0; step < 2; step += 1) await following.step(signal);
    expect(problems).toEqual(['not_found out.m3u8 lists 1.ts, which is not there']);
    expect([following.done, following.awaited, following.failed]).toEqual([false, true, true]);
    // The node has given it up.
    node.has.add('1.ts');
    await following.step(signal);
    expect([following.done, following.awaited, following.failed]).toEqual([true, false, true]);
  });

  test('one that is written late is no loss', async () => {
    await write('0.ts', '0');
    await write('out.m3u8', text(numbered(2), end));
    const following = follow(folder);
    await following.step(signal);
    await write('1.ts', '1');
    await following.step(signal);
    expect([following.done, following.failed, problems]).toEqual([true, false, []]);
  });

  test('a folder and a playlist that go while they are read', async () => {
    await write('a/out.m3u8', text([]));
    const going: Folder = {
      ...folder,
      look: async (path) => {
        const file = await folder.look(path);
        await rm(join(root.path, 'a'), { recursive: true, force: true });
        return file;
      },
    };
    await expect(follow(going).step(signal)).resolves.toMatchObject({ segments: 0 });
    expect(await folder.open('a/out.m3u8', { offset: 0, length: 3 })).toBeUndefined();
    await write('short.ts', 'ab');
    expect(await folder.open('short.ts', { offset: 0, length: 3 })).toBeUndefined();
    await root[Symbol.asyncDispose]();
    await expect(folder.playlists()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('one that is written again while it is sent is opened again, and sent to the same node', async () => {
    const bodies: string[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        bodies.push(body);
        response.end('{"admitted":1,"missing":[]}');
      });
    }).listen(0, '127.0.0.1');
    await using _ = { [Symbol.asyncDispose]: async () => void server.close() };
    await new Promise((resolve) => server.once('listening', resolve));
    await write('0.ts', 'old');
    const retries: string[] = [];
    const sending = delivery({
      urls: [`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, 'http://127.0.0.1:1/'],
      onRetry: (problem) => retries.push(problem),
    });
    let opened = 0;
    const open = async (): Promise<Blob | undefined> => {
      const blob = await folder.open('0.ts');
      opened += 1;
      if (opened === 1) await appendFile(join(root.path, '0.ts'), ' and new');
      return blob;
    };
    expect(await sending.put({ path: '0.ts', range: undefined }, open, signal)).toEqual({
      admitted: 1,
      missing: [],
    });
    expect([bodies, retries]).toEqual([['old and new'], ['0.ts changed while it was sent']]);
    await rm(join(root.path, '0.ts'));
    expect(await sending.put({ path: '0.ts', range: undefined }, open, signal)).toBeUndefined();
  });
});
