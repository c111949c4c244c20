import { z } from 'zod';
import { broken, type Line } from './lines.ts';
import { resolvePath } from './paths.ts';

/** An attribute that is a name. */
export const short = z.string().min(1).max(256);

/** The attributes of a tag. @throws SegueError `invalid_playlist` with the line */
export function checked<T>(schema: z.ZodType<T>, line: Line & { type: 'tag' }): T {
  const result = schema.safeParse(line.fields['attributes'] ?? {});
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw broken(line.number, `${line.tag}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is wrong'}`);
}

/** Where a file is that a playlist names. @throws SegueError `invalid_playlist` with the line */
export function pathIn(line: Line, playlist: string, uri: string): string {
  try {
    return resolvePath(playlist, uri);
  } catch (error) {
    throw broken(line.number, error instanceof Error ? error.message : 'its URI is wrong');
  }
}
