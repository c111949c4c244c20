import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { parseDescription } from '../../src/description/parse.ts';
import { pinDescription } from '../../src/description/pin.ts';
import { frameCountOf } from '../../src/description/schema.ts';
import { gridOf, windowOf } from '../../src/grid/grid.ts';
import { encodeArguments } from '../../src/render/ffmpeg/arguments.ts';
import { ffmpegEnvironment } from '../../src/render/ffmpeg/environment.ts';
import { findFfmpeg } from '../../src/render/ffmpeg/find.ts';
import { isPlayed, profileNamed, renditionsOf } from '../../src/render/profile.ts';
import { compileTimeline } from '../../src/render/timeline/compile.ts';
import { dejavuFonts } from '../../src/render/timeline/font.ts';
import { textFilesIn } from '../../src/render/timeline/text-files.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/folder.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { until } from '../support/wait.ts';
import { report, shown, summaryOf } from './ratio.ts';

/** Pairs that are measured; the first warms up and does not count. */
const pairs = 9;
/** What the issue allows: the time of plain ffmpeg, half as much again. */
const allowed = 1.5;

let stack: TestStack;
let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
  stack = await startStack({ env: { SEGUE_LOG_LEVEL: 'warn' } });
});
afterAll(async () => {
  await stack.stop();
  await folder[Symbol.asyncDispose]();
});

/** The default example, cut to its first two segments so that the machine is idle again soon, with a seed of its own. */
async function description(seed: number) {
  const text = await readFile(new URL('../../examples/default.json', import.meta.url), 'utf8');
  const whole = parseDescription(JSON.parse(text));
  if (whole.kind !== 'timeline') throw new Error('the default example is a timeline');
  const seconds = 1.92;
  const tracks = whole.tracks
    .map(({ clips }) => ({
      clips: clips
        .filter(({ start }) => start < seconds)
        .map((clip) => ({ ...clip, length: Math.min(clip.length, seconds - clip.start) }))
        .map(({ in: _in, out: _out, fadeIn: _fadeIn, fadeOut: _fadeOut, ...clip }) => clip),
    }))
    .filter(({ clips }) => clips.length > 0);
  return parseDescription({ ...whole, seed, duration: seconds, tracks });
}

/** Milliseconds from POST to the last byte of the first segment of every rendition. */
async function throughSegue(seed: number): Promise<number> {
  const body = JSON.stringify(await description(seed));
  const began = performance.now();
  const posted = await fetch(`${stack.url}/v1/videos`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const { id } = z.object({ id: z.string() }).parse(await posted.json());
  await Promise.all(
    ['720p', 'audio'].map(async (rendition) => {
      const answer = await fetch(`${stack.url}/v/${id}/${rendition}/0.m4s`);
      expect(answer.status).toBe(200);
      expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(1000);
    }),
  );
  const took = performance.now() - began;
  await until(
    async () => {
      const status: unknown = await (await fetch(`${stack.url}/v1/videos/${id}`)).json();
      return z.object({ state: z.string() }).parse(status).state === 'stored';
    },
    { what: 'the rest is made and copied', timeout: 60_000 },
  );
  return took;
}

/** Milliseconds that ffmpeg takes to write the same first segment to disk, with the same arguments. */
async function plainFfmpeg(seed: number): Promise<number> {
  const pinned = await pinDescription(await description(seed), {
    asset: () => Promise.reject(new Error('the example uses no files')),
    module: () => Promise.reject(new Error('the example uses no module')),
  });
  const profile = profileNamed('default');
  if (pinned.kind !== 'timeline' || profile === undefined) throw new Error('no timeline, or no profile');
  const frameRate = { num: pinned.fps, den: 1 };
  const window = windowOf(gridOf(frameRate, frameCountOf(pinned)), 0);
  const noAsset = (): never => {
    throw new Error('the example uses no files');
  };
  const plan = compileTimeline(pinned, noAsset, window, {
    font: dejavuFonts(),
    textFile: textFilesIn(join(folder.path, 'text')),
  });
  const renditions = renditionsOf({ ...pinned.size, frameRate }, profile).filter(isPlayed);
  const outputs = renditions.map(({ name }) => join(folder.path, `${name}.mp4`));
  const ffmpeg = await findFfmpeg();
  // What Segue itself would draw and write into a pipe lies ready in a file.
  const inputs = await Promise.all(
    (plan.feeds ?? []).map(async ({ bytes }, index) => {
      const path = join(folder.path, `feed-${index}`);
      await writeFile(path, bytes(new AbortController().signal));
      return path;
    }),
  );
  const args = encodeArguments(plan, window, renditions, { outputs, inputs });
  const began = performance.now();
  const child = spawn(ffmpeg.path, ['-nostdin', ...args], { stdio: 'ignore', env: ffmpegEnvironment });
  const [code] = await once(child, 'exit');
  const took = performance.now() - began;
  expect(code).toBe(0);
  for (const path of outputs) expect((await stat(path)).size).toBeGreaterThan(1000);
  return took;
}

test(`from POST to the first segment's last byte: under ${allowed} times plain ffmpeg`, async () => {
  const ratios: number[] = [];
  const segue: number[] = [];
  const plain: number[] = [];
  for (let run = 0; run <= pairs; run += 1) {
    const b = await plainFfmpeg(run);
    const a = await throughSegue(1000 + run);
    if (run === 0) continue;
    ratios.push(a / b);
    segue.push(a);
    plain.push(b);
  }
  report(`POST to the first segment's last byte: ${shown(summaryOf(segue), ' ms')}`);
  report(`plain ffmpeg, same arguments, to disk:  ${shown(summaryOf(plain), ' ms')}`);
  report(`ratio: ${shown(summaryOf(ratios))}, allowed ${allowed}`);
  expect(summaryOf(ratios).median).toBeLessThan(allowed);
});
