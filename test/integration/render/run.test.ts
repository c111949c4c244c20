import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limiter } from '../../../src/ops/child-limits.ts';
import { SegueError } from '../../../src/ops/errors.ts';
import { findFfmpeg, inspectFfmpeg } from '../../../src/render/ffmpeg/find.ts';
import { type Run, runFfmpeg, spentArguments } from '../../../src/render/ffmpeg/run.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';
import { until } from '../../support/wait.ts';
import { isRunning } from './running.ts';

let folder: TemporaryFolder;
/** ffmpeg behind a script that leaves its process id. It adds a line: one that is ended meanwhile leaves no empty file. */
let traced: string;
let pidFile: string;

beforeAll(async () => {
  const { path } = await findFfmpeg();
  folder = await temporaryFolder();
  traced = join(folder.path, 'traced');
  pidFile = join(folder.path, 'pid');
  await writeFile(traced, `#!/bin/sh\necho $$ >> '${pidFile}'\nexec '${path}' "$@"\n`);
  await chmod(traced, 0o755);
});
afterAll(() => folder[Symbol.asyncDispose]());

/** The process that was last started and has left its number. */
function startedPid(): Promise<number> {
  return until(async () => Number((await readFile(pidFile, 'utf8')).trim().split('\n').at(-1)) || undefined, {
    what: 'ffmpeg has started',
  });
}

/** A picture without end, as fast as it is read. */
const endless = ['-f', 'lavfi', '-i', 'color=s=64x64:r=25', '-f', 'rawvideo'];

function run(args: readonly string[], changes: Partial<Run> = {}): Run {
  return {
    path: traced,
    args: ({ outputs, inputs }) => [
      '-v',
      'error',
      ...args,
      ...inputs.flatMap((pipe) => ['-i', pipe]),
      ...outputs,
    ],
    outputs: [() => undefined],
    inputs: [],
    ...changes,
  };
}

/** Raw sound out of a pipe. */
const pcm = ['-v', 'error', '-f', 's16le', '-ar', '48000', '-ac', '2', '-i'];

describe('runFfmpeg', () => {
  test('bytes come out of each pipe and go into each', async () => {
    const got: Buffer[] = [];
    const sound = new Uint8Array(48_000 * 4).fill(1);
    await runFfmpeg({
      path: traced,
      args: ({ outputs, inputs }) => [...pcm, inputs[0] ?? '', '-f', 's16le', outputs[0] ?? ''],
      outputs: [(chunk) => got.push(Buffer.from(chunk))],
      inputs: [
        async function* () {
          for (let at = 0; at < sound.byteLength; at += 10_000) yield sound.subarray(at, at + 10_000);
        },
      ],
    });
    expect(Buffer.concat(got).equals(sound)).toBe(true);
  });

  test('a failure speaks in the words of ffmpeg', async () => {
    const failing = runFfmpeg(run(['-f', 'lavfi', '-i', 'nosuchfilter', '-f', 'rawvideo']));
    await expect(failing).rejects.toThrow(/exit code 1.*nosuchfilter/);
    await expect(failing).rejects.toMatchObject({ code: 'render_failed', retryable: false });
  });

  test('an executable that is not there', async () => {
    const missing = runFfmpeg(run(endless, { path: join(folder.path, 'nosuch') }));
    await expect(missing).rejects.toMatchObject({ code: 'render_failed', message: /does not start/ });
  });

  test('abort ends the process, and the call with its reason', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    let got = 0;
    const running = runFfmpeg(
      run(endless, {
        outputs: [
          () => {
            got += 1;
            controller.abort(reason);
          },
        ],
      }),
      controller.signal,
    );
    await expect(running).rejects.toBe(reason);
    expect(got).toBeGreaterThan(0);
    expect(isRunning(await startedPid())).toBe(false);
    await expect(runFfmpeg(run(endless), controller.signal)).rejects.toBe(reason);
  });

  test('an input that gives nothing counts as a stall', async () => {
    const stalled = runFfmpeg(
      run(['-f', 's16le'], {
        limits: { stall: 300, total: 60_000 },
        inputs: [
          async function* (signal) {
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
            yield new Uint8Array(0);
          },
        ],
        args: ({ inputs, outputs }) => [
          '-f',
          's16le',
          '-i',
          inputs[0] ?? '',
          '-f',
          's16le',
          outputs[0] ?? '',
        ],
      }),
    );
    await expect(stalled).rejects.toMatchObject({ message: /no progress for 0.3 s/, retryable: true });
    expect(isRunning(await startedPid())).toBe(false);
  });

  test('work without end is ended', async () => {
    const long = runFfmpeg(run(endless, { limits: { stall: 60_000, total: 400 } }));
    await expect(long).rejects.toThrow(/longer than 0.4 s/);
    expect(isRunning(await startedPid())).toBe(false);
  });

  test('a process that ignores SIGTERM is killed', async () => {
    const deaf = join(folder.path, 'deaf');
    await writeFile(deaf, `#!/bin/sh\ntrap '' TERM\necho $$ >> '${pidFile}'\nwhile :; do sleep 0.1; done\n`);
    await chmod(deaf, 0o755);
    await expect(runFfmpeg(run([], { path: deaf, limits: { stall: 300, total: 9_000 } }))).rejects.toThrow(
      SegueError,
    );
    expect(isRunning(await startedPid())).toBe(false);
  });

  test('what an output or an input throws ends the run and is what the caller gets', async () => {
    const bad = new SegueError('render_failed', 'too much');
    const throwing = () => {
      throw bad;
    };
    await expect(runFfmpeg(run(endless, { outputs: [throwing] }))).rejects.toBe(bad);
    expect(isRunning(await startedPid())).toBe(false);
    const feed = runFfmpeg(
      run([], {
        args: ({ inputs, outputs }) => [
          '-f',
          's16le',
          '-i',
          inputs[0] ?? '',
          '-f',
          's16le',
          outputs[0] ?? '',
        ],
        inputs: [() => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(bad) }) })],
      }),
    );
    await expect(feed).rejects.toBe(bad);
  });

  test('a description that needs too much memory fails, and takes none from the machine', async ({
    skip,
  }) => {
    if ((await limiter()) === undefined) skip('no prlimit on this machine');
    const large = ['-f', 'lavfi', '-i', 'testsrc2=s=3840x2160:r=25', '-frames:v', '50', '-c:v', 'libx264'];
    const limits = { stall: 60_000, total: 60_000, memory: 150 * 2 ** 20 };
    const hungry = runFfmpeg(run([...large, '-f', 'mpegts'], { limits }));
    await expect(hungry).rejects.toMatchObject({
      code: 'render_failed',
      message: 'ffmpeg needs more than 150 MiB of memory for a segment of this',
      retryable: false,
    });
    expect(isRunning(await startedPid())).toBe(false);
  });

  test('it writes no file that matters', async ({ skip }) => {
    if ((await limiter()) === undefined) skip('no prlimit on this machine');
    const out = join(folder.path, 'written.raw');
    await expect(runFfmpeg(run([...endless, '-y', out], { outputs: [] }))).rejects.toMatchObject({
      code: 'render_failed',
    });
    expect((await stat(out)).size).toBeLessThanOrEqual(65_536);
  });

  test('what it took is told, and nothing of it in a failure', async () => {
    let spent = 0;
    const source = ['-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=25', '-frames:v', '50', '-f', 'mpegts'];
    await runFfmpeg({
      path: traced,
      args: ({ outputs }) => [...spentArguments, ...source, '-c:v', 'libx264', ...outputs],
      outputs: [() => undefined],
      inputs: [],
      onSpent: (seconds) => {
        spent = seconds;
      },
    });
    expect(spent).toBeGreaterThan(0.05);
    expect(spent).toBeLessThan(60);
    const failing = runFfmpeg(
      run([...spentArguments, '-f', 'lavfi', '-i', 'testsrc2=d=1', '-c:v', 'nosuch', '-f', 'mpegts']),
    );
    await expect(failing).rejects.toThrow(/exit code 1\): Unknown encoder 'nosuch'$/);
  });

  test('a reader that stops before its input ends is no failure', async () => {
    let given = 0;
    await runFfmpeg({
      path: traced,
      args: ({ outputs, inputs }) => [...pcm, inputs[0] ?? '', '-t', '0.1', '-f', 's16le', outputs[0] ?? ''],
      outputs: [() => undefined],
      inputs: [
        async function* () {
          for (; given < 1e6; given += 1) yield new Uint8Array(65_536);
        },
      ],
    });
    expect(given).toBeLessThan(1e6);
  });
});

describe('findFfmpeg', () => {
  test('what is found can encode, and says which it is', async () => {
    const found = await findFfmpeg();
    expect(found.version).toMatch(/\d/);
    for (const name of ['libx264', 'aac']) expect(found.encoders.has(name)).toBe(true);
    for (const name of ['h264', 'hevc', 'vp9']) expect(found.decoders.has(name)).toBe(true);
    for (const name of ['scale', 'overlay', 'aevalsrc']) expect(found.filters.has(name)).toBe(true);
  });

  test('with nothing on PATH the build from npm is used, with a warning', async () => {
    const found = await findFfmpeg({ searchPath: folder.path });
    expect(['ffmpeg-static', '@ffmpeg-installer/ffmpeg']).toContain(found.source);
    if (found.source === '@ffmpeg-installer/ffmpeg') expect(found.warning).toMatch(/2018/);
  });

  test('FFMPEG_PATH comes first and is never passed over', async () => {
    const found = await findFfmpeg({ ffmpegPath: traced });
    expect(found).toMatchObject({ path: traced, source: 'FFMPEG_PATH' });
    const missing = findFfmpeg({ ffmpegPath: join(folder.path, 'nosuch') });
    await expect(missing).rejects.toMatchObject({ code: 'configuration', message: /FFMPEG_PATH/ });
  });

  test('one that cannot encode H.264 is refused', async () => {
    const poor = join(folder.path, 'poor');
    await writeFile(poor, '#!/bin/sh\necho "ffmpeg version 1.0 (c)"\necho " A....D aac  AAC"\n');
    await chmod(poor, 0o755);
    await expect(inspectFfmpeg(poor, 'PATH')).rejects.toThrow(/cannot encode libx264/);
  });
});
