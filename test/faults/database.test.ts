import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { startTestPostgres } from '../support/postgres.ts';
import { startFaultProxy, through } from '../support/proxy.ts';
import { until } from '../support/wait.ts';
import { expectWhole, gatedDescription, gating, onNodes, segmentsIn, startField, stored } from './kit.ts';

const seconds = 28;
const last = segmentsIn(seconds) - 1;

test.each([['refuse'], ['blackhole']] as const)(
  'PostgreSQL is away (%s) while two videos are made and watched: streams go on, readiness says so, nothing is lost',
  async (kind) => {
    await using postgres = await startTestPostgres();
    await using database = await startFaultProxy(postgres.url);
    await using field = await startField({
      env: { DATABASE_URL: through(database, postgres.url), SEGUE_NODE_ID: 'node', ...gating },
    });
    const gate = join(field.stack.dataFolder, 'gate');
    const videos = await Promise.all(
      [1, 2].map((seed) => field.post(gatedDescription(seconds, seed, gate, last))),
    );
    // Viewers are to have enough ahead of them, however slow the machine is.
    for (const { id } of videos)
      await field.reach(id, 'all but the last is made', (status) => onNodes(status) === last);
    const playing = await Promise.all(videos.map(({ url }) => playWithFfmpeg(url, { realTime: true })));
    await until(() => playing.every(({ frames }) => frames > 25), {
      what: 'everybody watches',
      timeout: 60_000,
    });
    await database.fail({ kind });
    await writeFile(gate, '');
    const seen = playing.map(({ frames }) => frames);
    const readiness = async () => (await fetch(`${field.stack.url}/readyz`)).status;
    await until(async () => (await readiness()) === 503, { what: 'the service says so', timeout: 60_000 });
    // More than what a player has fetched already.
    await until(() => playing.every(({ frames }, i) => frames > (seen[i] ?? 0) + 250), {
      what: 'ten more seconds are seen without a database',
      timeout: 60_000,
    });
    await database.fail(undefined);
    await until(async () => (await readiness()) === 200, { what: 'it is ready again', timeout: 60_000 });
    for (const played of playing) expectWhole(await played.done, seconds);
    for (const { id } of videos) {
      const status = await field.reach(id, 'everything is copied', ({ state }) => state === 'stored');
      expect(stored(status)).toBe(segmentsIn(seconds));
    }
  },
);
