import { fileURLToPath } from 'node:url';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import postgres from 'postgres';

/** Any constant will do, as long as every process takes the same. */
const migrationLock = 7_338_471;

/**
 * Brings the database to this version's schema. Safe when several processes start at once: a session-level advisory lock
 * lets one migrate while the others wait, then find nothing to do. Node only (reads the SQL files beside it).
 *
 * The table is drizzle's, the choice is not: drizzle applies what is newer than the newest that was applied, and so never applies a
 * migration that was merged after a newer one.
 */
export async function migrateCatalog(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: 10, onnotice: () => undefined });
  try {
    await sql`SELECT pg_advisory_lock(${migrationLock})`;
    await sql.begin(async (transaction) => {
      await transaction`
        CREATE TABLE IF NOT EXISTS public.segue_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)`;
      const rows = await transaction`SELECT created_at FROM public.segue_migrations`;
      const applied = new Set(rows.map((row) => Number(row['created_at'])));
      const migrationsFolder = fileURLToPath(new URL('migrations', import.meta.url));
      for (const { folderMillis, hash, sql: statements } of readMigrationFiles({ migrationsFolder })) {
        if (applied.has(folderMillis)) continue;
        for (const statement of statements) await transaction.unsafe(statement);
        await transaction`INSERT INTO public.segue_migrations (hash, created_at) VALUES (${hash}, ${folderMillis})`;
      }
    });
  } finally {
    await sql.end({ timeout: 5 });
  }
}
