import { SegueError } from '../ops/errors.ts';
import { pathDepth, pathLength } from './limits.ts';

/**
 * Paths below the ingest URL of a stream. They are names in tables, never names on a disk; two that mean the same place are the
 * same text.
 */

/** Whether a URI names another place than its playlist's: it has a scheme or a host (RFC 3986, 4.2). */
export const isAbsolute = (uri: string): boolean => /^([a-z][a-z0-9+.-]*:|\/\/)/i.test(uri);

const refused = (message: string): SegueError =>
  new SegueError('invalid_request', message, {
    hint: 'Give files names relative to the playlist, below the ingest URL.',
  });

/** Resolves `.` and `..`, and decodes percent signs. @throws SegueError `invalid_request` where it leads out of the stream */
export function cleanPath(raw: string): string {
  if (raw.length > pathLength)
    throw refused(`A path has ${raw.length} characters, at most ${pathLength} may be`);
  let decoded: string;
  try {
    decoded = decodeURIComponent(raw);
  } catch {
    throw refused('A path has a percent sign without two hexadecimal digits');
  }
  // Nothing in a path is a control character, a backslash or half a character.
  if (!decoded.isWellFormed() || /[\p{Cc}\\]/u.test(decoded)) {
    throw refused('A path has a control character or a backslash');
  }
  const parts: string[] = [];
  for (const part of decoded.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) throw refused('A path leads out of the stream');
  }
  if (parts.length === 0) throw refused('A path names no file');
  if (parts.length > pathDepth)
    throw refused(`A path has ${parts.length} folders, at most ${pathDepth} may be`);
  return parts.join('/');
}

/** The path that a URI in a playlist means. Its query is no part of it. @throws SegueError `invalid_request` */
export function resolvePath(playlist: string, uri: string): string {
  if (isAbsolute(uri)) throw refused('A URI names another host, and Segue fetches nothing');
  const path = /^[^?#]*/.exec(uri)?.[0] ?? '';
  if (path.startsWith('/')) throw refused('A URI begins at the root of a host');
  const folder = playlist.includes('/') ? playlist.slice(0, playlist.lastIndexOf('/') + 1) : '';
  return cleanPath(`${folder.split('/').map(encodeURIComponent).join('/')}${path}`);
}
