import { desc, eq, isNotNull, sql } from 'drizzle-orm';
import { type Calibration, calibrationSchema } from '../cost/calibration.ts';
import type { Db } from './connect.ts';
import { nodes } from './schema.ts';

/** Most nodes that are asked: more say nothing new. */
const mostNodes = 100;

const read = (value: unknown): Calibration | undefined => calibrationSchema.safeParse(value).data;

/** What a node has learnt of its speed; undefined where that is nothing, or nothing that this version understands. */
export async function calibrationOf(db: Db, nodeId: string): Promise<Calibration | undefined> {
  const rows = await db.select({ calibration: nodes.calibration }).from(nodes).where(eq(nodes.id, nodeId));
  return read(rows[0]?.calibration);
}

/** What the live nodes have learnt, or, where there are none, those that were live last. `liveSeconds`: as for `allNodes`. */
export async function liveCalibrations(db: Db, liveSeconds: number): Promise<Calibration[]> {
  const isLive = sql<boolean>`(${nodes.state} <> 'dead' AND ${nodes.heartbeatAt} >= now() - make_interval(secs => ${liveSeconds}))`;
  const rows = await db
    .select({ calibration: nodes.calibration, isLive })
    .from(nodes)
    .where(isNotNull(nodes.calibration))
    .orderBy(desc(isLive), desc(nodes.heartbeatAt))
    .limit(mostNodes);
  const live = rows.filter((row) => row.isLive);
  return (live.length > 0 ? live : rows).flatMap(({ calibration }) => read(calibration) ?? []);
}

/** Keeps what a node has learnt with its row. Does nothing where the node has none yet. */
export async function noteCalibration(db: Db, nodeId: string, calibration: Calibration): Promise<void> {
  await db.update(nodes).set({ calibration }).where(eq(nodes.id, nodeId));
}
