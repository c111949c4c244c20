import postgres from 'postgres';
import { z } from 'zod';
import type { StackConfig } from '../../ops/config.ts';
import { isLoopback } from '../../ops/settings.ts';
import { check, type Finding, ok, warning } from './check.ts';

const countSchema = z.object({ made: z.number(), valid: z.number() });

/** Keys of clients: ever made, and valid now. None where the database has no schema yet. */
async function clientKeys(databaseUrl: string): Promise<z.output<typeof countSchema>> {
  const sql = postgres(databaseUrl, { max: 1, connect_timeout: 8, onnotice: () => undefined });
  try {
    const [table] = await sql`SELECT to_regclass('api_keys') IS NOT NULL AS there`;
    if (table?.['there'] !== true) return { made: 0, valid: 0 };
    const [row] = await sql`
      SELECT count(*)::int AS made, (count(*) FILTER (WHERE revoked_at IS NULL))::int AS valid
      FROM api_keys WHERE role = 'client'`;
    return countSchema.parse(row);
  } finally {
    await sql.end({ timeout: 2 });
  }
}

/** Who may post videos. */
export function checkAccess(
  { host, port, keysRequired }: StackConfig,
  databaseUrl: string,
): Promise<Finding> {
  return check('access', 'Check the database first.', async () => {
    const { made, valid } = await clientKeys(databaseUrl);
    if (made > 0 || keysRequired) return ok('access', `posting videos needs a key; ${valid} are valid`);
    if (isLoopback(host))
      return ok('access', `everybody on this machine may post videos: no keys, and only ${host} listens`);
    return warning(
      'access',
      `everybody who reaches ${host}:${port} may post videos`,
      'Make a key: `segue keys create NAME`. From then on only those who have one may post. Or set SEGUE_KEYS_REQUIRED=on.',
    );
  });
}
