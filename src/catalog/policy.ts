import { sql } from 'drizzle-orm';
import { defaultPolicy, type Policy, policySchema } from '../policy/policy.ts';
import type { Db } from './connect.ts';
import { policies } from './schema.ts';

/** The one row. */
const current = 'current';

/** The policy that operators have set; the default where they have not, or where a newer version wrote what is not understood here. */
export async function policyOf(db: Db): Promise<Policy> {
  const rows = await db.select({ policy: policies.policy }).from(policies);
  return policySchema.safeParse(rows[0]?.policy ?? {}).data ?? defaultPolicy;
}

/** Sets it, for every node at its next look. */
export async function setPolicy(db: Db, policy: Policy): Promise<void> {
  await db
    .insert(policies)
    .values({ id: current, policy })
    .onConflictDoUpdate({ target: policies.id, set: { policy, updatedAt: sql`now()` } });
}
