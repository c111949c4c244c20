import postgres from 'postgres';
import { createLog } from '../../src/ops/log.ts';
import { startPostgres } from '../../src/stack/postgres.ts';
import { temporaryFolder } from './folder.ts';

/** A real PostgreSQL for one test file. */
export interface TestPostgres extends AsyncDisposable {
  /** `postgres://` URL of an empty database. */
  readonly url: string;
  /** Process number of the server. */
  readonly pid: number;
  /** Makes one more empty database. @returns its URL. */
  createDatabase(): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL in a temporary folder (under a second), without fsync. Use in `beforeAll`, stop in `afterAll`; each test
 * may take a database of its own from `createDatabase`. It ends with the test process in any case.
 */
export async function startTestPostgres(): Promise<TestPostgres> {
  const folder = await temporaryFolder();
  const log = createLog('test', 'error');
  const server = await startPostgres(folder.path, log, { fsync: 'off', max_connections: '100' });
  let made = 0;
  const createDatabase = async () => {
    const sql = postgres(server.databaseUrl, { max: 1, onnotice: () => undefined });
    made += 1;
    const name = `test_${made}`;
    try {
      await sql.unsafe(`create database ${name}`);
    } finally {
      await sql.end();
    }
    const url = new URL(server.databaseUrl);
    url.pathname = `/${name}`;
    return url.href;
  };
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= server.stop().then(() => folder[Symbol.asyncDispose]());
    return stopping;
  };
  return { url: await createDatabase(), pid: server.pid, createDatabase, stop, [Symbol.asyncDispose]: stop };
}
