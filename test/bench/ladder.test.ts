import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { frameCountOf } from '../../src/description/frames.ts';
import { parseDescription } from '../../src/description/parse.ts';
import { pinDescription } from '../../src/description/pin.ts';
import {
  type Grid,
  gridOf,
  type SegmentWindow,
  segmentCount,
  segmentStart,
  windowOf,
} from '../../src/grid/grid.ts';
import { encodeArguments } from '../../src/render/ffmpeg/arguments.ts';
import { findFfmpeg } from '../../src/render/ffmpeg/find.ts';
import { defaultRunLimits, runFfmpeg } from '../../src/render/ffmpeg/run.ts';
import { loadModules } from '../../src/render/module/registry.ts';
import { isPlayed, profileNamed, renditionsOf } from '../../src/render/profile.ts';
import { createRenderer } from '../../src/render/renderer.ts';
import { compileTimeline } from '../../src/render/timeline/compile.ts';
import { dejavuFonts } from '../../src/render/timeline/font.ts';
import { textFilesIn } from '../../src/render/timeline/text-files.ts';
import { openDiskStore } from '../../src/store/disk.ts';
import { temporaryFolder } from '../support/folder.ts';
import { report, shown, summaryOf } from './ratio.ts';

/** Pairs that are measured. */
const pairs = 3;
/** What the issue allows. */
const allowed = 1.15;
/** Of the default example, so that one run takes some seconds. */
const seconds = 24;

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const ffmpeg = await findFfmpeg();
const never = new AbortController().signal;
const text = { font: dejavuFonts(), textFile: textFilesIn(join(folder.path, 'text')) };

/** The beginning of the default example: 1280x720. */
async function beginning() {
  const json = await readFile(new URL('../../examples/default.json', import.meta.url), 'utf8');
  const whole = parseDescription(JSON.parse(json));
  if (whole.kind !== 'timeline') throw new Error('the default example is a timeline');
  const tracks = whole.tracks
    .map(({ clips }) => ({
      clips: clips
        .filter(({ start }) => start < seconds)
        .map(({ out: _out, fadeOut: _fadeOut, ...clip }) => ({
          ...clip,
          length: Math.min(clip.length, seconds - clip.start),
        })),
    }))
    .filter(({ clips }) => clips.length > 0);
  const none = () => Promise.reject(new Error('the example uses no files'));
  return pinDescription(parseDescription({ ...whole, duration: seconds, tracks }), {
    asset: none,
    module: none,
  });
}

const description = await beginning();
const frameRate = { num: description.fps, den: 1 };
const grid: Grid = gridOf(frameRate, frameCountOf(description));
const profile = profileNamed('ladder');
if (profile === undefined) throw new Error('no ladder');
const renditions = renditionsOf({ ...description.size, frameRate }, profile).filter(isPlayed);

/** CPU seconds, user and system, of this process and of the children that it has waited for. */
async function cpuSeconds(): Promise<number> {
  const stat = await readFile('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // cutime and cstime (proc(5), fields 16 and 17) in hundredths of a second.
  const children = (Number(fields[13]) + Number(fields[14])) / 100;
  const { user, system } = process.cpuUsage();
  return children + (user + system) / 1e6;
}

async function costOf(work: () => Promise<void>): Promise<number> {
  const before = await cpuSeconds();
  await work();
  return (await cpuSeconds()) - before;
}

/** Each of the first segments by a process of its own, cut, written and synced, as a node does. */
async function throughSegue(run: number, segments = segmentCount(grid)): Promise<void> {
  const disk = await openDiskStore(join(folder.path, `disk-${run}`));
  const renderer = createRenderer({
    ffmpeg,
    modules: await loadModules(undefined),
    assets: { use: () => Promise.reject(new Error('no files')) },
    folder: join(folder.path, 'text'),
  });
  for (let n = 0; n < segments; n += 1) {
    const made = await renderer.make({ description, grid, n, renditions }, never);
    for (const [name, { segment }] of made) await disk.put(`render-${run}`, name, n, segment);
  }
}

/** The whole video by one ffmpeg command: the same source, encoders and arguments, key frames where segments begin. */
async function plainFfmpeg(run: number): Promise<void> {
  if (description.kind !== 'timeline') throw new Error('no timeline');
  const last = windowOf(grid, segmentCount(grid) - 1);
  const first = windowOf(grid, 0);
  const window: SegmentWindow = {
    ...first,
    frameCount: grid.frameCount,
    sampleCount: last.firstSample + last.sampleCount - first.firstSample,
  };
  const noAsset = (): never => {
    throw new Error('the example uses no files');
  };
  const plan = compileTimeline(description, noAsset, window, text);
  const starts = Array.from({ length: segmentCount(grid) }, (_, n) =>
    segmentStart(grid, 'video', n).toFixed(3),
  );
  const keyed = renditions.map((rendition) =>
    rendition.kind === 'video'
      ? { ...rendition, encoderArgs: [...rendition.encoderArgs, '-force_key_frames', starts.join(',')] }
      : rendition,
  );
  await mkdir(join(folder.path, `plain-${run}`));
  const outputs = keyed.map(({ name }) => join(folder.path, `plain-${run}`, `${name}.mp4`));
  await runFfmpeg({
    path: ffmpeg.path,
    args: ({ inputs }) => encodeArguments(plan, window, keyed, { outputs, inputs }),
    outputs: [],
    inputs: (plan.feeds ?? []).map(({ bytes }) => bytes),
    limits: { ...defaultRunLimits, fileBytes: 2 ** 30 },
  });
  await writeFile(join(folder.path, 'done'), '');
}

test(`a ladder of three: under ${allowed} times the CPU of one plain ffmpeg command`, async () => {
  expect(renditions.map(({ name }) => name)).toEqual(['720p', '480p', '240p', 'audio']);
  const ratios: number[] = [];
  const segue: number[] = [];
  const plain: number[] = [];
  // Code is compiled, and the programs are in memory.
  await throughSegue(0, 2);
  for (let run = 1; run <= pairs; run += 1) {
    const b = await costOf(() => plainFfmpeg(run));
    const a = await costOf(() => throughSegue(run));
    ratios.push(a / b);
    segue.push(a);
    plain.push(b);
  }
  report(
    `CPU of a ladder of three, ${seconds} s in ${segmentCount(grid)} segments: ${shown(summaryOf(segue), ' s')}`,
  );
  report(`the same by one plain ffmpeg command: ${shown(summaryOf(plain), ' s')}`);
  report(`ratio: ${shown(summaryOf(ratios))}, allowed ${allowed}`);
  expect(summaryOf(ratios).median).toBeLessThan(allowed);
});
