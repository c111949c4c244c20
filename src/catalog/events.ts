import { desc, gt, lt, sql } from 'drizzle-orm';
import type { Db } from './connect.ts';
import { events } from './schema.ts';

/** Something that happened, for operators. */
export interface EventRow {
  /** Grows; one that was written later may have a smaller one than one that was seen already, by a few. */
  readonly id: number;
  readonly at: Date;
  readonly level: 'info' | 'warning' | 'error';
  readonly kind: string;
  readonly nodeId: string | null;
  readonly videoId: string | null;
  /** One sentence. */
  readonly text: string;
}

/** As many events are kept. */
const keptEvents = 20_000;

/** Events, newest first, at most `limit`: those before the one with the id `before`, if one is given. */
export async function newestEvents(db: Db, limit: number, before?: number): Promise<EventRow[]> {
  const where = before === undefined ? undefined : lt(events.id, before);
  return db.select().from(events).where(where).orderBy(desc(events.id)).limit(limit);
}

/** Events after the one with the id `after`, newest first, at most `limit`. */
export async function eventsAfter(db: Db, after: number, limit: number): Promise<EventRow[]> {
  return db.select().from(events).where(gt(events.id, after)).orderBy(desc(events.id)).limit(limit);
}

/** Lets go of all but the newest ones. */
export async function trimEvents(db: Db): Promise<void> {
  await db.execute(sql`DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ${keptEvents}::int`);
}
