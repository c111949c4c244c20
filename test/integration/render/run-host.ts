/** A process that runs the module named by its arguments (path, `how`) and tells of its host: `node run-host.ts PATH HOW`. */
import { gridOf, windowOf } from '../../../src/grid/grid.ts';
import { defaultModuleLimits } from '../../../src/render/module/job.ts';
import { startHost } from '../../../src/render/module/start-host.ts';

const [path = '', how = ''] = process.argv.slice(2);
const data = { path, width: 64, height: 64, fps: 25, frameCount: 75, seed: 1, params: { how } };
const window = windowOf(gridOf({ num: 25, den: 1 }, 75), 0);
const job = { name: 'faulty', data, window, limits: defaultModuleLimits };
const host = await startHost(job, new AbortController().signal);
for await (const _ of host.media) process.stdout.write(`${host.pid}\n`);
