/** A process of its own that makes some segments of the known source: `node make-part.ts TASK_AS_JSON`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { gridOf, windowOf } from '../../../src/grid/grid.ts';
import { makeSegment } from '../../../src/render/ffmpeg/encode.ts';
import { isPlayed, profileNamed, renditionsOf } from '../../../src/render/profile.ts';
import { knownPlan, size } from './source.ts';

const task = z
  .object({
    ffmpeg: z.string(),
    num: z.int(),
    den: z.int(),
    frames: z.int(),
    numbers: z.array(z.int()),
    sound: z.enum(['tone', 'chord']),
    folder: z.string(),
  })
  .parse(JSON.parse(process.argv[2] ?? ''));

const profile = profileNamed('default');
if (profile === undefined) throw new Error('no default profile');
const grid = gridOf({ num: task.num, den: task.den }, task.frames);
const renditions = renditionsOf({ ...size, frameRate: grid.frameRate }, profile).filter(isPlayed);
for (const n of task.numbers) {
  const window = windowOf(grid, n);
  const plan = knownPlan(window, task.sound);
  const made = await makeSegment({ plan, window, grid, n, renditions, ffmpeg: { path: task.ffmpeg } });
  for (const [name, { init, segment }] of made) {
    await writeFile(join(task.folder, `${name}.${n}.init`), init ?? '');
    await writeFile(join(task.folder, `${name}.${n}.m4s`), segment);
  }
}
