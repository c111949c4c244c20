import { and, asc, eq, ne, sql } from 'drizzle-orm';
import type { Db } from './connect.ts';
import { endLeasesOf } from './leases.ts';
import { type NodeLoad, nodes } from './schema.ts';

/** A node as it announces itself. */
export interface NodeAnnouncement {
  id: string;
  /** How the playlist service reaches it, without a trailing slash. */
  url: string;
  host: string;
  pid: number;
  state: 'ready' | 'draining';
  load: NodeLoad;
}

/** A node as others see it. `dead`: its heartbeat is older than the lease time, or the operating system said so. */
export interface NodeRow extends Omit<NodeAnnouncement, 'state'> {
  state: 'ready' | 'draining' | 'dead';
  heartbeatAt: Date;
}

/** Writes the node's row, with a fresh heartbeat. */
export async function heartbeat(db: Db, node: NodeAnnouncement): Promise<void> {
  await db
    .insert(nodes)
    .values(node)
    .onConflictDoUpdate({
      target: nodes.id,
      set: {
        url: node.url,
        host: node.host,
        pid: node.pid,
        state: node.state,
        load: node.load,
        heartbeatAt: sql`now()`,
        startedAt: sql`CASE WHEN ${nodes.pid} = excluded.pid THEN ${nodes.startedAt} ELSE now() END`,
      },
    });
}

const row = (liveSeconds: number) => ({
  id: nodes.id,
  url: nodes.url,
  host: nodes.host,
  pid: nodes.pid,
  load: nodes.load,
  heartbeatAt: nodes.heartbeatAt,
  state: sql<NodeRow['state']>`CASE WHEN ${nodes.heartbeatAt} < now() - make_interval(secs => ${liveSeconds})
    THEN 'dead' ELSE ${nodes.state} END`,
});

/** All nodes ever seen, by id. `liveSeconds` is the age of a heartbeat after which a node counts as dead. */
export async function allNodes(db: Db, liveSeconds: number): Promise<NodeRow[]> {
  return db.select(row(liveSeconds)).from(nodes).orderBy(asc(nodes.id));
}

/** Nodes that answer: a fresh heartbeat and not said to be dead. Draining ones still serve what they hold. */
export async function liveNodes(db: Db, liveSeconds: number): Promise<NodeRow[]> {
  const rows = await allNodes(db, liveSeconds);
  return rows.filter((node) => node.state !== 'dead');
}

/**
 * Says that a node is dead because the operating system refused or reset a connection to it, and ends its leases at once.
 * `url` guards against a node that came back elsewhere. A node that lives after all says so with its next heartbeat.
 */
export async function suspectNode(db: Db, nodeId: string, url: string): Promise<void> {
  const marked = await db
    .update(nodes)
    .set({ state: 'dead' })
    .where(and(eq(nodes.id, nodeId), eq(nodes.url, url)))
    .returning({ id: nodes.id });
  if (marked.length > 0) await endLeasesOf(db, nodeId);
}

/** Takes a node that stops in good order out of the live ones. */
export async function retireNode(db: Db, nodeId: string): Promise<void> {
  await db.update(nodes).set({ state: 'dead' }).where(eq(nodes.id, nodeId));
}

/** Writes of nodes that have fallen silent that they are dead, as everybody sees by their heartbeats anyway: so that it is noted. */
export async function markSilentNodes(db: Db, liveSeconds: number): Promise<void> {
  await db
    .update(nodes)
    .set({ state: 'dead' })
    .where(
      and(ne(nodes.state, 'dead'), sql`${nodes.heartbeatAt} < now() - make_interval(secs => ${liveSeconds})`),
    );
}
