import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';

/** Any constant will do, as long as every process takes the same. */
const migrationLock = 7_338_471;

/**
 * Brings the database to this version's schema. Safe when several processes start at once: a session-level advisory lock
 * lets one migrate while the others wait, then find nothing to do. Node only (reads the SQL files beside it).
 */
export async function migrateCatalog(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: 10, onnotice: () => undefined });
  try {
    await sql`SELECT pg_advisory_lock(${migrationLock})`;
    await migrate(drizzle(sql), {
      migrationsFolder: fileURLToPath(new URL('migrations', import.meta.url)),
      migrationsSchema: 'public',
      migrationsTable: 'segue_migrations',
    });
  } finally {
    await sql.end({ timeout: 5 });
  }
}
