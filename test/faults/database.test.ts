import { expect, test } from 'vitest';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { startTestPostgres } from '../support/postgres.ts';
import { startFaultProxy, through } from '../support/proxy.ts';
import { until } from '../support/wait.ts';
import { expectWhole, onNodes, segmentsIn, smallDescription, startField, stored } from './kit.ts';

const seconds = 24;

test.each([['refuse'], ['blackhole']] as const)(
  'PostgreSQL is away (%s) while two videos are made and watched: streams go on, readiness says so, nothing is lost',
  async (kind) => {
    await using postgres = await startTestPostgres();
    await using database = await startFaultProxy(postgres.url);
    await using field = await startField({
      env: { DATABASE_URL: through(database, postgres.url), SEGUE_NODE_ID: 'node' },
    });
    const videos = await Promise.all([1, 2].map((seed) => field.post(smallDescription(seconds, seed))));
    const playing = await Promise.all(videos.map(({ url }) => playWithFfmpeg(url, { realTime: true })));
    for (const { id } of videos) await field.reach(id, 'some is made', (status) => onNodes(status) >= 2);
    await until(() => playing.every(({ frames }) => frames > 25), { what: 'everybody watches' });
    await database.fail({ kind });
    const readiness = async () => (await fetch(`${field.stack.url}/readyz`)).status;
    await until(async () => (await readiness()) === 503, { what: 'the service says so', timeout: 30_000 });
    const seen = playing.map(({ frames }) => frames);
    await until(() => playing.every(({ frames }, i) => frames > (seen[i] ?? 0) + 50), {
      what: 'two more seconds are seen without a database',
      timeout: 30_000,
    });
    await database.fail(undefined);
    await until(async () => (await readiness()) === 200, { what: 'it is ready again', timeout: 30_000 });
    for (const played of playing) expectWhole(await played.done, seconds);
    for (const { id } of videos) {
      const status = await field.reach(id, 'everything is copied', ({ state }) => state === 'stored');
      expect(stored(status)).toBe(segmentsIn(seconds));
    }
  },
);
