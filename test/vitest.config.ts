import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** One project a kind of test, so that `npm test` and `.ci/run` can choose. Real processes share two cores: files run one at a time outside `unit`. */
const project = (name: string, extra: object = {}) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    ...extra,
  },
});

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    projects: [
      project('unit', { testTimeout: 30_000, fileParallelism: true }),
      project('integration', { fileParallelism: true, maxWorkers: 2 }),
      project('worker'),
      project('providers'),
      // A dozen real players share two cores with everything that they play from: a test may be tried again once, unless it
      // is to be seen that it need not be.
      project('players', {
        testTimeout: 300_000,
        retry: process.env['SEGUE_PLAYERS_STRICT'] === '1' ? 0 : 1,
      }),
      project('faults', { testTimeout: 300_000, fileParallelism: true, maxWorkers: 2 }),
      project('bench', { testTimeout: 600_000 }),
    ],
  },
});
