import { desc, eq } from 'drizzle-orm';
import type { Db } from './connect.ts';
import { renders } from './schema.ts';

/** The part of a render's row that changes, without the description's text. */
export interface RenderHead {
  renderId: string;
  generation: number;
  state: 'active' | 'superseded' | 'failed';
  failure: string | null;
  sealedAt: Date | null;
}

/** The head of the render that new sessions of a video get: its newest. Undefined where the video is not known. */
export async function currentHead(db: Db, videoId: string): Promise<RenderHead | undefined> {
  const rows = await db
    .select({
      renderId: renders.id,
      generation: renders.generation,
      state: renders.state,
      failure: renders.failure,
      sealedAt: renders.sealedAt,
    })
    .from(renders)
    .where(eq(renders.videoId, videoId))
    .orderBy(desc(renders.generation))
    .limit(1);
  return rows[0];
}
