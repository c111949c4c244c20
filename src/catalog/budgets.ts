import { eq, sql } from 'drizzle-orm';
import type { Db } from './connect.ts';
import { budgets } from './schema.ts';

/** What is asked of an account. */
export interface Asked {
  /** Who asks: the client, or all of them together. */
  readonly account: string;
  /** CPU seconds. */
  readonly seconds: number;
  /** CPU seconds that the account may ask for in an hour. */
  readonly budget: number;
  /** Longest that may be waited for what exceeds it, in seconds. */
  readonly waitSeconds: number;
}

/** Whether it was granted, and how long to wait: before it is begun, or before it is asked again. Seconds. */
export interface Granted {
  readonly granted: boolean;
  readonly waitSeconds: number;
}

/** An hour pays back a whole budget, and nobody waits for longer than another one: an account left alone for so long owes nothing. */
const paidBack = '3 hours';
/** Accounts that owe nothing and are forgotten by each request, at most. */
const forgottenAtOnce = 50;

/**
 * Charges an account, like a bucket that leaks its budget in an hour: what exceeds it is granted, too, where it would be there within
 * the wait, so that whoever comes later waits behind. One statement, so that no two requests are granted the same.
 */
export async function charge(db: Db, { account, seconds, budget, waitSeconds }: Asked): Promise<Granted> {
  const rate = budget / 3600;
  const leaked = sql`greatest(0, extract(epoch FROM now() - b.at)) * ${rate}::float8`;
  const owed = sql`greatest(0, b.owed - ${leaked}) + ${seconds}::float8`;
  const rows = await db.execute<{ owed: number }>(sql`
    WITH forgotten AS (
      DELETE FROM budgets WHERE id IN (
        SELECT id FROM budgets WHERE at < now() - ${paidBack}::interval AND id <> ${account}
        LIMIT ${forgottenAtOnce} FOR UPDATE SKIP LOCKED))
    INSERT INTO budgets AS b (id, owed, at) VALUES (${account}, ${seconds}::float8, now())
    ON CONFLICT (id) DO UPDATE SET owed = ${owed}, at = greatest(b.at, now())
    WHERE ${owed} <= ${budget + rate * waitSeconds}::float8
    RETURNING owed`);
  const granted = rows[0]?.owed;
  if (granted !== undefined) return { granted: true, waitSeconds: Math.max(0, (granted - budget) / rate) };
  const found = await db.execute<{ owed: number }>(
    sql`SELECT ${owed} AS owed FROM budgets b WHERE id = ${account}`,
  );
  const over = (found[0]?.owed ?? seconds) - budget;
  return { granted: false, waitSeconds: Math.max(0, over / rate - waitSeconds) };
}

/** Gives back what was charged for something that is not made after all. */
export async function giveBack(db: Db, account: string, seconds: number): Promise<void> {
  await db
    .update(budgets)
    .set({ owed: sql`greatest(0, ${budgets.owed} - ${seconds}::float8)` })
    .where(eq(budgets.id, account));
}
