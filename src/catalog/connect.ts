import type { PreparedQueryConfig } from 'drizzle-orm/pg-core';
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { SegueError } from '../ops/errors.ts';
import { databaseError } from './database-error.ts';
import * as schema from './schema.ts';

/**
 * Database handle that every query function takes. What belongs together is one statement: the driver (3.4.9) ends the process
 * when a connection goes in the middle of a transaction of several.
 */
export type Db = Pick<
  PostgresJsDatabase<typeof schema>,
  'select' | 'insert' | 'update' | 'delete' | 'execute'
>;

/** An open connection pool. */
export interface Catalog {
  readonly db: Db;
  /** The driver itself, for LISTEN. */
  readonly sql: postgres.Sql;
  close(): Promise<void>;
}

/** How to connect. */
export interface CatalogOptions {
  /** Most connections at once. Default 5. */
  max?: number;
  /** Seconds until a connection attempt is given up. Default 5. */
  connectTimeout?: number;
  applicationName?: string;
  /** Milliseconds until a query is given up. Default 10 s: every query here takes milliseconds. */
  queryTimeoutMs?: number;
}

/**
 * Opens a pool on a PostgreSQL URL. Connects lazily: the first query throws `catalog_unavailable` where the database is away.
 * No error has the values of its query in it.
 * Runs on Node and on Cloudflare Workers (there, do not call `close`: the runtime closes the sockets of a request).
 */
export function openCatalog(url: string, options: CatalogOptions = {}): Catalog {
  const connect = (max: number) =>
    postgres(url, {
      max,
      connect_timeout: options.connectTimeout ?? 5,
      idle_timeout: 60,
      backoff: (refused: number) => Math.random() * Math.min(longestPause, 2 ** refused / 100),
      // Array types are looked up at connect otherwise; ranges travel as text.
      fetch_types: false,
      onnotice: () => undefined,
      connection: { application_name: options.applicationName ?? 'segue' },
    });
  // Connects when somebody listens, not before.
  const sql = connect(1);
  const pool = replaceable(() => connect(options.max ?? 5));
  const bounded = withDeadline(pool, options.queryTimeoutMs ?? 10_000);
  const close = async (): Promise<void> => {
    await Promise.all([sql.end({ timeout: 1 }), pool.current().end({ timeout: 1 })]);
  };
  return { db: withSafeErrors(drizzle(bounded, { schema })), sql, close };
}

/**
 * Longest wait before a connection that was refused is tried again, in seconds. The driver counts the refusals of all connections of a
 * pool together and waits up to 20 s: after a short outage nobody would have an answer for as long again.
 */
const longestPause = 1;

/** A pool whose connections can all be given up. */
interface ReplaceablePool {
  current(): postgres.Sql;
  /** Cuts the connections of this pool and goes on with new ones, unless that has been done already. */
  replace(silent: postgres.Sql): void;
}

function replaceable(connect: () => postgres.Sql): ReplaceablePool {
  const first = connect();
  let pool = first;
  return {
    current: () => pool,
    replace(silent) {
      if (silent !== pool) return;
      pool = connect();
      // drizzle has told the first one how values are read and written.
      Object.assign(pool.options.parsers, first.options.parsers);
      Object.assign(pool.options.serializers, first.options.serializers);
      silent.end({ timeout: 0 }).catch(() => undefined);
    },
  };
}

/** The database with errors as {@link databaseError} makes them, of every query: each is prepared by the session. */
function withSafeErrors(db: PostgresJsDatabase<typeof schema>): Db {
  const { session } = db._;
  const prepare = session.prepareQuery.bind(session);
  session.prepareQuery = <T extends PreparedQueryConfig>(...query: Parameters<typeof prepare<T>>) => {
    const prepared = prepare<T>(...query);
    const execute = prepared.execute.bind(prepared);
    prepared.execute = (...values) => execute(...values).catch(rethrow);
    return prepared;
  };
  return db;
}

const rethrow = (error: unknown): never => {
  throw databaseError(error);
};

/**
 * The driver with a bound on every query: a query that is sent in the moment in which its connection is reset
 * is never settled by the driver (3.4.9), and a server that hangs answers nobody. A connection that a firewall has forgotten looks the
 * same, and stays silent for ever: after a late answer all are made anew.
 */
function withDeadline(pool: ReplaceablePool, ms: number): postgres.Sql {
  const limit = async <T>(sql: postgres.Sql, work: PromiseLike<T>): Promise<T> => {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      pool.replace(sql);
      late.reject(
        new SegueError('catalog_unavailable', `The database did not answer within ${ms / 1000} s`, {
          hint: 'Check that PostgreSQL is reachable and not overloaded.',
        }),
      );
    }, ms);
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
  const unsafe = (...args: Parameters<postgres.Sql['unsafe']>): object => {
    const sql = pool.current();
    const query = sql.unsafe(...args);
    // drizzle awaits a pending query, or its `values()`, which it asks for at once.
    let asValues = false;
    const pending = Promise.resolve().then(() => limit(sql, asValues ? query.values() : query));
    const values = () => {
      asValues = true;
      return pending;
    };
    return Object.assign(pending, { values });
  };
  return new Proxy(pool.current(), {
    get: (target, name, receiver) =>
      name === 'unsafe' ? unsafe : (Reflect.get(target, name, receiver) as unknown),
  });
}
