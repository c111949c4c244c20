import type { MiddlewareHandler } from 'hono';
import { getPath } from 'hono/utils/url';
import { SegueError } from '../src/ops/errors.ts';
import { absoluteUrl } from './absolute-url.ts';
import { isSame } from './identity.ts';
import type { RequestContext, RequestVariables, Service } from './service.ts';
import { rawTargetOf } from './viewer.ts';

/**
 * Signed playback URLs: `/v/{id}~{expiry}~{signature}/index.m3u8`. The signature is part of the path, before everything that
 * playlists list with relative URLs: so each media playlist, segment and picture has it, and no playlist has to be rewritten. It is
 * that of nodes' URLs (HMAC-SHA-256 over path and expiry), over `/v/{id}/`.
 */
const signedPath = /^\/v\/([^/~]+)~(\d{1,12})~([\w-]{43})\//;

/** The path that a request is routed by: without a signature. */
export const routedPath = (request: Request): string => getPath(request).replace(signedPath, '/v/$1/');

const signedFor = (id: string): string => `/v/${id}/`;

/** When what is signed now ends, in milliseconds since 1970: rounded up, so that many viewers share one URL, and a CDN one copy. */
export function expiryOf(now: number, lifeMs: number): number {
  const step = Math.max(60_000, lifeMs / 4);
  return Math.ceil((now + lifeMs) / step) * step;
}

/** A playback URL, and when it ends. */
interface PlaybackUrl {
  readonly url: string;
  /** Present where it is signed. */
  readonly urlExpiresAt?: string;
}

/** The URL of a multivariant playlist; signed where the deployment signs. */
export async function playbackUrl(
  c: RequestContext,
  { ports, signer }: Pick<Service, 'ports' | 'signer'>,
  id: string,
): Promise<PlaybackUrl> {
  const { signedSeconds } = ports.settings.admission;
  if (signedSeconds === undefined) return { url: absoluteUrl(c, `/v/${id}/index.m3u8`) };
  const expiresAt = expiryOf(ports.now(), signedSeconds * 1000);
  const query = new URLSearchParams(await signer.sign(signedFor(id), expiresAt));
  const path = `/v/${id}~${query.get('e')}~${query.get('s')}/index.m3u8`;
  return { url: absoluteUrl(c, path), urlExpiresAt: new Date(expiresAt).toISOString() };
}

/**
 * Whether the caller is nobody known, where playback URLs are signed: of a video that they have the id of they are not told what plays
 * it, nor which objects and nodes have it.
 */
export const isOutsider = (c: RequestContext, { ports }: Pick<Service, 'ports'>): boolean =>
  ports.settings.admission.signedSeconds !== undefined && c.get('actor') === undefined;

/** Who is told a field that {@link isOutsider | outsiders} are not. */
export const forKnown = 'Where playback URLs are signed: only for those who show a key';

/** Where the playlists of a request lie, as it was asked: with its signature, if it has one. */
export function playbackBase(c: RequestContext): string {
  const path = new URL(c.req.url).pathname;
  return /^\/v\/[^/]+\//.exec(path)?.[0] ?? path;
}

/**
 * Lets those through whose URL is signed and has not expired, where the deployment signs; what they get may be cached until then.
 * Preflight requests pass: they give nothing.
 */
export function signedOnly({
  ports,
  signer,
  cdn,
}: Pick<Service, 'ports' | 'signer' | 'cdn'>): MiddlewareHandler<{
  Variables: RequestVariables;
}> {
  return async function signedOnly(c, next) {
    if (ports.settings.admission.signedSeconds === undefined || c.req.method === 'OPTIONS') return next();
    const [, id = '', expiry = '', signature = ''] = signedPath.exec(new URL(c.req.url).pathname) ?? [];
    const query = new URLSearchParams({ e: expiry, s: signature });
    if (!(await signer.verify(signedFor(id), query, ports.now()))) {
      throw new SegueError('forbidden', 'This URL is not signed, or its signature has expired', {
        hint: 'Ask for the URL again: POST the description, or GET /v1/videos/{id} with a key.',
      });
    }
    const until = Number(expiry) * 1000;
    if (cdn !== undefined) c.set('signLines', (playlist) => cdn.signedLines(playlist, until));
    await next();
    const location = c.res.headers.get('location');
    if (cdn !== undefined && location !== null) c.header('location', await cdn.signed(location, until));
    const caching = c.res.headers.get('cache-control') ?? '';
    const [, age] = /max-age=(\d+)/.exec(caching) ?? [];
    if (age === undefined) return;
    const left = Math.max(0, Math.floor((until - ports.now()) / 1000));
    c.header('cache-control', `public, max-age=${Math.min(Number(age), left)}`);
  };
}

/** What no name of an object has: dot segments, and characters that are escaped or that URLs take for a slash. */
const disguise = /[%\\]|\/\.{1,2}(?:\/|$)/;

/**
 * Objects by their name in the bucket, for origin failover. Where playback URLs are signed they are given to the CDN alone, which checks
 * signatures itself and shows the secret that it shares with the service (`x-segue-cdn`): with a render's id, which follows from
 * the video's, others would have everything past the signatures. Without such a secret nobody has them.
 */
export function cdnOnly({ ports }: Pick<Service, 'ports'>): MiddlewareHandler<{
  Variables: RequestVariables;
}> {
  return async function cdnOnly(c, next) {
    const { signedSeconds, cdnSecret } = ports.settings.admission;
    if (signedSeconds === undefined || c.req.method === 'OPTIONS') return next();
    if (cdnSecret === undefined) {
      throw new SegueError(
        'forbidden',
        'Playback URLs are signed, and objects of the bucket have no signature',
        {
          hint: 'Origin failover with signed playback needs SEGUE_CDN_SECRET, and a CDN that checks signatures: docs/SECURITY.md.',
        },
      );
    }
    if (!(await isSame(c.req.header('x-segue-cdn') ?? '', cdnSecret)))
      throw new SegueError('forbidden', 'Objects of the bucket are given to its CDN only');
    // A CDN that does not resolve them has checked the signature of another render.
    if (disguise.test(rawTargetOf(c) ?? ''))
      throw new SegueError('invalid_request', 'No object has dot segments or escaped characters in its name');
    return next();
  };
}
