import { eq } from 'drizzle-orm';
import type { Db } from './connect.ts';
import { assets } from './schema.ts';

/** What a probe found in an asset, as stored; the asset folder parses it. Undefined where the asset is not known. */
export async function assetFacts(db: Db, sha256: string): Promise<unknown> {
  const rows = await db.select({ facts: assets.facts }).from(assets).where(eq(assets.sha256, sha256));
  return rows[0]?.facts;
}

/** Records an asset after its bytes are in the bucket. */
export async function recordAsset(db: Db, sha256: string, facts: unknown): Promise<void> {
  await db.insert(assets).values({ sha256, facts }).onConflictDoNothing();
}
