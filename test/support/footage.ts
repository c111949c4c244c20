import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach } from 'vitest';

/** Real clips: a folder beside the repository, or the one that SEGUE_TEST_FOOTAGE names. */
export const footageFolder =
  process.env['SEGUE_TEST_FOOTAGE'] ?? fileURLToPath(new URL('../../../shared/media', import.meta.url));

/** Why tests that play real clips are skipped, to be printed; undefined where the clips are there. */
export const noFootage: string | undefined = existsSync(footageFolder)
  ? undefined
  : 'skipped: no folder ../shared/media with real clips, and SEGUE_TEST_FOOTAGE is not set';

/** Path of a real clip, whether it is there or not. */
export const footage = (name: string): string => join(footageFolder, name);

/** Skips every test of the file or `describe` that it is called in, where there is no footage, and says so once. */
export function needFootage(): void {
  if (noFootage === undefined) return;
  process.stderr.write(`real clips: ${noFootage}\n`);
  beforeEach((context) => context.skip(noFootage));
}
