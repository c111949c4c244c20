import { type SQL, sql } from 'drizzle-orm';
import type { Catalog } from './connect.ts';

/** The one channel of LISTEN/NOTIFY. */
const channel = 'segue';

/** Something changed: a hint to look again, never the fact itself (a notification can be lost; a poll is the safety net). */
export type Change =
  /** A place got a copy; `n` is the first new segment. */
  | { type: 'copies'; renderId: string; place: string; n: number }
  /** The bucket was found to have lost its copy of a segment. */
  | { type: 'lost'; renderId: string; rendition: string; n: number }
  /** The bucket's copy of a segment is not right, and only who holds the segment can put it right. */
  | { type: 'suspect'; renderId: string; rendition: string; n: number }
  /** A render failed, was superseded or sealed. */
  | { type: 'render'; renderId: string; state: string }
  /** Operators have set a policy. */
  | { type: 'policy'; version: number };

/** SQL expression that notifies when the statement's transaction commits. */
export function announce(change: Change): SQL {
  return sql`pg_notify(${channel}, ${JSON.stringify(change)})`;
}

/** The same of a version that the statement itself numbers: `version` is an SQL expression. */
export const announcePolicy = (version: SQL): SQL =>
  sql`pg_notify(${channel}, json_build_object('type', 'policy', 'version', ${version})::text)`;

/** A running subscription. */
export interface Subscription {
  stop(): Promise<void>;
}

/**
 * Calls `onChange` for every change that anybody announces, and `onReconnect` after the connection was lost and made again:
 * whatever happened meanwhile was missed. Node only in effect (it keeps a connection open).
 */
export async function subscribe(
  catalog: Catalog,
  onChange: (change: Change) => void,
  onReconnect: () => void = () => undefined,
): Promise<Subscription> {
  let first = true;
  const listening = await catalog.sql.listen(
    channel,
    (payload) => {
      const change = parseChange(payload);
      if (change !== undefined) onChange(change);
    },
    () => {
      if (!first) onReconnect();
      first = false;
    },
  );
  return { stop: () => listening.unlisten() };
}

function parseChange(payload: string): Change | undefined {
  try {
    const value: unknown = JSON.parse(payload);
    return typeof value === 'object' && value !== null && 'type' in value ? (value as Change) : undefined;
  } catch {
    return undefined;
  }
}
