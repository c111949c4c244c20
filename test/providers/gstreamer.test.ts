import { execFileSync, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeStream, runIngest } from '../integration/ingest/kit.ts';
import { untilEnded } from '../support/ended.ts';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { until } from '../support/wait.ts';

const needed = [
  'hlssink2',
  'x264enc',
  'h264parse',
  'avenc_aac',
  'aacparse',
  'mpegtsmux',
  'splitmuxsink',
  'curlhttpsink',
];
const lacking = needed.filter((element) => {
  try {
    execFileSync('gst-inspect-1.0', [element], { stdio: 'ignore' });
    return false;
  } catch {
    return true;
  }
});
if (lacking.length > 0) process.stdout.write(`skipped: GStreamer has no ${lacking.join(', ')} here\n`);

let stack: TestStack;
beforeAll(async () => {
  if (lacking.length === 0) stack = await startStack();
}, 300_000);
afterAll(() => stack?.stop());

test.skipIf(lacking.length > 0)(
  'GStreamer writes a folder, and all its frames are played',
  async () => {
    const lines = await runIngest(
      stack,
      [
        '--',
        'gst-launch-1.0',
        '-q',
        'hlssink2',
        'name=hls',
        'target-duration=2',
        'max-files=0',
        'playlist-length=0',
      ],
      ['location={}/%05d.ts', 'playlist-location={}/out.m3u8'],
      ['videotestsrc', 'num-buffers=250', '!', 'video/x-raw,width=320,height=180,framerate=25/1', '!'],
      [
        'x264enc',
        'tune=zerolatency',
        'speed-preset=ultrafast',
        'key-int-max=50',
        '!',
        'h264parse',
        '!',
        'hls.video',
      ],
      ['audiotestsrc', 'num-buffers=430', '!', 'avenc_aac', '!', 'aacparse', '!', 'hls.audio'],
    );
    expect(lines.at(-1)).toMatchObject({ event: 'done', complete: true });
    const created = lines[0] as { url: string };
    await untilEnded(created.url);
    const played = await (await playWithFfmpeg(created.url)).done;
    expect(played).toMatchObject({ exitCode: 0, frames: 250 });
  },
  300_000,
);

/** A pipeline, until it is disposed of: curlhttpsink does not always end after it has sent everything. */
function launch(...pipeline: readonly string[]): Disposable {
  const child = spawn('gst-launch-1.0', ['-q', ...pipeline.join(' ').split(' ')], { stdio: 'ignore' });
  return { [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

test.skipIf(lacking.length > 0)(
  'GStreamer sends segments and playlist over HTTP, and all its frames are played',
  async () => {
    await using folder = await temporaryFolder();
    const stream = await makeStream(stack);
    const [url = ''] = stream.ingest;
    using pipelines = new DisposableStack();
    pipelines.use(
      launch(
        'videotestsrc num-buffers=150 ! video/x-raw,width=320,height=180,framerate=25/1 !',
        'x264enc tune=zerolatency speed-preset=ultrafast key-int-max=50 ! h264parse ! mux.video',
        'audiotestsrc num-buffers=258 ! avenc_aac ! aacparse ! mux.audio_0',
        'splitmuxsink name=mux muxer=mpegtsmux sink=curlhttpsink max-size-time=2000000000',
        `location=${url}live/%05d.ts`,
      ),
    );
    // No element sends a playlist over HTTP, but one sends any file. What it lists may come later.
    const segments = [0, 1, 2].map((n) => `#EXTINF:2,\n0000${n}.ts`);
    const list = ['#EXTM3U', '#EXT-X-TARGETDURATION:2', ...segments, '#EXT-X-ENDLIST', ''];
    const path = join(folder.path, 'out.m3u8');
    await writeFile(path, list.join('\n'));
    pipelines.use(launch(`filesrc location=${path} ! curlhttpsink location=${url}live/out.m3u8`));
    await until(async () => (await stream.status()).state === 'ended', {
      what: 'the stream has ended',
      timeout: 120_000,
    });
    await untilEnded(stream.url);
    const played = await (await playWithFfmpeg(stream.url)).done;
    expect(played).toMatchObject({ exitCode: 0, frames: 150 });
  },
  300_000,
);
