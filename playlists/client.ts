import type { Ports } from './ports.ts';
import type { RequestContext } from './service.ts';

/** Longest address that is believed: IPv6 with a zone. */
const longest = 64;

/** The address in X-Forwarded-For that the outermost of our own proxies saw; what stands before it anybody can have written. */
function forwarded(header: string | undefined, proxies: number): string | undefined {
  const hops = (header ?? '').split(',').map((hop) => hop.trim());
  const hop = hops.at(-proxies);
  return hop === undefined || hop === '' || hop.length > longest ? undefined : hop;
}

/** First four groups of an IPv6 address: what one customer gets (RFC 6177), so that nobody counts as many by using them all. */
function network(address: string): string {
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const groups = (text: string | undefined): string[] =>
    (text ?? '').split(':').filter((group) => group !== '');
  const [first, last] = [groups(head), groups(tail)];
  const missing = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const all = [...first, ...Array.from({ length: missing }, () => '0'), ...last];
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}

/**
 * Where a request comes from, for accounts and limits: the address of an IPv4 client, the /64 network of an IPv6 one. `unknown` where
 * the runtime says nothing.
 */
export function clientAddress(c: RequestContext, ports: Ports): string {
  const proxies = ports.settings.admission.trustedProxies;
  const address =
    (proxies > 0 ? forwarded(c.req.header('x-forwarded-for'), proxies) : undefined) ??
    ports.addressOf?.(c.req.raw, c.env);
  if (address === undefined) return 'unknown';
  const mapped = /^(?:::ffff:)?(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address)?.[1];
  return mapped ?? network(address);
}
