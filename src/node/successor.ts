import type { NewRender, RenderRow } from '../catalog/videos.ts';
import { SegueError } from '../ops/errors.ts';
import { profileNamed, rendererVersion } from '../render/profile.ts';
import { renderIdOf } from '../render/render-id.ts';

/** The next generation of a render that this node's encoder cannot continue: same video and profile, this renderer. */
export async function successorOf(row: RenderRow): Promise<NewRender> {
  const profile = profileNamed(row.profile);
  if (profile === undefined) throw new SegueError('internal', `There is no profile "${row.profile}"`);
  const generation = row.generation + 1;
  const id = await renderIdOf(row.videoId, rendererVersion, profile, generation);
  return { id, generation, rendererVersion, profile: row.profile, renditions: row.renditions };
}
