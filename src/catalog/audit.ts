import { and, desc, eq, lt, type SQL, sql } from 'drizzle-orm';
import type { auditKinds } from './audit-kinds.ts';
import type { Db } from './connect.ts';
import { audit } from './schema.ts';

/** Something that somebody did. */
export interface AuditEntry {
  readonly kind: (typeof auditKinds)[number];
  /** `admin-token`, the id of a key, or `anybody`. */
  readonly actor: string;
  /** Where it came from. */
  readonly address: string;
  /** Method and route, as `PUT /v1/policy`. */
  readonly action: string;
  /** What it was done to: the id of a video, a stream, a node, a key; null where the action says all. */
  readonly subject: string | null;
  /** Status of the answer. */
  readonly status: number;
  readonly requestId: string;
}

/** An entry as it was kept. */
export interface AuditRow extends AuditEntry {
  /** Grows. */
  readonly id: number;
  readonly at: Date;
}

/** Entries that are kept of each kind. */
const kept = 10_000;

/** Keeps an entry, and forgets the oldest of its kind. */
export async function noteAudit(db: Db, entry: AuditEntry): Promise<void> {
  await db.execute(sql`
    WITH forgotten AS (
      DELETE FROM audit WHERE kind = ${entry.kind} AND id <= (
        SELECT id FROM audit WHERE kind = ${entry.kind} ORDER BY id DESC OFFSET ${kept - 1} LIMIT 1))
    INSERT INTO audit (kind, actor, address, action, subject, status, request_id)
    VALUES (${entry.kind}, ${entry.actor}, ${entry.address}, ${entry.action}, ${entry.subject}, ${entry.status}::int,
      ${entry.requestId})`);
}

/** Entries, the newest first: at most `limit` that are older than the entry `before`. */
export async function auditEntries(
  db: Db,
  {
    limit,
    before,
    kind,
  }: { limit: number; before?: number | undefined; kind?: AuditEntry['kind'] | undefined },
): Promise<AuditRow[]> {
  const conditions: SQL[] = [];
  if (before !== undefined) conditions.push(lt(audit.id, before));
  if (kind !== undefined) conditions.push(eq(audit.kind, kind));
  return db
    .select()
    .from(audit)
    .where(and(...conditions))
    .orderBy(desc(audit.id))
    .limit(limit);
}
