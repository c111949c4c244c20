import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { startService } from './setup.ts';

const noSharing =
  process.platform === 'linux'
    ? undefined
    : 'skipped: only Linux spreads connections over listeners of one port';
if (noSharing !== undefined) process.stderr.write(`shared port: ${noSharing}\n`);

describe.skipIf(noSharing !== undefined)('two services on one port', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = sharedPostgres();
  });
  afterAll(() => postgres.stop());

  test('the next one starts before the last one stops, and nobody is refused', async () => {
    const databaseUrl = await postgres.createDatabase();
    const bucket = 'http://127.0.0.1:9';
    const first = await startService(databaseUrl, bucket, { sharePort: true });
    const port = Number(new URL(first.url).port);
    await using second = await startService(databaseUrl, bucket, { sharePort: true, port });
    expect(second.url).toBe(first.url);
    await first.stop();
    // A connection each, so that every one would be refused if nobody listened.
    for (let n = 0; n < 20; n += 1) {
      const answer = await fetch(`${second.url}/healthz`, { headers: { connection: 'close' } });
      expect(answer.status).toBe(200);
      await answer.body?.cancel();
    }
  });

  test('a port that is not shared is refused to a second one', async () => {
    const databaseUrl = await postgres.createDatabase();
    await using first = await startService(databaseUrl, 'http://127.0.0.1:9');
    const port = Number(new URL(first.url).port);
    await expect(startService(databaseUrl, 'http://127.0.0.1:9', { port })).rejects.toThrow('EADDRINUSE');
  });
});
