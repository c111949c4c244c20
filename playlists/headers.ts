import type { Context, Next } from 'hono';
import { immutable } from '../src/store/names.ts';

/** `Cache-Control` of each kind of answer. */
export const caching = {
  /** Init segments, segments passed through, `vod` media playlists with a sealed prefix: their URL never gives anything else. */
  immutable,
  /** Multivariant playlists and growing ones: of this moment. */
  moment: 'public, max-age=1',
  /** Redirects, held answers, errors, operators' data. */
  never: 'no-store',
} as const;

/** Headers that scripts on other origins may read. */
const exposed = [
  'content-length',
  'content-range',
  'accept-ranges',
  'etag',
  'retry-after',
  'location',
  'x-segue-source',
  'x-request-id',
];

/**
 * CORS for everything playable: any origin, because a player that was redirected sends `Origin: null`, which no list of
 * origins admits.
 */
export const openToAll: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': exposed.join(', '),
  'timing-allow-origin': '*',
};

/** Answer to a preflight request of a playable path. */
export const preflight: Readonly<Record<string, string>> = {
  ...openToAll,
  'access-control-allow-methods': 'GET, HEAD, OPTIONS',
  'access-control-allow-headers': 'range, if-range, if-none-match, content-type, x-request-id',
  'access-control-max-age': '86400',
};

/**
 * What every answer says to browsers, where it does not say more itself (pages do): it is what its type says, loads nothing, is shown in
 * no frame, and tells no other site where it came from, because URLs of videos are secrets.
 */
export const guards: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
};

/** Adds {@link guards} to an answer. */
export async function guarded(c: Context, next: Next): Promise<void> {
  await next();
  for (const [name, value] of Object.entries(guards)) if (!c.res.headers.has(name)) c.header(name, value);
}
