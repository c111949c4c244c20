import { desc, eq, lt, sql } from 'drizzle-orm';
import { defaultPolicy, type Policy, policySchema } from '../policy/policy.ts';
import type { Db } from './connect.ts';
import { policyVersions } from './schema.ts';
import { announcePolicy } from './wake.ts';

/** A policy as it was set. Version 0 is the default, which nobody has set. */
export interface PolicyVersion {
  readonly version: number;
  readonly policy: Policy;
  /** Whose word it was; null: nobody's. */
  readonly author: string | null;
  readonly note: string | null;
  readonly createdAt: Date | null;
  /** Written by a newer version of Segue, and not understood here: `policy` is the default. */
  readonly isForeign?: true;
}

/** What holds where nobody has set anything. */
const unset: PolicyVersion = {
  version: 0,
  policy: defaultPolicy,
  author: null,
  note: null,
  createdAt: null,
};

type Row = typeof policyVersions.$inferSelect;

function read(row: Row): PolicyVersion {
  const { data } = policySchema.safeParse(row.policy);
  return data === undefined ? { ...row, policy: defaultPolicy, isForeign: true } : { ...row, policy: data };
}

/** The policy in force. */
export async function currentPolicy(db: Db): Promise<PolicyVersion> {
  const rows = await db.select().from(policyVersions).orderBy(desc(policyVersions.version)).limit(1);
  return rows[0] === undefined ? unset : read(rows[0]);
}

/** The policy in force, without who set it. */
export const policyOf = async (db: Db): Promise<Policy> => (await currentPolicy(db)).policy;

/** Number of the policy in force: cheap enough to be asked each second. */
export async function policyNumber(db: Db): Promise<number> {
  const rows = await db.execute<{ version: number }>(
    sql`SELECT COALESCE(max(version), 0)::int AS version FROM ${policyVersions}`,
  );
  return rows[0]?.version ?? 0;
}

/** A policy that was set once; undefined where there is none of that number, or it is too old to be kept. */
export async function policyVersion(db: Db, version: number): Promise<PolicyVersion | undefined> {
  if (version === 0) return unset;
  const rows = await db.select().from(policyVersions).where(eq(policyVersions.version, version));
  return rows[0] === undefined ? undefined : read(rows[0]);
}

/** Policies that were set, newest first, at most `limit`. */
export async function policyHistory(db: Db, limit: number): Promise<PolicyVersion[]> {
  const rows = await db.select().from(policyVersions).orderBy(desc(policyVersions.version)).limit(limit);
  return rows.map(read);
}

/** Who sets a policy, and why. */
export interface PolicyChange {
  readonly author: string;
  readonly note?: string | undefined;
  /** Only where this version is in force: somebody else may have set another one meanwhile. */
  readonly ifVersion?: number | undefined;
}

/** Versions that are kept; older ones are removed. */
const keptVersions = 1000;
/** Two who set a policy at once come one after the other. */
const tries = 5;

/**
 * Sets the policy for every node, and keeps what was there. Returns its version; undefined where another one than `ifVersion` is
 * in force.
 */
export async function setPolicy(
  db: Db,
  policy: Policy,
  { author, note, ifVersion }: PolicyChange,
): Promise<number | undefined> {
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    const rows = await db.execute<{ version: number }>(sql`
      WITH set AS (
        INSERT INTO policy_versions (version, policy, author, note)
        SELECT COALESCE(max(version), 0) + 1, ${JSON.stringify(policy)}::jsonb, ${author}::text, ${note ?? null}::text
        FROM policy_versions
        HAVING ${ifVersion ?? null}::int IS NULL OR COALESCE(max(version), 0) = ${ifVersion ?? null}::int
        ON CONFLICT DO NOTHING
        RETURNING version)
      SELECT version, ${announcePolicy(sql`version`)} FROM set`);
    const version = rows[0]?.version;
    if (version !== undefined) {
      await db.delete(policyVersions).where(lt(policyVersions.version, version - keptVersions));
      return version;
    }
    if (ifVersion !== undefined) return undefined;
  }
  return undefined;
}
