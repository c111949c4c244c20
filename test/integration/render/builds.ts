import { createRequire } from 'node:module';
import { z } from 'zod';
import { type Ffmpeg, findFfmpeg, inspectFfmpeg } from '../../../src/render/ffmpeg/find.ts';

/** The ffmpeg builds that are tried: what the machine has, and the old one from npm. The same one only once. */
export async function builds(): Promise<Ffmpeg[]> {
  const found = await findFfmpeg();
  const installer = z
    .object({ path: z.string() })
    .parse(createRequire(import.meta.url)('@ffmpeg-installer/ffmpeg'));
  if (found.path === installer.path) return [found];
  return [found, await inspectFfmpeg(installer.path, '@ffmpeg-installer/ffmpeg')];
}
