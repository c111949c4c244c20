import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFfmpeg } from '../../../src/render/ffmpeg/find.ts';
import { untilEnded } from '../../support/ended.ts';
import { playWithFfmpeg } from '../../support/ffmpeg-client.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { noAudioGroups } from '../../support/hls-muxer.ts';
import { startStack, type TestStack } from '../../support/stack.ts';
import { until } from '../../support/wait.ts';
import { type Arguments, cheap, makeStream, produce, runIngest, testSource } from './kit.ts';

const seconds = 6;
let stack: TestStack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

const ingest = (...args: Arguments) => runIngest(stack, ...args);

async function expectFrames(url: string, frames: number): Promise<void> {
  const statusOf = async () => {
    const id = new URL(url).pathname.split('/')[2] ?? '';
    const headers = { authorization: `Bearer ${stack.adminToken}` };
    return (await (await fetch(`${stack.url}/v1/streams/${id}`, { headers })).json()) as { state: string };
  };
  await until(async () => (await statusOf()).state === 'ended', {
    what: 'the stream has ended',
    timeout: 60_000,
  });
  await untilEnded(url);
  const played = await (await playWithFfmpeg(url)).done;
  expect(played).toMatchObject({ exitCode: 0, frames, complaints: [] });
}

test.each([
  ['MPEG-TS', []],
  ['fMP4', ['-hls_segment_type', 'fmp4']],
])(
  'one file of byte ranges in %s, written by a child: a new stream, delivered while it grows',
  async (_, type) => {
    const { path } = await findFfmpeg();
    const lines = await ingest(
      '--',
      [path, '-nostdin', '-loglevel', 'error', testSource(seconds), cheap],
      [
        '-f',
        'hls',
        '-hls_time',
        '1',
        '-hls_list_size',
        '0',
        '-hls_flags',
        'single_file',
        type,
        '{}/out.m3u8',
      ],
    );
    expect(lines[0]).toMatchObject({ event: 'created' });
    expect(lines.at(-1)).toMatchObject({
      event: 'done',
      segments: 6,
      playlists: 1,
      ended: 1,
      complete: true,
    });
    await expectFrames(String(lines[0]?.['url']), 25 * seconds);
  },
);

test.skipIf(noAudioGroups !== undefined)(
  'a folder with several renditions, to the second node when the first is not there; again: nothing twice',
  async () => {
    await using folder = await temporaryFolder();
    const stream = await makeStream(stack);
    for (const name of ['v0', 'v1']) await mkdir(join(folder.path, name));
    const producer = await produce(
      [
        testSource(seconds),
        ['-map', '0:v', '-map', '1:a', '-map', '0:v', '-map', '1:a', '-s:v:1', '160x90'],
        cheap,
      ],
      ['-f', 'hls', '-hls_time', '1', '-hls_list_size', '0', '-hls_playlist_type', 'vod'],
      [
        '-var_stream_map',
        'v:0,a:0 v:1,a:1',
        '-master_pl_name',
        'index.m3u8',
        join(folder.path, 'v%v/out.m3u8'),
      ],
    );
    expect(await producer.done).toMatchObject({ code: 0 });
    expect(await readdir(folder.path)).toContain('index.m3u8');
    const nobody = 'http://127.0.0.1:1';
    const node = new URL(stream.ingest[1] ?? '').origin;
    const lines = await ingest(folder.path, '--url', nobody, '--url', node, '--key', stream.key);
    expect(lines).toContainEqual(expect.objectContaining({ event: 'retry' }));
    expect(lines.at(-1)).toMatchObject({ event: 'done', segments: 12, complete: true });
    await expectFrames(stream.url, 25 * seconds);
    const again = await ingest(folder.path, '--url', node, '--key', stream.key);
    expect(again.at(-1)).toMatchObject({ segments: 0, complete: true });
  },
);

test('a broken playlist beside it and a file that was deleted: told, the rest is delivered, and the stream ends', async () => {
  await using folder = await temporaryFolder();
  const stream = await makeStream(stack);
  const producer = await produce(
    [testSource(seconds), cheap, '-f', 'hls', '-hls_time', '1', '-hls_list_size', '0'],
    join(folder.path, 'out.m3u8'),
  );
  expect(await producer.done).toMatchObject({ code: 0 });
  await rm(join(folder.path, 'out2.ts'));
  await writeFile(join(folder.path, 'other.m3u8'), '#EXTM3U\n#EXTINF:x');
  const url = new URL(stream.ingest[0] ?? '').origin;
  // The program has ended before the node gives up what never comes.
  const program = ['sh', '-c', `cp ${folder.path}/* {}`];
  const failed = await ingest('--url', url, '--key', stream.key, '--', program).catch(
    (error: unknown) => error,
  );
  expect(failed).toMatchObject({ code: 1 });
  const { stdout } = failed as { stdout: string };
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.filter(({ event }) => event === 'problem').map(({ message }) => message)).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^other.m3u8: Line 2/),
      'out.m3u8 lists out2.ts, which is not there',
    ]),
  );
  expect(lines.at(-1)).toMatchObject({ event: 'done', ended: 1, complete: false });
  await expectFrames(stream.url, 25 * (seconds - 1));
});
