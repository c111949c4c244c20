import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { aacFrameSamples, audioBoundary, gridOf, windowOf } from '../../../src/grid/grid.ts';
import { makeSegment } from '../../../src/render/ffmpeg/encode.ts';
import { profileNamed, renditionsOf } from '../../../src/render/profile.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { builds } from './builds.ts';
import { knownPlan, type SoundName, size, sounds } from './source.ts';

const execute = promisify(execFile);
const grid = gridOf({ num: 25, den: 1 }, 25 * 24);
const audioFrames = audioBoundary(grid, grid.count);

async function decoded(ffmpeg: string, input: string): Promise<Float32Array> {
  const options = { encoding: 'buffer', maxBuffer: 1 << 28 } as const;
  const args = ['-v', 'error', '-i', input, '-ac', '1', '-f', 'f32le', 'pipe:1'];
  const { stdout } = await execute(ffmpeg, args, options);
  return new Float32Array(new Uint8Array(stdout).buffer);
}

/** The root mean square error of each stretch of 1024 samples, centred on AAC frame boundaries. */
function errorsByBoundary(heard: Float32Array, sound: SoundName): number[] {
  return Array.from({ length: audioFrames }, (_, boundary) => {
    let sum = 0;
    for (let at = -512; at < 512; at += 1) {
      const sample = boundary * aacFrameSamples + at;
      sum += ((heard[sample] ?? 0) - sounds[sound].at(sample)) ** 2;
    }
    return Math.sqrt(sum / 1024);
  });
}

for (const { path: ffmpeg, version } of await builds()) {
  describe(`ffmpeg ${version}`, () => {
    test.each(['tone', 'chord'] as const)('the seams of a %s sound like the rest of it', async (sound) => {
      await using folder = await temporaryFolder();
      const profile = profileNamed('default');
      if (profile === undefined) throw new Error('no default profile');
      const renditions = renditionsOf({ ...size, frameRate: grid.frameRate }, profile).filter(
        ({ kind }) => kind === 'audio',
      );
      const parts: Uint8Array[] = [];
      for (let n = 0; n < grid.count; n += 1) {
        const window = windowOf(grid, n);
        const plan = knownPlan(window, sound);
        const made = await makeSegment({ plan, window, grid, n, renditions, ffmpeg: { path: ffmpeg } });
        const audio = made.get('audio');
        if (audio === undefined) throw new Error('no audio');
        if (n === 0) parts.push(audio.init ?? new Uint8Array());
        parts.push(audio.segment);
      }
      const joined = join(folder.path, 'joined.mp4');
      await writeFile(joined, Buffer.concat(parts));

      // The same sound in one go by the same encoder: what a stream without seams sounds like.
      const whole = join(folder.path, 'whole.mp4');
      const voice = sounds[sound].expression.replaceAll('S', 'n');
      const source = `aevalsrc=exprs='${voice}|${voice}':s=48000:c=stereo:d=25`;
      const encoder = renditions[0]?.encoderArgs ?? [];
      await execute(ffmpeg, ['-v', 'error', '-f', 'lavfi', '-i', source, ...encoder, whole]);

      const ours = errorsByBoundary(await decoded(ffmpeg, joined), sound);
      const continuous = errorsByBoundary(await decoded(ffmpeg, whole), sound).slice(4, -4);
      const seams = new Set(Array.from({ length: grid.count - 1 }, (_, n) => audioBoundary(grid, n + 1)));
      expect(seams.size).toBeGreaterThan(5);
      const rest = ours.filter(
        (_, boundary) => boundary > 3 && boundary < audioFrames - 1 && !seams.has(boundary),
      );
      const worstSeam = Math.max(...[...seams].map((boundary) => ours[boundary] ?? Number.NaN));
      expect(worstSeam).toBeLessThanOrEqual(Math.max(...rest));
      expect(worstSeam).toBeLessThanOrEqual(1.5 * Math.max(...continuous));
    });
  });
}
