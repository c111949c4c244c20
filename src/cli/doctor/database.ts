import postgres from 'postgres';
import { z } from 'zod';
import { check, type Finding, failure, ok, warning } from './check.ts';

const aboutSchema = z.object({
  version: z.coerce.number(),
  text: z.string(),
  create: z.boolean(),
  readonly: z.string(),
});

/** Whether a NOTIFY comes back to a LISTEN; poolers in transaction mode swallow it. */
async function wakes(sql: postgres.Sql, signal: AbortSignal): Promise<boolean> {
  const channel = 'segue_doctor';
  const word = String(Math.random());
  let heard: (() => void) | undefined;
  const arrived = new Promise<boolean>((resolve) => {
    heard = () => resolve(true);
  });
  const listening = await sql.listen(channel, (payload) => payload === word && heard?.());
  try {
    await sql.notify(channel, word);
    const late = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), 3000);
      signal.addEventListener('abort', () => resolve(false), { once: true });
      timer.unref();
    });
    return await Promise.race([arrived, late]);
  } finally {
    await listening.unlisten();
  }
}

/** The database: reachable, new enough, writable, and able to wake its clients. */
export function checkDatabase(url: string, where: string): Promise<Finding> {
  const hint = 'Check DATABASE_URL (host, port, user, password, database) and that this machine may connect.';
  return check('database', hint, async (signal) => {
    const sql = postgres(url, { max: 2, connect_timeout: 8, onnotice: () => undefined });
    try {
      const [row] = await sql`
        select current_setting('server_version_num') as version, current_setting('server_version') as text,
               has_database_privilege(current_database(), 'CREATE')
                 or has_schema_privilege(current_schema(), 'CREATE') as create,
               current_setting('transaction_read_only') as readonly`;
      const about = aboutSchema.parse(row);
      const text = `PostgreSQL ${about.text} (${where})`;
      // Multiranges, in which copies are kept, came with 14.
      if (about.version < 140_000)
        return failure('database', `${text} is too old`, 'Use PostgreSQL 14 or newer.');
      if (about.readonly === 'on')
        return failure('database', `${text} is read-only`, 'Point DATABASE_URL at the primary.');
      if (!about.create)
        return failure(
          'database',
          `${text}: no right to create tables`,
          'Grant CREATE on the schema to the user.',
        );
      if (await wakes(sql, signal)) return ok('database', text);
      const pooled =
        'Connect past the pooler, or in session mode: wake-ups (LISTEN) do not come through, so Segue is slower.';
      return warning('database', `${text}: NOTIFY does not arrive`, pooled);
    } finally {
      await sql.end({ timeout: 2 });
    }
  });
}
