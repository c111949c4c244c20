import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Keeps texts for ffmpeg's `textfile` in a folder, named by content: what users write never stands in an argument. The number of
 * files is bounded by the number of different texts on the timelines that the node has rendered.
 */
export function textFilesIn(folder: string): (content: string) => string {
  mkdirSync(folder, { recursive: true });
  return (content) => {
    const path = join(folder, `${createHash('sha256').update(content).digest('hex')}.txt`);
    if (existsSync(path)) return path;
    // Renamed into place: another segment's ffmpeg may read it at this moment.
    const temporary = join(folder, `${randomUUID()}.tmp`);
    writeFileSync(temporary, content);
    renameSync(temporary, path);
    return path;
  };
}
