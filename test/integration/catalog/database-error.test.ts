import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Catalog, openCatalog } from '../../../src/catalog/connect.ts';
import { migrateCatalog } from '../../../src/catalog/migrate.ts';
import { createStream, writeFile } from '../../../src/catalog/streams.ts';
import { createLog } from '../../../src/ops/log.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { type FaultProxy, startFaultProxy, through } from '../../support/proxy.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';

let server: TestPostgres;
let databaseUrl: string;
let proxy: FaultProxy;
let catalog: Catalog;
beforeAll(async () => {
  server = sharedPostgres();
  databaseUrl = await server.createDatabase();
  await migrateCatalog(databaseUrl);
});
afterAll(() => server.stop());
beforeEach(async () => {
  proxy = await startFaultProxy(databaseUrl);
  catalog = openCatalog(through(proxy, databaseUrl), { queryTimeoutMs: 3000 });
});
afterEach(async () => {
  await catalog.close();
  await proxy.stop();
});

const secret = new TextEncoder().encode('sixteen secrets!');
const writeKey = () =>
  writeFile(
    catalog.db,
    'r',
    'r0',
    { nodeId: 'n', epoch: 1 },
    { name: 'key-0.key', contentType: 'x', bytes: secret },
  );

/** What a log has of an error, and the error itself. */
async function logged(work: () => Promise<unknown>): Promise<{ error: unknown; line: string }> {
  const error = await work().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  let line = '';
  const log = createLog('test', 'error', { write: (text: string) => (line += text) });
  log.error({ err: error }, 'failed');
  return { error, line };
}

function expectNoSecret(line: string): void {
  expect(line).toContain('"err":{');
  const forms = [
    'sixteen secrets!',
    Buffer.from(secret).toString('hex'),
    [...secret].join(','),
    '"0":115',
    'params',
  ];
  for (const form of forms) expect(line).not.toContain(form);
}

describe('a database that is away', () => {
  test.each([['refuse'], ['reset'], ['blackhole']] as const)('%s: 503, and no values', async (kind) => {
    await catalog.db.execute(sql`SELECT 1`);
    await proxy.fail({ kind });
    const { error, line } = await logged(writeKey);
    expect(error).toMatchObject({ code: 'catalog_unavailable', retryable: true });
    expectNoSecret(line);
  });

  test('connections that have become silent for ever are given up, and values are read as before', async () => {
    const all = Array.from({ length: 5 }, () => catalog.db.execute(sql`SELECT pg_sleep(0.05)`));
    await Promise.all(all);
    // What was sent meanwhile never arrives: these connections answer nothing any more.
    await proxy.fail({ kind: 'blackhole' });
    const lost = await Promise.allSettled(all.map(() => catalog.db.execute(sql`SELECT 1`)));
    expect(lost.every(({ status }) => status === 'rejected')).toBe(true);
    await proxy.fail(undefined);
    const row = await until(
      async () => (await catalog.db.execute(sql`SELECT now() AS at, '{"a": 1}'::jsonb AS document`))[0],
      { what: 'it answers again' },
    );
    expect(row).toEqual({ at: expect.any(String) as string, document: { a: 1 } });
  });

  test('one that is shutting down', async () => {
    const { error, line } = await logged(() =>
      catalog.db.execute(sql`SELECT pg_terminate_backend(pg_backend_pid()), ${'sixteen secrets!'}`),
    );
    expect(error).toMatchObject({ code: 'catalog_unavailable' });
    expectNoSecret(line);
  });
});

describe('a query that PostgreSQL refuses is no outage, and its values are in no log', () => {
  test('a table that is not there', async () => {
    await catalog.db.execute(sql`ALTER TABLE foreign_files RENAME TO elsewhere`);
    const { error, line } = await logged(writeKey);
    await catalog.db.execute(sql`ALTER TABLE elsewhere RENAME TO foreign_files`);
    expect(error).toMatchObject({ message: 'relation "foreign_files" does not exist (42P01)' });
    expect(line).toContain('INSERT INTO foreign_files');
    expectNoSecret(line);
  });

  test('a value that does not fit, and one that is there already', async () => {
    const select = () => catalog.db.execute(sql`SELECT ${'sixteen secrets!'}::text::int`);
    expectNoSecret((await logged(select)).line);
    const stream = {
      videoId: 'sixteen secrets!',
      renderId: 'r',
      name: 'n',
      keyHash: 'h',
      windowSeconds: null,
      targetDuration: null,
    };
    await createStream(catalog.db, stream);
    const again = await logged(() => createStream(catalog.db, stream));
    expect(again.error).toMatchObject({ message: expect.stringContaining('23505') as string });
    expectNoSecret(again.line);
  });
});
