import type { Ports } from './ports.ts';
import type { RequestContext } from './service.ts';

/** What the Node adapter hands over with a request. */
interface NodeBindings {
  readonly incoming?: { readonly url?: string; readonly socket?: { readonly remoteAddress?: string } };
}

/** The path of a request as it came, before dot segments are resolved; undefined where the runtime does not show it. */
export const rawTargetOf = (c: RequestContext): string | undefined =>
  (c.env as NodeBindings | undefined)?.incoming?.url?.split('?', 1)[0];

/**
 * Tells viewers apart as well as that can be done without a cookie: by address and program. A keyed hash, so that nobody who reads it
 * learns an address. Proxies in front have to say whom they speak for (X-Forwarded-For).
 */
export function viewerOf(c: RequestContext, { crc32, settings }: Pick<Ports, 'crc32' | 'settings'>): string {
  const address =
    c.req.header('cf-connecting-ip') ??
    c.req.header('x-forwarded-for')?.split(',')[0]?.trim() ??
    (c.env as NodeBindings | undefined)?.incoming?.socket?.remoteAddress ??
    '';
  const text = [settings.secret, address, c.req.header('user-agent') ?? ''].join('\n');
  return crc32(new TextEncoder().encode(text)).toString(16).padStart(8, '0');
}
