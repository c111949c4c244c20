import type { RequestContext } from './service.ts';

/** Absolute URL of a path of this service, as the client reached it. */
export function absoluteUrl(c: RequestContext, path: string): string {
  const url = new URL(path, c.req.url);
  if (c.req.header('x-forwarded-proto') === 'https') url.protocol = 'https:';
  return url.href;
}
