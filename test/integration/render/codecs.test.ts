import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { gridOf, segmentDuration, windowOf } from '../../../src/grid/grid.ts';
import { makeSegment, type SegmentTask } from '../../../src/render/ffmpeg/encode.ts';
import {
  encodersOf,
  isPlayed,
  type Profile,
  profileNamed,
  renditionsOf,
} from '../../../src/render/profile.ts';
import { codecString } from '../../../src/segment/codec-string.ts';
import { FragmentReader } from '../../../src/segment/fragment.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { builds } from './builds.ts';

const execute = promisify(execFile);

type Shape = readonly [width: number, height: number, fps: number];
const sizes: readonly Shape[] = [
  [1280, 720, 25],
  [640, 360, 50],
  [426, 240, 25],
];

function taskOf(path: string, profile: Profile, [width, height, fps]: Shape, picture: string) {
  const frameRate = { num: fps, den: 1 };
  const grid = gridOf(frameRate, 3 * fps);
  const window = windowOf(grid, 1);
  const filterGraph =
    `${picture}=s=${width}x${height}:r=${fps},trim=end_frame=${window.frameCount},format=yuv420p,` +
    'setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv[v];anullsrc=r=48000:cl=stereo,' +
    `atrim=end_sample=${window.sampleCount},aformat=sample_fmts=fltp[a]`;
  const renditions = renditionsOf({ width, height, frameRate }, { ...profile, scales: [1] })
    .filter(isPlayed)
    .filter(({ kind }) => kind === 'video');
  return {
    plan: { inputs: [], filterGraph },
    window,
    grid,
    n: 1,
    renditions,
    ffmpeg: { path },
  } satisfies SegmentTask;
}

for (const { path, version, encoders, decoders } of await builds()) {
  for (const name of ['hevc', 'av1']) {
    const profile = profileNamed(name);
    if (profile === undefined) throw new Error(`no profile ${name}`);
    const missing = encodersOf(profile).filter((encoder) => !encoders.has(encoder));
    if (missing.length > 0) process.stdout.write(`skip: ffmpeg ${version} has no ${missing.join(', ')}\n`);
    describe.skipIf(missing.length > 0)(`${name} by ffmpeg ${version}`, () => {
      test.each(sizes)(
        '%ix%i at %i: what was announced, the same bytes twice, every frame decodes',
        async (...size) => {
          const task = taskOf(path, profile, size, 'testsrc2');
          const made = await makeSegment(task);
          expect(await makeSegment(task)).toEqual(made);
          for (const rendition of task.renditions) {
            const { init = new Uint8Array(), segment = new Uint8Array() } = made.get(rendition.name) ?? {};
            const reader = new FragmentReader({ maxBytes: 1 << 26, maxSamples: 1000 });
            reader.push(init);
            reader.push(segment);
            const { config, samples } = reader.finish();
            expect(codecString(config)).toBe(rendition.codecs);
            expect(samples.map(({ sync }) => sync).lastIndexOf(true)).toBe(0);
            await using folder = await temporaryFolder();
            const file = join(folder.path, 'joined.mp4');
            await writeFile(file, Buffer.concat([init, segment]));
            // An old build may lack a decoder of what it can encode.
            if (name === 'hevc' || decoders.has('libdav1d')) {
              const { stdout } = await execute(path, ['-v', 'error', '-i', file, '-f', 'framemd5', '-']);
              const frames = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
              expect(frames).toHaveLength(task.window.frameCount);
            }
          }
        },
      );

      test('noise stays within what is promised', async () => {
        const task = taskOf(path, profile, [640, 360, 50], 'color=c=gray');
        const filterGraph = task.plan.filterGraph.replace('format=', 'noise=alls=100:allf=t,format=');
        const made = await makeSegment({
          ...task,
          plan: { inputs: [], filterGraph: filterGraph.replace('gray=s', 'gray:s') },
        });
        for (const { name: rendition, bandwidth } of task.renditions) {
          const bits = (made.get(rendition)?.segment.byteLength ?? Number.NaN) * 8;
          expect(bits / segmentDuration(task.grid, 'video', 1)).toBeLessThanOrEqual(bandwidth);
        }
      });
    });
  }
}
