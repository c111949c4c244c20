import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runIngest } from '../integration/ingest/kit.ts';
import { untilEnded } from '../support/ended.ts';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { startStack, type TestStack } from '../support/stack.ts';

const needed = ['hlssink2', 'x264enc', 'h264parse', 'avenc_aac', 'aacparse'];
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
}, 90_000);
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
  90_000,
);
