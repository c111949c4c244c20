import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { PinnedModule } from '../../../src/description/schema.ts';
import { gridOf, windowOf } from '../../../src/grid/grid.ts';
import { makeSegment } from '../../../src/render/ffmpeg/encode.ts';
import { type Ffmpeg, findFfmpeg } from '../../../src/render/ffmpeg/find.ts';
import { compileModule } from '../../../src/render/module/compile.ts';
import type { ModuleLimits } from '../../../src/render/module/job.ts';
import { hashModule, loadModules, type ModuleRegistry } from '../../../src/render/module/registry.ts';
import { startHost } from '../../../src/render/module/start-host.ts';
import { isPlayed, profileNamed, renditionsOf } from '../../../src/render/profile.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { until } from '../../support/wait.ts';
import { isRunning } from './running.ts';

const here = fileURLToPath(new URL('./modules', import.meta.url));
const examples = fileURLToPath(new URL('../../../examples/modules', import.meta.url));
const size = { width: 160, height: 90 } as const;
const limits: ModuleLimits = { load: 60_000, call: 30_000, heap: 64, memory: 400 };
/** For one that never ends: its first frames still have to be made in time on a busy machine. */
const shortLimits: ModuleLimits = { ...limits, call: 5_000 };
const profile = profileNamed('default');
if (profile === undefined) throw new Error('no default profile');
const grid = gridOf({ num: 25, den: 1 }, 75);
const renditions = renditionsOf({ ...size, frameRate: grid.frameRate }, profile).filter(isPlayed);

let registry: ModuleRegistry;
let ffmpeg: Ffmpeg;
beforeAll(async () => {
  registry = await loadModules(here);
  ffmpeg = await findFfmpeg();
});

function describing(module: string, params: Record<string, unknown> = {}): PinnedModule {
  const moduleSha256 = registry.get(module)?.sha256 ?? '';
  return { segue: 1, kind: 'module', size, fps: 25, duration: 3, seed: 5, module, params, moduleSha256 };
}

async function make(description: PinnedModule, n: number, signal?: AbortSignal) {
  const window = windowOf(grid, n);
  const isEndless = description.params['how'] === 'loop';
  const plan = compileModule(description, window, registry, isEndless ? shortLimits : limits);
  return makeSegment({ plan, window, grid, n, renditions, ffmpeg }, signal);
}

describe('a module becomes segments', () => {
  test('each segment is the same whenever it is made, whatever was made before', async () => {
    const first = [];
    for (let n = 0; n < grid.count; n += 1) first.push(await make(describing('folder'), n));
    const again = await make(describing('folder'), grid.count - 1);
    expect(again).toEqual(first[grid.count - 1]);
    expect(first[1]?.get('90p')?.init).toEqual(first[0]?.get('90p')?.init);
    expect(first[1]?.get('90p')?.segment).not.toEqual(first[0]?.get('90p')?.segment);
  });

  test('the seed and the parameters reach it', async () => {
    const sound = async (seed: number) =>
      (await make({ ...describing('folder'), seed }, 0)).get('audio')?.segment;
    expect(await sound(1)).not.toEqual(await sound(2));
    expect(await sound(1)).toEqual(await sound(1));
  });

  test('the example draws and sounds', async () => {
    registry = new Map([...registry, ...(await loadModules(examples))]);
    const made = await make(describing('orbits'), 1);
    expect(made.get('90p')?.segment.byteLength).toBeGreaterThan(5_000);
    expect(made.get('audio')?.segment.byteLength).toBeGreaterThan(5_000);
  });
});

describe('a module that fails is named, with the frame', () => {
  test.each([
    ['throw', /Module "faulty" frame 2: RangeError: out of ideas/],
    ['loop', /Module "faulty" frame 2: took longer than 5 s/],
    ['exit', /Module "faulty" frame 2: its thread ended \(exit code 3\)/],
    // A loop that V8 cannot interrupt: only its process can be ended.
    ['memory', /Module "faulty" frame 2: (?:more than 400 MB of memory|.*out of memory|took longer)/],
    // Where nobody comes to look at it in time, the system gives it no more.
    [
      'native memory',
      /Module "faulty" frame 2: (?:more than 400 MB of memory|RangeError: Array buffer allocation failed)/,
    ],
    // Nothing may outlive it.
    ['process', /Module "faulty" frame 2: Error: Access to this API has been restricted/],
    ['thread', /Module "faulty" frame 2: Error: Access to this API has been restricted/],
    ['short', /Module "faulty" audio 0 to 48000: RangeError: 7 interleaved values for 48000 stereo samples/],
    ['nan', /Module "faulty" audio 0 to 48000: RangeError: sample 2 is NaN/],
  ])('%s', async (how, message) => {
    await expect(make(describing('faulty', { how }), 0)).rejects.toMatchObject({
      code: 'render_failed',
      message,
    });
  });

  test('one that writes a file', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'written');
    await expect(make(describing('faulty', { how: 'file', path }), 0)).rejects.toMatchObject({
      code: 'render_failed',
    });
    expect(existsSync(path)).toBe(false);
  });

  test('one that kills its node, or anything else', async () => {
    const victim = spawn('sleep', ['600'], { stdio: 'ignore' });
    onTestFinished(() => void victim.kill('SIGKILL'));
    await expect(make(describing('faulty', { how: 'signal', pid: victim.pid }), 0)).rejects.toThrow(
      /frame 2: Error: A module may not send signals/,
    );
    expect(isRunning(victim.pid ?? 0)).toBe(true);
  });

  test('one without `frame`, and one that is not registered', async () => {
    await expect(make(describing('broken'), 0)).rejects.toThrow(
      /Module "broken" while loading: TypeError: .*`frame`/,
    );
    await expect(make(describing('nosuch'), 0)).rejects.toMatchObject({ code: 'unknown_asset' });
  });

  test('abort ends it, even in an endless loop', async () => {
    const controller = new AbortController();
    const data = { path: registry.get('faulty')?.path ?? '', ...size, fps: 25, frameCount: 75, seed: 1 };
    const job = {
      name: 'faulty',
      data: { ...data, params: { how: 'loop' } },
      window: windowOf(grid, 0),
      limits,
    };
    const host = await startHost({ ...job, limits: { ...limits, call: 60_000 } }, controller.signal);
    const reason = new Error('enough');
    let got = 0;
    const reading = async () => {
      for await (const piece of host.media) {
        got += piece.byteLength;
        // The sound and two frames come before the loop.
        if (got === job.window.sampleCount * 8 + 2 * size.width * size.height * 4) controller.abort(reason);
      }
    };
    await expect(reading()).rejects.toBe(reason);
    await host.stop();
  });
});

test('a host ends with the node, even in an endless loop and after kill -9', async () => {
  const script = fileURLToPath(new URL('./run-host.ts', import.meta.url));
  const node = spawn(process.execPath, [script, join(here, 'faulty.ts'), 'loop'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(node.stdout.setEncoding('utf8'), 'data')) as [string];
  const pid = Number.parseInt(line, 10);
  expect(isRunning(pid)).toBe(true);
  node.kill('SIGKILL');
  await until(() => !isRunning(pid), { what: 'the host has ended', timeout: 60_000 });
});

describe('the registry', () => {
  test('names files and folders', () => {
    expect([...registry.keys()]).toEqual(expect.arrayContaining(['broken', 'faulty', 'folder']));
  });

  test('a hash covers every file of a module, and not where it lies', async () => {
    await using folder = await temporaryFolder();
    const copy = join(folder.path, 'folder');
    await cp(join(here, 'folder'), copy, { recursive: true });
    expect(await hashModule(copy)).toBe(registry.get('folder')?.sha256);
    await writeFile(join(copy, 'shade.ts'), '// other');
    expect(await hashModule(copy)).not.toBe(registry.get('folder')?.sha256);
  });

  test('a module that changed after the description was accepted makes nothing', async () => {
    const other = { ...describing('folder'), moduleSha256: 'f'.repeat(64) };
    await expect(make(other, 0)).rejects.toThrow(/has changed since the description was accepted/);
  });

  test('two of one name, and a folder that is not there, are refused', async () => {
    await using folder = await temporaryFolder();
    await cp(join(here, 'folder'), join(folder.path, 'broken'), { recursive: true });
    await cp(join(here, 'broken.js'), join(folder.path, 'broken.js'));
    await expect(loadModules(folder.path)).rejects.toThrow(/Two modules are called "broken"/);
    await expect(loadModules(join(folder.path, 'nosuch'))).rejects.toMatchObject({ code: 'configuration' });
    expect((await loadModules(undefined)).size).toBe(0);
  });
});
