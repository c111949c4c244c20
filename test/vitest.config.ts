import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What uses the catalog: one PostgreSQL for all files of a project, and drizzle as services load it. */
const withCatalog = {
  globalSetup: fileURLToPath(new URL('support/shared-postgres.ts', import.meta.url)),
  setupFiles: [fileURLToPath(new URL('../src/catalog/drizzle-format.ts', import.meta.url))],
};

/** One project a kind of test, so that `npm test` and `.ci/run` can choose. Real processes share two cores: files run one at a time unless it says more. */
const project = (name: string, extra: object = {}) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    // Hundreds of processes of Segue are started: types are stripped, and code is compiled, once for all of them.
    env: { NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/segue') },
    ...extra,
  },
});

const matrix = 'test/players/matrix.test.ts';
const playing = { testTimeout: 300_000, retry: process.env['SEGUE_PLAYERS_STRICT'] === '1' ? 0 : 1 };

const beside = {
  ...withCatalog,
  testTimeout: 300_000,
  hookTimeout: 300_000,
  fileParallelism: true,
  maxWorkers: 4,
  sequence: { groupOrder: 2 },
};

export default defineConfig({
  root,
  test: {
    projects: [
      // Nothing in it keeps anything: what one file has loaded is there for the next.
      project('unit', { testTimeout: 60_000, fileParallelism: true, isolate: false }),
      // Some wait for others' clocks: three keep two cores busy.
      project('integration', {
        ...withCatalog,
        fileParallelism: true,
        maxWorkers: 3,
        sequence: { groupOrder: 1 },
      }),
      project('worker', withCatalog),
      // A dozen real players share two cores with everything that they play from: a test may be tried again once, unless it
      // is to be seen that it need not be.
      project('matrix', { ...playing, include: [matrix], sequence: { groupOrder: 1 } }),
      // These play one at a time each, start others' servers, or wait for what recovers: beside one another where all are asked for.
      project('providers', beside),
      project('players', { ...playing, ...beside, exclude: [matrix] }),
      project('faults', beside),
      project('bench', { testTimeout: 600_000 }),
    ],
  },
});
