import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createFile, MP4BoxBuffer } from 'mp4box';
import { describe, expect, test } from 'vitest';
import { audioBoundary, type Grid, gridOf, segmentDuration, targetDuration } from '../../../src/grid/grid.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { builds } from './builds.ts';
import { lumaOf, type SoundName, sounds } from './source.ts';

const execute = promisify(execFile);
const script = fileURLToPath(new URL('./make-part.ts', import.meta.url));
const renditions = ['96p', 'audio'] as const;

interface Making {
  readonly ffmpeg: string;
  readonly grid: Grid;
  readonly sound: SoundName;
  readonly folder: string;
}

async function inOwnProcess(
  { ffmpeg, grid, sound, folder }: Making,
  numbers: readonly number[],
): Promise<void> {
  const { num, den } = grid.frameRate;
  const task = { ffmpeg, num, den, frames: grid.frameCount, numbers, sound, folder };
  await execute(process.execPath, [script, JSON.stringify(task)]);
}

/** Three processes make a third each, the last part first. */
async function makeInThirds(making: Making): Promise<void> {
  const all = Array.from({ length: making.grid.count }, (_, n) => n);
  const size = Math.ceil(all.length / 3);
  for (const from of [2 * size, size, 0]) await inOwnProcess(making, all.slice(from, from + size));
}

async function readAll(folder: string, grid: Grid, rendition: string, extension: string): Promise<Buffer[]> {
  const names = Array.from({ length: grid.count }, (_, n) => join(folder, `${rendition}.${n}.${extension}`));
  return Promise.all(names.map((name) => readFile(name)));
}

/** Writes a media playlist over the segments and returns its path. */
async function writePlaylist(
  folder: string,
  grid: Grid,
  rendition: (typeof renditions)[number],
): Promise<string> {
  const kind = rendition === 'audio' ? 'audio' : 'video';
  const lines = Array.from({ length: grid.count }, (_, n) => [
    `#EXTINF:${segmentDuration(grid, kind, n).toFixed(6)},`,
    `${rendition}.${n}.m4s`,
  ]);
  const head = ['#EXTM3U', '#EXT-X-VERSION:7', `#EXT-X-TARGETDURATION:${targetDuration(grid)}`];
  const map = `#EXT-X-MAP:URI="${rendition}.0.init"`;
  const path = join(folder, `${rendition}.m3u8`);
  await writeFile(path, [...head, map, ...lines.flat(), '#EXT-X-ENDLIST', ''].join('\n'));
  return path;
}

/** Everything that ffmpeg decodes from a file or playlist, as raw bytes. */
async function decode(ffmpeg: string, input: string, args: readonly string[]): Promise<Buffer> {
  const options = { encoding: 'buffer', maxBuffer: 1 << 28 } as const;
  const read = ['-v', 'error', '-allowed_extensions', 'ALL', '-i', input];
  const { stdout, stderr } = await execute(ffmpeg, [...read, ...args, 'pipe:1'], options);
  expect(stderr.toString()).toBe('');
  return stdout;
}

/** Presentation times of every packet, in the stream's own units. */
async function packetTimes(ffmpeg: string, input: string): Promise<number[]> {
  const text = (await decode(ffmpeg, input, ['-c', 'copy', '-copyts', '-f', 'framecrc'])).toString();
  return text
    .split('\n')
    .filter((line) => /^\d/.test(line))
    .map((line) => Number(line.split(',')[2]));
}

/** Left channel of interleaved 32-bit floats. */
function left(raw: Buffer): Float32Array {
  const values = new Float32Array(new Uint8Array(raw).buffer);
  return values.filter((_, index) => index % 2 === 0);
}

const rates = [
  ['25', { num: 25, den: 1 }, 200],
  ['24', { num: 24, den: 1 }, 130],
  ['29.97', { num: 30_000, den: 1001 }, 211],
  ['60', { num: 60, den: 1 }, 320],
] as const;

for (const { path: ffmpeg, version } of await builds()) {
  describe(`ffmpeg ${version}`, () => {
    test.each(rates)('%s frames a second, made in thirds by three processes', async (_, rate, frames) => {
      const folder = await temporaryFolder();
      const making: Making = { ffmpeg, grid: gridOf(rate, frames), sound: 'tone', folder: folder.path };
      const { grid } = making;
      try {
        await makeInThirds(making);
        for (const rendition of renditions) {
          const inits = await readAll(folder.path, grid, rendition, 'init');
          for (const init of inits) expect(init.equals(inits[0] as Buffer)).toBe(true);
          const segments = await readAll(folder.path, grid, rendition, 'm4s');
          await checkBoxes(Buffer.concat([inits[0] as Buffer, ...segments]), grid, rendition);
          const input = await writePlaylist(folder.path, grid, rendition);
          if (rendition === 'audio') await checkSound(ffmpeg, input, grid);
          else await checkPicture(ffmpeg, input, grid);
        }
        // Any one of them made again, by another process, is the same bytes.
        const again = await temporaryFolder();
        const n = grid.count - 2;
        await inOwnProcess({ ...making, folder: again.path }, [n]);
        for (const rendition of renditions) {
          const name = `${rendition}.${n}.m4s`;
          const [one, other] = await Promise.all(
            [folder, again].map(({ path }) => readFile(join(path, name))),
          );
          expect(one?.equals(other as Buffer)).toBe(true);
        }
        await again[Symbol.asyncDispose]();
      } finally {
        await folder[Symbol.asyncDispose]();
      }
    });
  });
}

/** mp4box, which shares no code with Segue, agrees about every sample's time. */
async function checkBoxes(bytes: Buffer, grid: Grid, rendition: (typeof renditions)[number]): Promise<void> {
  const file = createFile();
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(new Uint8Array(bytes).buffer, 0));
  file.flush();
  expect(file.moofs).toHaveLength(grid.count);
  const found = file.getTrackSamplesInfo(1);
  const audio = rendition === 'audio';
  const step = audio ? 1024 : grid.frameRate.den === 1 ? 1000 : grid.frameRate.den;
  expect(found).toHaveLength(audio ? audioBoundary(grid, grid.count) : grid.frameCount);
  for (const [index, sample] of found.entries()) {
    expect(sample).toMatchObject({ dts: index * step, cts: index * step, duration: step });
  }
  expect(found.filter(({ is_sync }) => is_sync)).toHaveLength(audio ? found.length : grid.count);
}

async function checkPicture(ffmpeg: string, input: string, grid: Grid): Promise<void> {
  const times = await packetTimes(ffmpeg, input);
  const step = grid.frameRate.den === 1 ? 1000 : grid.frameRate.den;
  expect(times).toEqual(times.map((_, index) => index * step));
  const gray = ['-vsync', '0', '-vf', 'scale=1:1:flags=area,format=gray', '-f', 'rawvideo'];
  const lumas = await decode(ffmpeg, input, gray);
  expect(lumas).toHaveLength(grid.frameCount);
  for (const [frame, luma] of lumas.entries()) {
    // gray is full range, the video is not: 16..235 become 0..255.
    const expected = ((lumaOf(frame) - 16) * 255) / 219;
    expect(Math.abs(luma - expected), `frame ${frame} shows ${luma}, not ${expected}`).toBeLessThan(8);
  }
}

async function checkSound(ffmpeg: string, input: string, grid: Grid): Promise<void> {
  const times = await packetTimes(ffmpeg, input);
  expect(times).toEqual(times.map((_, index) => index * 1024));
  const decoded = left(await decode(ffmpeg, input, ['-f', 'f32le']));
  expect(decoded).toHaveLength(audioBoundary(grid, grid.count) * 1024);
  // Aligned to the sample: a shift of one would be an error of up to 0.017.
  const errorAt = (shift: number) => {
    let sum = 0;
    for (let at = 4096; at < decoded.length - 4096; at += 1) {
      sum += Math.abs((decoded[at] ?? 0) - sounds.tone.at(at + shift));
    }
    return sum;
  };
  const shifts = [-2, -1, 0, 1, 2];
  const errors = shifts.map(errorAt);
  expect(shifts[errors.indexOf(Math.min(...errors))]).toBe(0);
}
