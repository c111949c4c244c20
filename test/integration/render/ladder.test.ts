import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { frameCountOf } from '../../../src/description/frames.ts';
import { parseDescription } from '../../../src/description/parse.ts';
import { pinDescription } from '../../../src/description/pin.ts';
import { frameBoundary, gridOf } from '../../../src/grid/grid.ts';
import type { Ffmpeg } from '../../../src/render/ffmpeg/find.ts';
import { loadModules, moduleNamed } from '../../../src/render/module/registry.ts';
import { profileNamed, renditionsOf } from '../../../src/render/profile.ts';
import { createRenderer, type RenderTask } from '../../../src/render/renderer.ts';
import { isStill } from '../../../src/render/rendition.ts';
import { FragmentReader } from '../../../src/segment/fragment.ts';
import { jpegSize } from '../../../src/segment/jpeg.ts';
import { ByteReader, boxAt } from '../../../src/segment/reader.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { builds } from './builds.ts';

const execute = promisify(execFile);
const examples = fileURLToPath(new URL('../../../examples', import.meta.url));
const modules = await loadModules(`${examples}/modules`);
const never = new AbortController().signal;

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());

const rendererOf = (ffmpeg: Ffmpeg) =>
  createRenderer({
    ffmpeg,
    modules,
    assets: { use: () => Promise.reject(new Error('no assets')) },
    folder: folder.path,
  });

async function taskOf(name: string, n: number, changes: object = {}): Promise<RenderTask> {
  const json = JSON.parse(await readFile(`${examples}/${name}`, 'utf8')) as object;
  const description = await pinDescription(parseDescription({ ...json, ...changes }), {
    asset: () => Promise.reject(new Error('no assets')),
    module: (module) => Promise.resolve(moduleNamed(modules, module).sha256),
  });
  const profile = profileNamed('ladder');
  if (profile === undefined) throw new Error('no ladder');
  const frameRate = { num: description.fps, den: 1 };
  const grid = gridOf(frameRate, frameCountOf(description));
  return { description, grid, n, renditions: renditionsOf({ ...description.size, frameRate }, profile) };
}

/** Samples of a segment, and where and how long they are in timescale units. */
function contentOf(init: Uint8Array | undefined, segment: Uint8Array) {
  const reader = new FragmentReader({ maxBytes: 1 << 26, maxSamples: 1000 });
  reader.push(init ?? new Uint8Array());
  reader.push(segment);
  const tfdt = new ByteReader(boxAt(segment, 'moof', 'traf', 'tfdt'));
  tfdt.skip(4);
  const tfhd = new ByteReader(boxAt(segment, 'moof', 'traf', 'tfhd'));
  tfhd.skip(8);
  const start = tfdt.u64();
  return { samples: reader.finish().samples, start, duration: tfhd.u32() };
}

for (const ffmpeg of await builds()) {
  describe(`ffmpeg ${ffmpeg.version}`, () => {
    const renderer = rendererOf(ffmpeg);

    test.each([
      ['default.json', 0],
      ['default.json', 3],
      ['module.json', 1],
    ])('%s, segment %i: what is made alone has the bytes of what is made together', async (name, n) => {
      const task = await taskOf(name, n);
      const together = await renderer.make(task, never);
      expect([...together.keys()]).toEqual(task.renditions.map((rendition) => rendition.name));
      for (const rendition of task.renditions) {
        const alone = await renderer.make({ ...task, renditions: [rendition] }, never);
        expect(alone.get(rendition.name), rendition.name).toEqual(together.get(rendition.name));
      }
      const stills = await renderer.make({ ...task, renditions: task.renditions.filter(isStill) }, never);
      for (const [still, bytes] of stills) expect(bytes, still).toEqual(together.get(still));
    });

    test('every rung has the same frames at the same times, and a key frame lasts as long as its segment', async () => {
      const task = await taskOf('default.json', 3);
      const made = await renderer.make(task, never);
      const [from, to] = [frameBoundary(task.grid, 3), frameBoundary(task.grid, 4)];
      for (const { name, kind } of task.renditions) {
        const { init, segment = new Uint8Array() } = made.get(name) ?? {};
        if (kind !== 'video' && kind !== 'iframes') continue;
        const { samples, start, duration } = contentOf(init, segment);
        expect(start, name).toBe(from * 1000);
        expect(samples.length * duration, name).toBe((to - from) * 1000);
        expect(samples, name).toHaveLength(kind === 'video' ? to - from : 1);
        expect(samples.map(({ sync }) => sync).lastIndexOf(true), name).toBe(0);
      }
    });

    test('pictures are JPEG files of the size and colour that was described', async () => {
      const changes = { background: '#c02040', tracks: [], duration: 1, size: { width: 640, height: 360 } };
      const task = await taskOf('minimal.json', 0, changes);
      const stills = task.renditions.filter(isStill);
      const made = await renderer.make({ ...task, renditions: stills }, never);
      for (const { name, kind, width, height } of stills) {
        if (kind !== 'images') continue;
        const file = made.get(name)?.segment ?? new Uint8Array();
        expect(jpegSize(file)).toEqual({ width, height });
        const path = join(folder.path, `${name}.jpg`);
        await writeFile(path, file);
        const pixel = ['-vf', 'scale=1:1', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
        const { stdout } = await execute(ffmpeg.path, ['-v', 'error', '-i', path, ...pixel], {
          encoding: 'buffer',
        });
        for (const [index, value] of [0xc0, 0x20, 0x40].entries()) {
          expect(
            Math.abs((stdout[index] ?? -1000) - value),
            `${name}: ${stdout.toString('hex')}`,
          ).toBeLessThan(7);
        }
      }
    });
  });
}
