import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { untilEnded } from '../../support/ended.ts';
import { playWithFfmpeg } from '../../support/ffmpeg-client.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { noAudioGroups } from '../../support/hls-muxer.ts';
import { startStack, type TestStack } from '../../support/stack.ts';
import { until } from '../../support/wait.ts';
import { cheap, linesOf, makeStream, produce, type TestStream, testSource } from './kit.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

const seconds = 6;
const put = ['-method', 'PUT'];
const hls = ['-f', 'hls', '-hls_time', '1', '-hls_list_size', '0'];
const fmp4 = ['-hls_segment_type', 'fmp4', '-hls_fmp4_init_filename', 'init.mp4'];

/** Waits for the end, plays everything with ffmpeg and counts. */
async function expectWhole(stream: TestStream, frames = 25 * seconds): Promise<void> {
  // A node is patient for half a minute with what an ended list names and nobody has sent yet.
  await until(async () => (await stream.status()).state === 'ended', {
    what: 'the stream has ended',
    timeout: 60_000,
  });
  await untilEnded(stream.url);
  const played = await (await playWithFfmpeg(stream.url)).done;
  expect(played).toMatchObject({ exitCode: 0, frames, complaints: [] });
}

describe('a muxed stream', () => {
  test('in MPEG-TS, over one connection a file', async () => {
    const stream = await makeStream(stack);
    const producer = await produce(testSource(seconds), cheap, hls, put, `${stream.ingest[0]}out.m3u8`);
    // An old build warns of its own sources; none may tell of the connection.
    expect(await producer.done).toMatchObject({
      code: 0,
      complaints: expect.not.stringMatching(/error|fail|broken|refused|reset/i) as string,
    });
    await expectWhole(stream);
    expect((await stream.status()).renditions).toMatchObject([
      { name: 'r0', kind: 'video', container: 'mpegts', segments: 6, ended: true },
    ]);
    expect(await linesOf(stream.url)).toContainEqual(
      expect.stringMatching(/CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2".*RESOLUTION=320x180/),
    );
  });

  test('in fMP4, with a multivariant playlist and dates', async () => {
    const stream = await makeStream(stack);
    const producer = await produce(
      [testSource(seconds), cheap, hls, fmp4, put],
      ['-hls_flags', 'program_date_time', '-master_pl_name', 'index.m3u8'],
      `${stream.ingest[0]}live/out.m3u8`,
    );
    expect(await producer.done).toMatchObject({ code: 0 });
    await expectWhole(stream);
    expect((await stream.status()).renditions).toMatchObject([{ container: 'fmp4', segments: 6 }]);
    const list = await linesOf(new URL('r0/media.m3u8', stream.url).href);
    expect(list.filter((line) => line.startsWith('#EXT-X-PROGRAM-DATE-TIME:'))).toHaveLength(6);
  });

  test('over one connection for all', async () => {
    const stream = await makeStream(stack);
    const persistent = ['-http_persistent', '1', `${stream.ingest[0]}out.m3u8`];
    // In real time: what a node that is behind has not received when ffmpeg ends is dropped by the kernel that ffmpeg runs on.
    const producer = await produce(['-re', testSource(seconds), cheap], hls, put, persistent);
    expect(await producer.done).toMatchObject({ code: 0 });
    await expectWhole(stream);
  });

  test('encrypted, with the key where its producer put it', async () => {
    const key = randomBytes(16);
    const keys = createServer((_, response) => response.end(key)).listen(0, '127.0.0.1');
    await using folder = await temporaryFolder();
    const info = join(folder.path, 'key.txt');
    await until(() => keys.listening, { what: 'the key server listens' });
    const url = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/a.key`;
    await writeFile(join(folder.path, 'a.key'), key);
    await writeFile(info, `${url}\n${join(folder.path, 'a.key')}\n`);
    const stream = await makeStream(stack);
    // No IV is given, and the numbers of the source are not ours.
    const numbering = ['-hls_key_info_file', info, '-start_number', '40'];
    const producer = await produce(
      testSource(seconds),
      cheap,
      hls,
      numbering,
      put,
      `${stream.ingest[0]}out.m3u8`,
    );
    expect(await producer.done).toMatchObject({ code: 0 });
    await expectWhole(stream);
    const list = await linesOf(new URL('r0/media.m3u8', stream.url).href);
    expect(list).toContainEqual(
      expect.stringMatching(`^#EXT-X-KEY:METHOD=AES-128,URI="${url}",IV=0x0{30}28`),
    );
    keys.close();
  });

  test('encrypted, with a key that is uploaded', async () => {
    const key = randomBytes(16);
    await using folder = await temporaryFolder();
    const info = join(folder.path, 'key.txt');
    await writeFile(join(folder.path, 'a.key'), key);
    await writeFile(info, `keys/a.key\n${join(folder.path, 'a.key')}\n`);
    const stream = await makeStream(stack);
    const producer = await produce(
      [testSource(seconds), cheap, hls, '-hls_key_info_file', info, put],
      `${stream.ingest[0]}out.m3u8`,
    );
    expect(await producer.done).toMatchObject({ code: 0 });
    expect(await stream.status()).toMatchObject({ state: 'waiting', renditions: [] });
    const answer = await fetch(`${stream.ingest[0]}keys/a.key`, { method: 'PUT', body: key });
    expect(answer.status).toBe(201);
    await expectWhole(stream);
  });
});

describe('several renditions', () => {
  const two = ['-map', '0:v', '-map', '0:v', '-map', '1:a', '-s:v:1', '160x90'];

  test.skipIf(noAudioGroups !== undefined)(
    'video and audio apart, two sizes, as a multivariant playlist says',
    async () => {
      const stream = await makeStream(stack);
      const producer = await produce(
        [testSource(seconds), two, cheap, '-b:v:0', '200k', '-b:v:1', '80k', hls, fmp4, put],
        ['-var_stream_map', 'a:0,agroup:sound,default:yes,language:en v:0,agroup:sound v:1,agroup:sound'],
        ['-master_pl_name', 'index.m3u8', '-hls_fmp4_init_filename', 'init_%v.mp4'],
        `${stream.ingest[0]}out_%v.m3u8`,
      );
      expect(await producer.done).toMatchObject({ code: 0 });
      await expectWhole(stream);
      const { renditions } = await stream.status();
      expect(renditions.map(({ kind }) => kind).toSorted()).toEqual(['audio', 'video', 'video']);
      const list = await linesOf(stream.url);
      expect(list.filter((line) => line.startsWith('#EXT-X-STREAM-INF:'))).toHaveLength(2);
      expect(list).toContainEqual(expect.stringMatching(/^#EXT-X-MEDIA:TYPE=AUDIO.*LANGUAGE="en"/));
    },
  );

  test('muxed variants in MPEG-TS in folders of their own', async () => {
    const stream = await makeStream(stack);
    const producer = await produce(
      [
        testSource(seconds),
        ['-map', '0:v', '-map', '1:a', '-map', '0:v', '-map', '1:a', '-s:v:1', '160x90'],
        cheap,
        hls,
        put,
      ],
      ['-var_stream_map', 'v:0,a:0 v:1,a:1', '-master_pl_name', 'index.m3u8'],
      `${stream.ingest[0]}v%v/out.m3u8`,
    );
    expect(await producer.done).toMatchObject({ code: 0 });
    await expectWhole(stream);
    expect((await stream.status()).renditions).toMatchObject([
      { segments: 6, container: 'mpegts' },
      { segments: 6, container: 'mpegts' },
    ]);
  });
});

describe('a producer that lives on', () => {
  test('deletes what leaves its window, and everything stays listed', async () => {
    const stream = await makeStream(stack);
    const producer = await produce(
      ['-re', testSource(seconds), cheap, '-f', 'hls', '-hls_time', '1', '-hls_list_size', '2', put],
      ['-hls_flags', 'delete_segments', `${stream.ingest[0]}out.m3u8`],
    );
    await until(async () => ((await stream.status()).renditions[0]?.segments ?? 0) >= 3, {
      what: 'it plays',
      timeout: 60_000,
    });
    const early = await linesOf(new URL('r0/media.m3u8', stream.url).href);
    expect(await producer.done).toMatchObject({ code: 0 });
    await expectWhole(stream);
    const late = await linesOf(new URL('r0/media.m3u8', stream.url).href);
    const names = (lines: readonly string[]) => lines.filter((line) => line.endsWith('.ts'));
    expect(names(late).slice(0, names(early).length)).toEqual(names(early));
  });

  test('is killed and starts again: what was listed stays, what follows comes after a discontinuity', async () => {
    const stream = await makeStream(stack);
    const producing = (size: string) => [
      ['-re', ...testSource(30, size), ...cheap, ...hls, ...put, '-hls_flags', 'omit_endlist'],
      `${stream.ingest[0]}out.m3u8`,
    ];
    const countOf = async () => (await stream.status()).renditions[0]?.segments ?? 0;
    const first = await produce(...producing('320x180'));
    const lines = () => linesOf(new URL('r0/media.m3u8', stream.url).href);
    const segmentsAfter = (list: readonly string[], line: string): number =>
      list.slice(list.indexOf(line)).filter((each) => each.startsWith('#EXTINF')).length;
    await until(async () => (await countOf()) >= 4, { what: 'four segments are listed', timeout: 60_000 });
    first.kill('SIGKILL');
    await first.done;
    const before = await lines();
    const second = await produce(...producing('322x180'));
    // What the first one sent last may be listed only now.
    await until(
      async () => {
        const list = await lines();
        return list.includes('#EXT-X-DISCONTINUITY') && segmentsAfter(list, '#EXT-X-DISCONTINUITY') >= 2;
      },
      { what: 'two of the second are listed', timeout: 60_000 },
    );
    second.kill('SIGKILL');
    await second.done;
    const after = await lines();
    const segments = (lines: readonly string[]) =>
      lines.slice(lines.findIndex((line) => line.startsWith('#EXTINF')));
    expect(segments(after).slice(0, segments(before).length)).toEqual(segments(before));
    expect(after.filter((line) => line === '#EXT-X-DISCONTINUITY')).toHaveLength(1);
    expect(after).not.toContain('#EXT-X-ENDLIST');
  });

  test('goes on at another node when the first is dead, without a discontinuity', async () => {
    const stream = await makeStream(stack);
    const send = async (node: number, path: string, body: string | Uint8Array<ArrayBuffer>) =>
      fetch(`${stream.ingest[node]}${path}`, { method: 'PUT', body });
    const list = (count: number) =>
      [
        '#EXTM3U',
        '#EXT-X-TARGETDURATION:2',
        ...Array.from({ length: count }, (_, n) => `#EXTINF:2,\n${n}.ts`),
      ].join('\n');
    const segment = (n: number) => new Uint8Array(188 * 20).fill(n, 1).fill(0x47, 0, 1).fill(0x47, 188, 189);
    for (const n of [0, 1]) await send(0, `${n}.ts`, segment(n));
    expect(await (await send(0, 'out.m3u8', list(2))).json()).toEqual({ admitted: 2, missing: [] });
    const held = await send(1, '2.ts', segment(2));
    expect(await held.json()).toMatchObject({ error: { code: 'lease_held' } });
    const part = stack.urlOf('node-1') === new URL(stream.ingest[0] ?? '').origin ? 'node-1' : 'node-2';
    stack.kill(part);
    await until(async () => (await send(1, '2.ts', segment(2))).status === 201, {
      what: 'the other node takes it in',
      timeout: 60_000,
    });
    expect(await (await send(1, 'out.m3u8', list(3))).json()).toEqual({ admitted: 1, missing: [] });
    expect((await stream.status()).renditions).toMatchObject([{ segments: 3 }]);
    const lines = await linesOf(new URL('r0/media.m3u8', stream.url).href);
    expect(lines).not.toContain('#EXT-X-DISCONTINUITY');
  });
});
