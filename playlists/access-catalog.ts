import { type AuditEntry, type AuditRow, auditEntries, noteAudit } from '../src/catalog/audit.ts';
import type { Catalog } from '../src/catalog/connect.ts';
import { countHit, forgetHits, type Hits, uncountHit } from '../src/catalog/hits.ts';
import { type ApiKey, areKeysInUse, insertKey, listKeys, revokeKey, useKey } from '../src/catalog/keys.ts';

/** Keys, what was done with them, and how often they were used lately, as the service sees them. */
export interface AccessCatalog {
  insertKey(key: Parameters<typeof insertKey>[1]): Promise<ApiKey>;
  useKey(keyHash: string): Promise<ApiKey | undefined>;
  areKeysInUse(): Promise<boolean>;
  listKeys(): Promise<ApiKey[]>;
  revokeKey(id: string): Promise<ApiKey | undefined>;
  noteAudit(entry: AuditEntry): Promise<void>;
  auditEntries(page: Parameters<typeof auditEntries>[1]): Promise<AuditRow[]>;
  countHit(client: string, windowMs: number): Promise<Hits>;
  uncountHit(client: string): Promise<void>;
  forgetHits(client: string): Promise<void>;
}

/** Over the catalog; `within` bounds each query. */
export function accessCatalog(
  db: Catalog['db'],
  within: <T>(query: PromiseLike<T>) => Promise<T>,
): AccessCatalog {
  return {
    insertKey: (key) => within(insertKey(db, key)),
    useKey: (keyHash) => within(useKey(db, keyHash)),
    areKeysInUse: () => within(areKeysInUse(db)),
    listKeys: () => within(listKeys(db)),
    revokeKey: (id) => within(revokeKey(db, id)),
    noteAudit: (entry) => within(noteAudit(db, entry)),
    auditEntries: (page) => within(auditEntries(db, page)),
    countHit: (client, windowMs) => within(countHit(db, client, windowMs)),
    uncountHit: (client) => within(uncountHit(db, client)),
    forgetHits: (client) => within(forgetHits(db, client)),
  };
}
