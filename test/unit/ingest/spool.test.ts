import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { openSpool } from '../../../src/ingest/spool.ts';
import { temporaryFolder } from '../../support/folder.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const bodyOf = (...chunks: Uint8Array[]) =>
  Readable.toWeb(Readable.from(chunks)) as ReadableStream<Uint8Array>;

type WriteBytes = (data: Uint8Array, at: number, length: number) => Promise<unknown>;

test('a disk that takes less than it is given gets the rest', async () => {
  await using folder = await temporaryFolder();
  const spool = await openSpool(join(folder.path, 'spool'));
  const handle = await open(join(folder.path, 'other'), 'w');
  const files = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  const write = Reflect.get(files, 'write') as WriteBytes;
  vi.spyOn(files, 'write').mockImplementation(function (this: unknown, ...given: unknown[]) {
    const [chunk, at = 0] = given as [Uint8Array, number?];
    return Reflect.apply(write, this, [chunk, at, Math.min(100, chunk.byteLength - at)]) as never;
  });
  const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));
  const file = await spool.receive(bodyOf(bytes.subarray(0, 300), bytes.subarray(300)), 2000, 1000);
  expect(Buffer.compare(await spool.read(file), bytes)).toBe(0);
});

test('a file keeps its first bytes, and not the chunk that they came in', async () => {
  await using folder = await temporaryFolder();
  const spool = await openSpool(join(folder.path, 'spool'));
  const large = new Uint8Array(1_000_000).fill(7);
  for (const chunks of [[large], [Uint8Array.of(1, 2), large], [Uint8Array.of(1)]]) {
    const all = Buffer.concat(chunks);
    const { head, bytes } = await spool.receive(bodyOf(...chunks), 2_000_000);
    expect(bytes).toBe(all.byteLength);
    expect(Buffer.from(head)).toEqual(all.subarray(0, 512));
    expect(head.buffer.byteLength).toBeLessThanOrEqual(512);
  }
});

test('ranges are read and cut; what is told of bytes may refuse them, and nothing is left', async () => {
  await using folder = await temporaryFolder();
  const spool = await openSpool(join(folder.path, 'spool'));
  const file = await spool.receive(bodyOf(Buffer.from('0123456789')), 10);
  expect((await spool.read(file, { offset: 3, length: 4 })).toString()).toBe('3456');
  const part = await spool.cut(file, { offset: 8, length: 2 });
  expect((await spool.read(part)).toString()).toBe('89');
  const refusing = (): void => {
    throw new Error('enough');
  };
  await expect(spool.receive(bodyOf(Buffer.from('x')), 10, undefined, refusing)).rejects.toThrow('enough');
  expect(await readdir(join(folder.path, 'spool'))).toHaveLength(2);
});
