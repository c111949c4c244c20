import type { AdmissionSettings } from '../src/ops/admission-settings.ts';
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

const ipv4 = /^(\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?$/;

/**
 * An address in one spelling, without port, brackets and zone; IPv4 that is mapped into IPv6 as IPv4. Undefined where it is none. Not by
 * `node:net`, which Workers need not have.
 */
function plain(text: string): string | undefined {
  const four = ipv4.exec(text)?.[1];
  if (four !== undefined)
    return four.split('.').every((part) => String(Math.min(255, Number(part))) === part) ? four : undefined;
  const six = (/^\[(.*)\](?::\d{1,5})?$/.exec(text)?.[1] ?? text).replace(/%.*$/, '');
  const url = `http://[${six}]`;
  if (!/^[\da-f:.]+$/i.test(six) || !URL.canParse(url)) return undefined;
  const address = new URL(url).hostname.slice(1, -1);
  const mapped = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(address);
  if (mapped === null) return address;
  return mapped
    .slice(1)
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 255])
    .join('.');
}

/** First four groups of an IPv6 address: what one customer gets (RFC 6177), so that nobody counts as many by using them all. */
function network(address: string): string {
  const [first = [], last = []] = address
    .split('::')
    .map((text) => text.split(':').filter((group) => group !== ''));
  const missing = Math.max(0, 8 - first.length - last.length);
  const all = [...first, ...Array.from({ length: missing }, () => '0'), ...last];
  return `${all.slice(0, 4).join(':')}::/64`;
}

/** What the address of a client is told from. */
type AddressPorts = Pick<Ports, 'addressOf'> & {
  readonly settings: { readonly admission: Pick<AdmissionSettings, 'trustedProxies'> };
};

/**
 * Where a request comes from, for accounts and limits: the address of an IPv4 client, the /64 network of an IPv6 one. `unknown` where
 * the runtime says nothing.
 */
export function clientAddress(c: RequestContext, ports: AddressPorts): string {
  const proxies = ports.settings.admission.trustedProxies;
  const told = proxies > 0 ? forwarded(c.req.header('x-forwarded-for'), proxies) : undefined;
  const address = plain(told ?? '') ?? plain(ports.addressOf?.(c.req.raw, c.env) ?? '');
  if (address === undefined) return 'unknown';
  return address.includes(':') ? network(address) : address;
}
