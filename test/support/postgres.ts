import postgres from 'postgres';
import { createLog } from '../../src/ops/log.ts';
import { startPostgres } from '../../src/stack/postgres.ts';
import { temporaryFolder } from './folder.ts';

/** A real PostgreSQL, for one test file as far as that file can tell. */
export interface TestPostgres extends AsyncDisposable {
  /** Makes an empty database. @returns its `postgres://` URL. */
  createDatabase(): Promise<string>;
  /** Removes the databases that were made here, whoever is connected still, and the server where it is the file's own. */
  stop(): Promise<void>;
}

/** Makes databases on a server that others may use too. @param url of any database of it */
export function databasesOn(url: string): TestPostgres {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  const made: string[] = [];
  const createDatabase = async () => {
    const name = `test_${crypto.randomUUID().replaceAll('-', '')}`;
    await sql.unsafe(`create database ${name}`);
    made.push(name);
    return Object.assign(new URL(url), { pathname: `/${name}` }).href;
  };
  const drop = async () => {
    try {
      for (const name of made) await sql.unsafe(`drop database ${name} with (force)`);
    } finally {
      await sql.end({ timeout: 5 });
    }
  };
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= drop();
    return stopping;
  };
  return { createDatabase, stop, [Symbol.asyncDispose]: stop };
}

/** A server of its own, and the URL of a database that is there from the start. */
export interface OwnPostgres extends TestPostgres {
  readonly url: string;
}

/** Starts a server in a temporary folder (about a second), without fsync. It ends with this process in any case. */
export async function startTestPostgres(): Promise<OwnPostgres> {
  const folder = await temporaryFolder();
  const log = createLog('test', 'error');
  const server = await startPostgres(folder.path, log, { fsync: 'off', max_connections: '300' });
  const databases = databasesOn(server.databaseUrl);
  const end = async () => {
    try {
      await databases.stop();
    } finally {
      await server.stop();
      await folder[Symbol.asyncDispose]();
    }
  };
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= end();
    return stopping;
  };
  return { ...databases, url: server.databaseUrl, stop, [Symbol.asyncDispose]: stop };
}
