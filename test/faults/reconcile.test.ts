import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { reportSchema } from '../../src/catalog/findings.ts';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { until } from '../support/wait.ts';
import { expectWhole, type Field, segmentsIn, smallDescription, startField } from './kit.ts';

const seconds = 24;
const endSchema = z.object({ event: z.literal('reconciled'), report: reportSchema });

/** `segue reconcile`, as an operator runs it. @returns its exit code and what it found, by kind. */
async function reconcile({ stack }: Field, ...args: string[]) {
  const child = spawn(process.execPath, ['src/cli/main.ts', 'reconcile', '--json', ...args], {
    cwd: join(import.meta.dirname, '../..'),
    env: { ...process.env, SEGUE_URL: stack.url, SEGUE_ADMIN_TOKEN: stack.adminToken },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  const { report } = endSchema.parse(JSON.parse(out.trim().split('\n').at(-1) ?? ''));
  const found = report.findings.map(({ kind, count, examples }) => ({
    kind,
    count,
    done: [...new Set(examples.map((one) => one.done))],
  }));
  return { code, found, examined: report.examined };
}

test('the bucket loses objects, a node a file: `segue reconcile` finds all, and without any viewer everything is there again', async () => {
  await using field = await startField();
  const { s3, settings } = field.bucket;
  const { id, url } = await field.post(smallDescription(seconds));
  await field.reach(id, 'everything is copied', ({ state }) => state === 'stored');
  const status: unknown = await (await fetch(`${field.stack.url}/v1/videos/${id}`)).json();
  const { renderId } = z.object({ renderId: z.string() }).parse(status);
  const prefix = `renders/${renderId}/`;
  await until(async () => (await field.bucket.keys(prefix)).includes(`${prefix}index.m3u8`), {
    what: 'it is sealed',
    timeout: 60_000,
  });
  const keys = await field.bucket.keys(prefix);
  const read = async (key: string) =>
    Buffer.from(await (await fetch(`${settings.publicUrl}/${key}`)).arrayBuffer());
  const cut = `${prefix}180p/3.m4s`;
  const truth = await read(cut);
  const clean = await reconcile(field, '--verify');
  expect(clean).toMatchObject({ code: 0, found: [] });
  expect(clean.examined.files).toBeGreaterThanOrEqual(2 * segmentsIn(seconds));
  expect(clean.examined.objects).toBe(keys.length);

  const holder = await until(
    async () => {
      const { renditions } = await field.status(id);
      return Object.keys(renditions[0]?.nodes ?? {})[0];
    },
    { what: 'a node holds it', timeout: 60_000 },
  );
  const home = join(field.stack.dataFolder, 'nodes', holder, 'segments', renderId, 'audio');
  const file = join(home, (await readdir(home)).find((name) => name.startsWith('1.')) ?? '');
  await writeFile(file, Buffer.alloc((await readFile(file)).byteLength, 'rot'));
  const gone = [
    `${prefix}180p/0.m4s`,
    `${prefix}180p/2.m4s`,
    `${prefix}audio/2.m4s`,
    `${prefix}180p/media.m3u8`,
  ];
  const Bucket = settings.bucket;
  for (const Key of gone) await s3.send(new DeleteObjectCommand({ Bucket, Key }));
  await s3.send(new PutObjectCommand({ Bucket, Key: cut, Body: truth.subarray(0, 1000) }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'renders/nobody/180p/0.m4s', Body: Buffer.from('x') }));

  const { code, found } = await reconcile(field, '--verify');
  expect(code, JSON.stringify(found)).toBe(0);
  expect(found).toEqual([
    { kind: 'torn-file', count: 1, done: ['removed'] },
    { kind: 'missing-object', count: 3, done: ['copied-again'] },
    { kind: 'damaged-object', count: 1, done: [expect.stringMatching(/^(replaced|handed-over)$/) as string] },
    { kind: 'orphan', count: 1, done: ['reported'] },
    {
      kind: 'missing-playlist',
      count: 1,
      done: [expect.stringMatching(/^(stored-again|postponed)$/) as string],
    },
  ]);
  const segments = keys.filter((key) => !key.endsWith('.m3u8'));
  await until(
    async () => {
      const now = new Set(await field.bucket.keys(prefix));
      return segments.every((key) => now.has(key)) && (await read(cut)).equals(truth);
    },
    { what: 'the bucket has every segment again', timeout: 60_000 },
  );
  // Rows follow bytes.
  await field.reach(id, 'the rows say so', ({ state }) => state === 'stored');
  // What waited for the segments is stored now.
  const again = await reconcile(field, '--verify');
  expect(again.code).toBe(0);
  expect(again.found.map(({ kind }) => kind).filter((kind) => kind !== 'missing-playlist')).toEqual([
    'orphan',
  ]);
  expect(await field.bucket.keys(prefix)).toEqual(keys);
  expectWhole(await (await playWithFfmpeg(url)).done, seconds);
});
