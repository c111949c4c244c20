import { afterAll, beforeAll, expect, test } from 'vitest';
import { create, end, list } from '../../../src/cli/streams.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { startTestNode } from './node.ts';
import { adminToken, leaseSeconds, secret, startService, startTestBucket } from './setup.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = sharedPostgres();
});
afterAll(() => postgres.stop());

/** Runs a command, and gives its exit code and lines. */
async function run(
  command: (output: { out: (text: string) => void; err: (text: string) => void }) => Promise<number>,
) {
  const lines: string[] = [];
  const errors: string[] = [];
  const code = await command({ out: (text) => lines.push(text), err: (text) => errors.push(text) });
  return { code, lines, errors: errors.join('\n') };
}

test('segue streams makes, lists and ends streams, for people and for programs', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url);
  await using node = await startTestNode({ id: 'a', databaseUrl, secret, leaseSeconds });
  const access = { server: service.url, token: adminToken };

  const none = await run((output) => list(access, output));
  expect(none).toMatchObject({ code: 0, lines: [] });
  const shown = await run((output) => create({ ...access, name: 'Concert' }, output));
  expect(shown.code).toBe(0);
  expect(shown.lines.join('\n')).toMatch(
    new RegExp(
      `^id +stream-\\S+\nwatch +${service.url}/v/\\S+\nkey +(\\S+) .*\nsend +${node.url}/ingest/\\1/$`,
    ),
  );
  const told = await run((output) => create({ ...access, window: '30', json: true }, output));
  const made = JSON.parse(told.lines[0] ?? '') as { id: string; key: string; ingest: string[] };
  expect(made).toMatchObject({ event: 'created', ingest: [`${node.url}/ingest/${made.key}/`] });

  const listed = await run((output) => list({ ...access, json: true }, output));
  expect(listed.lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { event: 'stream', id: made.id, window: 30, state: 'waiting' },
    { name: 'Concert', window: null },
  ]);
  const ended = await run((output) => end(made.id, access, output));
  expect(ended.lines[0]).toMatch(new RegExp(`^${made.id}  ended `));

  const unknown = await run((output) => end('stream-x', access, output));
  expect(unknown).toMatchObject({ code: 1, errors: 'segue: There is no such stream' });
  const wrong = await run((output) => create({ ...access, targetDuration: '2.5' }, output));
  expect(wrong.errors).toMatch(/targetDuration: .*int/);
  const refused = await run((output) => list({ ...access, token: 'no' }, output));
  expect(refused.errors).toContain('This needs the admin token');
  const away = await run((output) => list({ ...access, server: 'http://127.0.0.1:1' }, output));
  expect(away).toMatchObject({ code: 1, errors: expect.stringContaining('npm start') as string });
});
