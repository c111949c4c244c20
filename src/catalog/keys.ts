import { and, asc, desc, eq, isNull, lt, or, sql } from 'drizzle-orm';
import { SegueError } from '../ops/errors.ts';
import type { Role } from './api-key.ts';
import type { Db } from './connect.ts';
import { apiKeys } from './schema.ts';

/** A key, without itself. */
export interface ApiKey {
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly role: Role;
  readonly createdAt: Date;
  /** Who made it. */
  readonly createdBy: string;
  /** About; null: never. */
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

/** Keys that may be valid at once, and that are listed. */
const mostKeys = 1000;
/** `lastUsedAt` is no more exact than this: it costs a write. */
const usedEvery = '1 minute';

const columns = {
  id: apiKeys.id,
  name: apiKeys.name,
  role: apiKeys.role,
  createdAt: apiKeys.createdAt,
  createdBy: apiKeys.createdBy,
  lastUsedAt: apiKeys.lastUsedAt,
  revokedAt: apiKeys.revokedAt,
};

/** Keeps a new key. @throws SegueError `too_many_requests` where too many are valid */
export async function insertKey(
  db: Db,
  key: Pick<ApiKey, 'id' | 'name' | 'role' | 'createdBy'> & { readonly keyHash: string },
): Promise<ApiKey> {
  const [valid] = await db
    .select({ count: sql<number>`count(*)::int` })
    .from(apiKeys)
    .where(isNull(apiKeys.revokedAt));
  if ((valid?.count ?? 0) >= mostKeys) {
    throw new SegueError('too_many_requests', `There are ${mostKeys} keys already`, {
      hint: 'Revoke those that nobody uses: GET /v1/keys says when each was used last.',
      retryable: false,
    });
  }
  const [made] = await db.insert(apiKeys).values(key).returning(columns);
  if (made === undefined) throw new SegueError('internal', 'The key was not kept');
  return made;
}

/** The valid key with this hash, and notes that it was used. */
export async function useKey(db: Db, keyHash: string): Promise<ApiKey | undefined> {
  const isValid = and(eq(apiKeys.keyHash, keyHash), isNull(apiKeys.revokedAt));
  const [key] = await db.select(columns).from(apiKeys).where(isValid);
  if (key === undefined) return undefined;
  const isNews = or(isNull(apiKeys.lastUsedAt), lt(apiKeys.lastUsedAt, sql`now() - ${usedEvery}::interval`));
  await db.update(apiKeys).set({ lastUsedAt: sql`now()` }).where(and(isValid, isNews));
  return key;
}

/**
 * Whether a client needs a key: as soon as one was made for clients, whether it is valid or not, so that revoking the last one closes
 * and does not open.
 */
export async function areKeysInUse(db: Db): Promise<boolean> {
  const rows = await db.select({ id: apiKeys.id }).from(apiKeys).where(eq(apiKeys.role, 'client')).limit(1);
  return rows.length > 0;
}

/** The keys, valid ones first, the newest first. */
export async function listKeys(db: Db): Promise<ApiKey[]> {
  return db
    .select(columns)
    .from(apiKeys)
    .orderBy(asc(sql`${apiKeys.revokedAt} IS NOT NULL`), desc(apiKeys.createdAt))
    .limit(mostKeys);
}

/** Ends a key; undefined where there is none. One that was revoked already stays as it is. */
export async function revokeKey(db: Db, id: string): Promise<ApiKey | undefined> {
  await db
    .update(apiKeys)
    .set({ revokedAt: sql`now()` })
    .where(and(eq(apiKeys.id, id), isNull(apiKeys.revokedAt)));
  const rows = await db.select(columns).from(apiKeys).where(eq(apiKeys.id, id));
  return rows[0];
}
