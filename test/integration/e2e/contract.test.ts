import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { gridOf, segmentCount } from '../../../src/grid/grid.ts';
import { type Field, smallDescription, startField } from '../../faults/kit.ts';
import { playWithFfmpeg } from '../../support/ffmpeg-client.ts';
import { until } from '../../support/wait.ts';
import { expectError } from './errors.ts';
import { get, head, requestOf } from './http.ts';

const immutable = 'public, max-age=31536000, immutable';
const never = 'no-store';
const moment = 'public, max-age=1';
const playlistType = 'application/vnd.apple.mpegurl';
const seconds = 12;
const count = segmentCount(gridOf({ num: 25, den: 1 }, seconds * 25));

// The bucket lies behind a proxy that refuses while the tests look at what nodes serve; `copied` lets everything through.
let field: Field;
let url: string;
let video: { id: string; url: string };
beforeAll(async () => {
  // On a busy machine a finished segment may take a while, and an answer with empty boxes knows no conditions.
  field = await startField({ env: { SEGUE_HOLD_SILENT_SECONDS: '20' } });
  await field.proxy.fail({ kind: 'refuse' });
  url = field.stack.url;
  video = await field.post(smallDescription(seconds));
});
afterAll(() => field?.[Symbol.asyncDispose]());

const path = (rest: string, id = video.id): string => `${url}/v/${id}/${rest}`;

test('playlists: type, caching, CORS, HEAD, gzip', async () => {
  const cases = [
    ['index.m3u8', moment],
    ['180p/media.m3u8?sealed=0', immutable],
    ['audio/media.m3u8', immutable],
    ['180p/media.m3u8?sealed=0&mode=event', moment],
  ] as const;
  // A growing list waits for its first segment, but not for ever.
  const growing = path('180p/media.m3u8?sealed=0&mode=event');
  await until(async () => (await get(growing)).status === 200, {
    what: 'the first segment is made',
    timeout: 60_000,
  });
  for (const [rest, caching] of cases) {
    const plain = await get(path(rest), { 'accept-encoding': 'identity' });
    expect(plain.status, rest).toBe(200);
    expect(plain.headers).toMatchObject({
      'content-type': playlistType,
      'cache-control': caching,
      'access-control-allow-origin': '*',
      'content-length': String(plain.body.length),
      vary: 'accept-encoding',
    });
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(await head(path(rest), { 'accept-encoding': 'identity' })).toMatchObject({
      status: 200,
      headers: { 'content-type': playlistType, 'cache-control': caching },
    });
  }
  const long = await field.post(smallDescription(120, 3));
  const list = path('180p/media.m3u8?sealed=0', long.id);
  const plain = await get(list, { 'accept-encoding': 'identity' });
  const packed = await get(list, { 'accept-encoding': 'br, gzip' });
  expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' });
  expect(packed.body.length).toBeLessThan(plain.body.length / 2);
  expect(await (await fetch(list)).text()).toBe(plain.body.toString());
  expect((await get(list, { 'accept-encoding': 'gzip;q=0' })).headers['content-encoding']).toBeUndefined();
});

test('the complete playlist is there at once, and the status tells the grid', async () => {
  const text = (await get(path('180p/media.m3u8?sealed=0'))).body.toString();
  expect(text).toContain('#EXT-X-PLAYLIST-TYPE:VOD');
  expect(text.trimEnd()).toMatch(/#EXT-X-ENDLIST$/);
  expect(text.match(/^\d+\.m4s$/gm)).toEqual(Array.from({ length: count }, (_, n) => `${n}.m4s`));
  const status = z
    .object({ grid: z.object({ segments: z.number() }), exposureSeconds: z.number(), lease: z.unknown() })
    .parse(await (await fetch(`${url}/v1/videos/${video.id}`)).json());
  expect(status.grid.segments).toBe(count);
});

test('preflight: any origin may ask for anything playable, also null', async () => {
  for (const rest of ['index.m3u8', '180p/media.m3u8', '180p/init.mp4', '180p/0.m4s']) {
    const answer = await requestOf('OPTIONS', path(rest), {
      origin: 'null',
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'range',
    });
    expect(answer.status, rest).toBe(204);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.headers['access-control-allow-methods']).toContain('GET');
    expect(answer.headers['access-control-allow-headers']).toContain('range');
    expect(Number(answer.headers['access-control-max-age'])).toBeGreaterThan(0);
  }
});

test('init segments and segments through a node: immutable, with HEAD, Range and conditions', async () => {
  await field.reach(video.id, 'everything is made', (status) => status.state === 'rendered');
  for (const [rest, type] of [
    ['180p/init.mp4', 'video/mp4'],
    ['audio/init.mp4', 'audio/mp4'],
    ['180p/1.m4s', 'video/mp4'],
    ['audio/1.m4s', 'audio/mp4'],
  ] as const) {
    const whole = await get(path(rest), { origin: 'https://player.example.org' });
    expect(whole.status, rest).toBe(200);
    expect(whole.headers).toMatchObject({
      'content-type': type,
      'cache-control': immutable,
      'access-control-allow-origin': '*',
      'accept-ranges': 'bytes',
      'content-length': String(whole.body.length),
    });
    const source = String(whole.headers['x-segue-source']);
    expect(source).toMatch(rest.endsWith('.mp4') ? /^catalog$/ : /^node-[12]$/);
    expect(whole.headers['access-control-expose-headers']).toContain('x-segue-source');
    const etag = String(whole.headers.etag);
    expect(etag).toMatch(/^"[^"]+"$/);

    const asked = await head(path(rest));
    expect(asked).toMatchObject({
      status: 200,
      headers: { etag, 'content-length': String(whole.body.length) },
    });
    expect((await get(path(rest), { 'if-none-match': etag })).status).toBe(304);
    const length = whole.body.length;
    for (const [range, from, to] of [
      ['bytes=0-99', 0, 100],
      ['bytes=100-', 100, length],
      ['bytes=-50', length - 50, length],
      [`bytes=10-${length * 2}`, 10, length],
    ] as const) {
      const part = await get(path(rest), { range });
      expect(part.status, range).toBe(206);
      expect(part.headers['content-range']).toBe(`bytes ${from}-${to - 1}/${length}`);
      expect(part.body.equals(whole.body.subarray(from, to))).toBe(true);
    }
    const beyond = await get(path(rest), { range: `bytes=${length}-` });
    expect(beyond.status).toBe(416);
    expect(beyond.headers['content-range']).toBe(`bytes */${length}`);
    expect(beyond.headers['cache-control']).toBe(never);
    expect((await get(path(rest), { range: 'bytes=0-9', 'if-range': '"other"' })).status).toBe(200);
  }
});

test('what is not there is 404, without being cached', async () => {
  for (const rest of [
    `180p/${count}.m4s`,
    '180p/007.m4s',
    '180p/99999999999.m4s',
    '720p/0.m4s',
    '720p/media.m3u8',
  ]) {
    await expectError(await fetch(path(rest)), 404, 'not_found');
  }
  const answer = await fetch(path(`180p/${count}.m4s`));
  expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  expect((await expectError(answer, 404, 'not_found')).hint).toContain(`0 to ${count - 1}`);
  await expectError(await fetch(path('index.m3u8', 'a'.repeat(32))), 404, 'not_found');
  await expectError(await fetch(`${url}/v1/videos/${'a'.repeat(32)}`), 404, 'not_found');
  await expectError(await fetch(`${url}/v2/anything`), 404, 'not_found');
  // The bucket holds nothing yet.
  await expectError(await fetch(path('180p/media.m3u8?sealed=1')), 404, 'not_found');
  await expectError(await fetch(path('180p/media.m3u8?sealed=1000')), 404, 'not_found');
  await expectError(await fetch(path('180p/media.m3u8?sealed=-1')), 400, 'invalid_request');
  await expectError(await fetch(path('180p/media.m3u8?sealed=0&mode=live')), 400, 'invalid_request');
  await expectError(await fetch(path('index.m3u8?mode=live')), 400, 'invalid_request');
});

test('an EVENT playlist only grows, and ends once everything is in the bucket', async () => {
  const list = path('180p/media.m3u8?sealed=0&mode=event');
  const before = (await get(list)).body.toString();
  expect(before).toContain('#EXT-X-PLAYLIST-TYPE:EVENT');
  expect(before).toContain('#EXT-X-START:TIME-OFFSET=0.01,PRECISE=YES');
  expect(before).not.toContain('ENDLIST');
  expect((await get(path('index.m3u8?mode=event'))).body.toString()).toContain('mode=event');
  const through = (await get(path('180p/1.m4s'))).body;
  await field.proxy.fail(undefined);
  await field.reach(video.id, 'everything is copied', (status) => status.state === 'stored');
  const after = await until(
    async () => {
      const text = (await get(list)).body.toString();
      return text.includes('#EXT-X-ENDLIST') ? text : undefined;
    },
    { what: 'the list has ended' },
  );
  expect(after.startsWith(before)).toBe(true);
  expect(after.slice(before.length)).toContain('#EXT-X-ENDLIST');

  // The same stable URL leads to the bucket, as soon as the service has heard of it.
  const moved = await until(
    async () => {
      const answer = await get(path('180p/1.m4s'), { range: 'bytes=0-9' });
      return answer.status === 307 ? answer : undefined;
    },
    { what: 'it is redirected' },
  );
  expect(moved.headers).toMatchObject({
    'cache-control': never,
    'access-control-allow-origin': '*',
    'x-segue-source': 'bucket',
  });
  const target = String(moved.headers.location);
  expect(target.startsWith(field.bucket.settings.publicUrl)).toBe(true);
  const part = await get(target, { range: 'bytes=100-199', origin: 'null' });
  expect(part.status).toBe(206);
  expect(part.body.equals(through.subarray(100, 200))).toBe(true);
  expect(part.headers).toMatchObject({
    'access-control-allow-origin': '*',
    'cache-control': immutable,
    'content-type': 'video/mp4',
  });
  expect((await requestOf('HEAD', path('180p/1.m4s'))).status).toBe(307);
});

test('a playlist with everything sealed lists the bucket only, and plays with both nodes killed', async () => {
  const index = (await get(video.url)).body.toString();
  expect(index).toContain(`180p/media.m3u8?sealed=${count}\n`);
  const plain = (await get(path('180p/media.m3u8?sealed=0'))).body.toString().split('\n');
  const sealed = (await get(path(`180p/media.m3u8?sealed=${count}`))).body.toString().split('\n');
  const listed = sealed.filter((line) => line !== '' && !line.startsWith('#'));
  expect(listed).toHaveLength(count);
  expect(listed.every((line) => line.startsWith(`${field.bucket.settings.publicUrl}/renders/`))).toBe(true);
  expect(sealed.filter((line) => line.startsWith('#'))).toEqual(plain.filter((line) => line.startsWith('#')));
  await expectError(await fetch(path(`180p/media.m3u8?sealed=${count + 1}`)), 404, 'not_found');

  // The stack starts a dead node again, so each new one is killed too for as long as somebody plays.
  let over = false;
  const killed = new Set<number>();
  const killing = until(
    () => {
      for (const part of ['node-1', 'node-2']) {
        if (!killed.has(field.stack.pidOf(part))) killed.add(field.stack.kill(part));
      }
      return over;
    },
    { what: 'the viewer has seen everything', timeout: 60_000 },
  );
  await until(() => killed.size >= 2, { what: 'both nodes are killed' });
  const played = await (await playWithFfmpeg(video.url)).done;
  over = true;
  await killing;
  expect(played.complaints).toEqual([]);
  expect(played).toMatchObject({ exitCode: 0, frames: seconds * 25 });
});
