import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseDescription } from '../../../src/description/parse.ts';
import { pinDescription } from '../../../src/description/pin.ts';
import { frameCountOf, type PinnedDescription } from '../../../src/description/schema.ts';
import { gridOf, windowOf } from '../../../src/grid/grid.ts';
import { SegueError } from '../../../src/ops/errors.ts';
import { findFfmpeg } from '../../../src/render/ffmpeg/find.ts';
import { loadModules, moduleNamed } from '../../../src/render/module/registry.ts';
import { isPlayed, profileNamed, renditionsOf } from '../../../src/render/profile.ts';
import { createRenderer, type Renderer } from '../../../src/render/renderer.ts';
import { FragmentReader } from '../../../src/segment/fragment.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';

const examples = fileURLToPath(new URL('../../../examples', import.meta.url));
const modules = await loadModules(`${examples}/modules`);
const never = new AbortController().signal;
const unknownAsset = 'a'.repeat(64);

let folder: TemporaryFolder;
let renderer: Renderer;
beforeAll(async () => {
  folder = await temporaryFolder();
  const use = async (sha256: string) => {
    await Promise.resolve();
    throw new SegueError('unknown_asset', `asked for ${sha256}`);
  };
  renderer = createRenderer({ ffmpeg: await findFfmpeg(), modules, assets: { use }, folder: folder.path });
});
afterAll(() => folder[Symbol.asyncDispose]());

async function example(name: string, changes: object = {}): Promise<PinnedDescription> {
  const text = await readFile(`${examples}/${name}`, 'utf8');
  const description = parseDescription({ ...(JSON.parse(text) as object), ...changes });
  return pinDescription(description, {
    asset: () => Promise.resolve({ sha256: unknownAsset, image: { codec: 'png', width: 8, height: 8 } }),
    module: (module) => Promise.resolve(moduleNamed(modules, module).sha256),
  });
}

function taskOf(description: PinnedDescription, n: number) {
  const profile = profileNamed('default');
  if (profile === undefined) throw new Error('no default profile');
  const frameRate = { num: description.fps, den: 1 };
  const grid = gridOf(frameRate, frameCountOf(description));
  const renditions = renditionsOf({ ...description.size, frameRate }, profile).filter(isPlayed);
  return { description, grid, n, renditions };
}

test('a picture that the rate control has to hold back has the same bytes however busy the machine is', async () => {
  const noise = {
    segue: 1,
    kind: 'timeline',
    size: { width: 640, height: 360 },
    fps: 25,
    duration: 12,
    tracks: [{ clips: [{ start: 0, length: 12, asset: { type: 'pattern', pattern: 'static' } }] }],
  };
  const description = await pinDescription(parseDescription(noise), {
    asset: () => Promise.reject(new Error('no assets')),
    module: () => Promise.reject(new Error('no modules')),
  });
  const task = taskOf(description, 3);
  const segmentOf = (made: Awaited<ReturnType<Renderer['make']>>): Uint8Array =>
    made.get('360p')?.segment ?? new Uint8Array();
  const alone = segmentOf(await renderer.make(task, never));
  // Four at once on whatever cores there are: each is interrupted at moments of its own.
  for (let round = 0; round < 2; round += 1) {
    const made = await Promise.all(Array.from({ length: 4 }, () => renderer.make(task, never)));
    for (const each of made) expect(Buffer.compare(segmentOf(each), alone)).toBe(0);
  }
});

test.each([
  ['default.json', 0],
  ['default.json', 6],
  ['module.json', 0],
])('%s, segment %i: the same bytes twice, every frame there', async (name, n) => {
  const task = taskOf(await example(name), n);
  const made = await renderer.make(task, never);
  expect([...made.keys()]).toEqual(['720p', 'audio']);
  expect(await renderer.make(task, never)).toEqual(made);
  const reader = new FragmentReader({ maxBytes: 1 << 24, maxSamples: 1000 });
  reader.push(made.get('720p')?.init ?? new Uint8Array());
  reader.push(made.get('720p')?.segment ?? new Uint8Array());
  expect(reader.finish().samples).toHaveLength(windowOf(task.grid, n).frameCount);
});

test('only the files of the window are asked for', async () => {
  const src = `sha256:${unknownAsset}`;
  const clip = { start: 10, length: 5, asset: { type: 'image', src } };
  const description = await example('minimal.json', { duration: 20, tracks: [{ clips: [clip] }] });
  const first = await renderer.make(taskOf(description, 0), never);
  expect(first.size).toBe(2);
  const later = renderer.make(taskOf(description, 5), never);
  await expect(later).rejects.toMatchObject({ code: 'unknown_asset', message: `asked for ${unknownAsset}` });
});

test('abort gives its reason', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const making = renderer.make(taskOf(await example('default.json'), 8), controller.signal);
  controller.abort(reason);
  await expect(making).rejects.toBe(reason);
});
