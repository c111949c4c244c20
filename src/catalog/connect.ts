import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import * as schema from './schema.ts';

/** Database handle that every query function takes: the pool, or a transaction of it. */
export type Db = Pick<
  PostgresJsDatabase<typeof schema>,
  'select' | 'insert' | 'update' | 'delete' | 'execute' | 'transaction'
>;

/** An open connection pool. */
export interface Catalog {
  readonly db: PostgresJsDatabase<typeof schema>;
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
}

/**
 * Opens a pool on a PostgreSQL URL. Connects lazily: the first query throws where the database is away.
 * Runs on Node and on Cloudflare Workers (there, do not call `close`: the runtime closes the sockets of a request).
 */
export function openCatalog(url: string, options: CatalogOptions = {}): Catalog {
  const sql = postgres(url, {
    max: options.max ?? 5,
    connect_timeout: options.connectTimeout ?? 5,
    idle_timeout: 60,
    // Array types are looked up at connect otherwise; ranges travel as text.
    fetch_types: false,
    onnotice: () => undefined,
    connection: { application_name: options.applicationName ?? 'segue' },
  });
  return { db: drizzle(sql, { schema }), sql, close: () => sql.end({ timeout: 5 }) };
}
