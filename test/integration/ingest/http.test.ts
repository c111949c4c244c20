import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import fc from 'fast-check';
import { Hono } from 'hono';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Catalog, openCatalog } from '../../../src/catalog/connect.ts';
import { copiesOf } from '../../../src/catalog/copies.ts';
import { leaseOf } from '../../../src/catalog/leases.ts';
import { migrateCatalog } from '../../../src/catalog/migrate.ts';
import { newStreamKey, streamKeyHash } from '../../../src/catalog/stream-key.ts';
import { createStream, foreignRenditions, lastSegments, segmentsOf } from '../../../src/catalog/streams.ts';
import { type Ingest, startIngest } from '../../../src/ingest/ingest.ts';
import { ingestRoutes } from '../../../src/ingest/routes.ts';
import { openSpool } from '../../../src/ingest/spool.ts';
import { errorBody, SegueError, statusOf } from '../../../src/ops/errors.ts';
import { type Listening, listen } from '../../../src/ops/listen.ts';
import { createLog } from '../../../src/ops/log.ts';
import { type DiskStore, openDiskStore } from '../../../src/store/disk.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';

let server: TestPostgres;
let catalog: Catalog;
let folder: TemporaryFolder;
let disk: DiskStore;
let ingest: Ingest;
let listening: Listening;
const spoolFolder = () => join(folder.path, 'spool');

async function begin(): Promise<void> {
  const log = createLog('test', 'silent');
  disk = await openDiskStore(join(folder.path, 'segments'));
  const spool = await openSpool(spoolFolder());
  const nothing = (): void => undefined;
  const parts = { catalog, disk, spool, log, nodeId: 'a', leaseSeconds: 600 };
  ingest = startIngest({ ...parts, onWritten: nothing, onSkipped: nothing });
  const app = new Hono();
  app.onError((error, c) =>
    c.json(errorBody(error), error instanceof SegueError ? statusOf(error.code) : 500),
  );
  app.route('/', ingestRoutes(ingest, log));
  listening = await listen(app, '127.0.0.1', 0, { halfOpen: true });
}
async function end(): Promise<void> {
  await listening.close(100);
  await ingest.stop();
}
beforeAll(async () => {
  server = sharedPostgres();
  const databaseUrl = await server.createDatabase();
  await migrateCatalog(databaseUrl);
  catalog = openCatalog(databaseUrl);
  folder = await temporaryFolder();
  await begin();
});
afterAll(async () => {
  await end();
  await catalog.close();
  await server.stop();
  await folder[Symbol.asyncDispose]();
});

let made = 0;
async function stream(): Promise<{ renderId: string; key: string }> {
  made += 1;
  const key = newStreamKey();
  const ids = { videoId: `v${made}`, renderId: `r${made}`, name: '', keyHash: await streamKeyHash(key) };
  await createStream(catalog.db, { ...ids, windowSeconds: null, targetDuration: null });
  return { renderId: ids.renderId, key };
}
const url = (key: string, path: string): string => `${listening.url}/ingest/${key}/${path}`;
async function put(key: string, path: string, body: string | Uint8Array<ArrayBuffer>, headers = {}) {
  const answer = await fetch(url(key, path), { method: 'PUT', body, headers });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}
/** Bytes that look like MPEG-TS, other ones for each `content`. */
const ts = (content: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(188 * 3).fill(content, 4);
  for (let at = 0; at < bytes.byteLength; at += 188) bytes[at] = 0x47;
  return bytes;
};
const list = (first: number, names: readonly string[], more = ''): string =>
  [
    '#EXTM3U',
    '#EXT-X-TARGETDURATION:2',
    `#EXT-X-MEDIA-SEQUENCE:${first}`,
    ...names.map((name) => `#EXTINF:2,\n${name}`),
    more,
  ].join('\n');
const rows = (renderId: string) => lastSegments(catalog.db, renderId, 'r0', 1000);
/** How many uploads lie there that do not now: those of earlier streams go once these have been silent. */
const spooledFromNow = async (): Promise<() => Promise<number>> => {
  const before = new Set(await readdir(spoolFolder()));
  return async () => (await readdir(spoolFolder())).filter((name) => !before.has(name)).length;
};

test.each([
  ['a key that is none', 'PUT', 'nobody/a.ts', 401, 'unauthorized'],
  ['a path out of the stream', 'PUT', 'KEY/a%2f..%2f..%2f..%2fetc/passwd', 400, 'invalid_request'],
  ['no path', 'PUT', 'KEY/', 400, 'invalid_request'],
  ['a method that is not for it', 'GET', 'KEY/a.ts', 405, 'method_not_allowed'],
])('%s is refused', async (_, method, path, status, code) => {
  const { key } = await stream();
  const answer = await fetch(`${listening.url}/ingest/${path.replace('KEY', key)}`, {
    method,
    ...(method === 'GET' ? {} : { body: 'x' }),
  });
  const text = await answer.text();
  expect([answer.status, JSON.parse(text)]).toMatchObject([status, { error: { code } }]);
  expect(text).not.toContain(key);
});

test('broken playlists, empty files and wrong ranges are refused, and harm nothing', async () => {
  const { key, renderId } = await stream();
  await put(key, 'a.ts', ts(1));
  expect((await put(key, 'out.m3u8', list(0, ['a.ts']))).body).toEqual({ admitted: 1, missing: [] });
  const broken = [list(0, ['a.ts', 'https://other.example/b.ts']), '#EXTM3U\n#EXTINF:x', 'no playlist', ''];
  for (const text of broken) {
    const { status, body } = await put(key, 'out.m3u8', text);
    expect([status, body]).toMatchObject([422, { error: { code: 'invalid_playlist' } }]);
  }
  expect((await put(key, 'b.ts', new Uint8Array())).status).toBe(400);
  expect((await put(key, 'b.ts', ts(2), { 'content-range': 'bytes 5-3/*' })).status).toBe(400);
  expect((await put(key, 'b.ts', ts(2), { 'content-range': 'bytes 0-9/*' })).status).toBe(400);
  expect((await put(key, 'b.ts', 'WEBVTT\n\nother container')).status).toBe(201);
  expect((await put(key, 'out.m3u8', list(0, ['a.ts', 'b.ts']))).status).toBe(422);
  await put(key, 'b.ts', ts(2));
  expect((await put(key, 'out.m3u8', list(0, ['a.ts', 'b.ts']))).body).toMatchObject({ missing: [] });
  expect((await rows(renderId)).map(({ source }) => source.uri)).toEqual(['a.ts', 'b.ts']);
});

test('an init segment keeps the key that it was listed under, over rotations, rewritten key files and restarts', async () => {
  const { key, renderId } = await stream();
  const files = ['clear.mp4', 'sealed.mp4', '1.key', '2.key', '0.m4s', '1.m4s', '2.m4s', '3.m4s'];
  for (const name of files) await put(key, name, name);
  const keyLine = (n: number) => `#EXT-X-KEY:METHOD=AES-128,URI="${n}.key",IV=0x${'0'.repeat(31)}${n}`;
  const map = (name: string) => `#EXT-X-MAP:URI="${name}.mp4"`;
  const send = (first: number, ...lines: readonly string[]) =>
    put(key, 'out.m3u8', `${list(first, [])}${lines.join('\n')}`);
  const one = [map('clear'), keyLine(1), '#EXTINF:2', '0.m4s', keyLine(2), '#EXTINF:2', '1.m4s'];
  expect((await send(0, ...one)).body).toEqual({ admitted: 2, missing: [] });
  const two = [keyLine(1), map('sealed'), keyLine(2), '#EXTINF:2', '2.m4s'];
  expect((await send(2, ...two)).body).toEqual({ admitted: 1, missing: [] });
  await end();
  await begin();
  for (const name of ['1.key', '3.m4s']) await put(key, name, `${name} again`);
  const three = ['#EXTINF:2', '3.m4s'];
  expect((await send(2, ...two, ...three)).body).toEqual({ admitted: 1, missing: [] });
  const clear = { method: 'NONE' };
  const first = { method: 'AES-128', file: 'key-0.key', iv: `0x${'0'.repeat(31)}1` };
  const second = { method: 'AES-128', file: 'key-1.key', iv: `0x${'0'.repeat(31)}2` };
  expect(await segmentsOf(catalog.db, renderId, 'r0')).toMatchObject([
    { init: 0, key: first, initKey: clear },
    { init: 0, key: second, initKey: clear },
    { init: 1, key: second, initKey: first },
    { init: 1, key: second, initKey: first },
  ]);
});

test('an upload that is cut off leaves nothing', async () => {
  const { key } = await stream();
  await put(key, 'other.ts', ts(1));
  const spooled = await spooledFromNow();
  const outgoing = request(url(key, 'a.ts'), { method: 'PUT', headers: { 'transfer-encoding': 'chunked' } });
  outgoing.on('error', () => undefined);
  outgoing.write(ts(1));
  await until(async () => (await spooled()) === 1, { what: 'the upload has begun' });
  outgoing.destroy();
  await until(async () => (await spooled()) === 0, { what: 'nothing is left' });
  expect((await put(key, 'out.m3u8', list(0, ['a.ts']))).body).toEqual({ admitted: 0, missing: ['a.ts'] });
});

test('a list that was sent earlier and comes later does not undo the one that overtook it', async () => {
  const { key, renderId } = await stream();
  await put(key, 'a.ts', ts(1));
  const spooled = await spooledFromNow();
  const early = request(url(key, 'out.m3u8'), { method: 'PUT', headers: { 'transfer-encoding': 'chunked' } });
  const text = list(0, ['a.ts']);
  early.write(text.slice(0, 5));
  await until(async () => (await spooled()) === 1, { what: 'it has begun' });
  expect((await put(key, 'out.m3u8', list(0, ['a.ts', 'b.ts'], '#EXT-X-ENDLIST'))).body).toMatchObject({
    missing: ['b.ts'],
  });
  const answered = new Promise((resolve) => early.once('response', resolve));
  early.end(text.slice(5));
  await answered;
  await put(key, 'b.ts', ts(2));
  expect(await rows(renderId)).toHaveLength(2);
  expect(await foreignRenditions(catalog.db, renderId)).toMatchObject([{ ended: true }]);
});

test('whatever is sent, in whatever order, again and again, over restarts: what is listed only grows, and has its bytes', async () => {
  const name = fc.constantFrom('0.ts', '1.ts', '2.ts', '3.ts');
  const event = fc.oneof(
    { weight: 5, arbitrary: fc.record({ what: fc.constant('put' as const), name, content: fc.nat(3) }) },
    {
      weight: 5,
      arbitrary: fc.record({
        what: fc.constant('list' as const),
        first: fc.nat(5),
        names: fc.array(name, { maxLength: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('delete' as const), name }) },
    { weight: 1, arbitrary: fc.constant({ what: 'restart' as const }) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(event, { minLength: 1, maxLength: 3 }), { maxLength: 12 }),
      async (rounds) => {
        const { key, renderId } = await stream();
        let before: Awaited<ReturnType<typeof rows>> = [];
        for (const together of rounds) {
          await Promise.all(
            together.map(async (each) => {
              if (each.what === 'put') await put(key, each.name, ts(each.content));
              if (each.what === 'list') await put(key, 'out.m3u8', list(each.first, each.names));
              if (each.what === 'delete') await fetch(url(key, each.name), { method: 'DELETE' });
            }),
          );
          if (together.some(({ what }) => what === 'restart')) {
            await end();
            await begin();
          }
          const now = await rows(renderId);
          expect(now.slice(0, before.length)).toEqual(before);
          expect(now.map(({ n }) => n)).toEqual([...now.keys()]);
          for (const { n, source, bytes } of now)
            expect(disk.facts(renderId, 'r0', n)).toEqual({ crc32: source.crc32, bytes });
          const copied = (await copiesOf(catalog.db, renderId)).flatMap(({ segments }) => segments);
          expect(copied).toEqual(now.length === 0 ? [] : [[0, now.length]]);
          before = now;
        }
      },
    ),
    { numRuns: 30 },
  );
});

test('stopping gives the leases back', async () => {
  const { key, renderId } = await stream();
  await put(key, 'a.ts', ts(1));
  expect(await leaseOf(catalog.db, renderId)).toMatchObject({ nodeId: 'a' });
  await end();
  await until(async () => (await leaseOf(catalog.db, renderId)) === undefined, { what: 'it is given back' });
  await begin();
});
