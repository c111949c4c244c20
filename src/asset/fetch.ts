import { lookup as dnsLookup } from 'node:dns/promises';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { SegueError } from '../ops/errors.ts';
import { publicAddressCheck } from './addresses.ts';
import { tooLarge } from './receive.ts';

/** What may be fetched from where. */
export interface FetchRules {
  /**
   * Hosts that the operator allows: `media.example.org` and `*.example.net` at the usual ports and at public addresses
   * only; `host:port` at that port, and also where it resolves to a private address, because somebody named it on purpose.
   */
  readonly hosts: readonly string[];
  readonly maxBytes: number;
  /** Most milliseconds for the whole file. */
  readonly maxMs: number;
  /** Resolves a name to all its addresses. Default: the system's resolver. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
}

const maxRedirects = 5;
/** Longest silence of a server, milliseconds. */
const idleMs = 20_000;

const systemResolve = async (hostname: string): Promise<string[]> =>
  (await dnsLookup(hostname, { all: true, verbatim: true })).map(({ address }) => address);

const refused = (message: string, hint?: string): SegueError =>
  new SegueError('asset_refused', message, hint === undefined ? {} : { hint });

const bare = (hostname: string): string =>
  hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();

/** How the rules allow a URL: at a public address, at any address, or not at all. */
export function allowanceOf(url: URL, hosts: readonly string[]): 'public' | 'any' | 'none' {
  const host = bare(url.hostname);
  const usual = url.protocol === 'https:' ? '443' : '80';
  const port = url.port === '' ? usual : url.port;
  let allowance: 'public' | 'none' = 'none';
  for (const rule of hosts.map((entry) => entry.toLowerCase())) {
    if (!rule.startsWith('*.') && rule === `${host}:${port}`) return 'any';
    const named = rule.startsWith('*.') ? host.endsWith(rule.slice(1)) : host === rule;
    if (named && port === usual) allowance = 'public';
  }
  return allowance;
}

/** The address to connect to: every address of the name must be allowed, and the one that was checked is the one used, so that a second answer of the DNS changes nothing. */
async function checkedAddress(url: URL, rules: FetchRules): Promise<string> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refused(`${url.protocol} is not fetched; use https:`);
  if (url.username !== '' || url.password !== '')
    throw refused('a URL with a user or password is not fetched');
  const allowance = allowanceOf(url, rules.hosts);
  if (allowance === 'none') {
    throw refused(
      `the operator does not allow ${url.host}`,
      'SEGUE_ASSET_HOSTS names the hosts to fetch from',
    );
  }
  const host = bare(url.hostname);
  const addresses = isIP(host) === 0 ? await (rules.resolve ?? systemResolve)(host).catch(() => []) : [host];
  const [first] = addresses;
  if (first === undefined)
    throw new SegueError('unknown_asset', `${host} has no address`, { hint: 'check the name' });
  const isPublic = publicAddressCheck();
  if (allowance === 'public' && !addresses.every((address) => isPublic(address))) {
    throw refused(`${host} is at a private address`, 'the operator may allow it by naming host:port');
  }
  return first;
}

async function respond(url: URL, address: string, signal: AbortSignal): Promise<IncomingMessage> {
  const family = isIP(address) === 6 ? 6 : 4;
  const lookup: LookupFunction = (_hostname, options, callback) =>
    options.all === true ? callback(null, [{ address, family }]) : callback(null, address, family);
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    lookup,
    agent: false,
    signal,
    timeout: idleMs,
    // The hash is of the bytes as they come; what is not compressed cannot be a bomb.
    headers: { 'accept-encoding': 'identity', 'user-agent': 'segue', connection: 'close' },
  });
  request.on('timeout', () => request.destroy(new Error(`${url.host} was silent for ${idleMs / 1000} s`)));
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

/** Follows redirects, checking each as if it had been asked for. */
async function openResponse(start: URL, rules: FetchRules, signal: AbortSignal): Promise<IncomingMessage> {
  let url = start;
  for (let hop = 0; hop <= maxRedirects; hop += 1) {
    const response = await respond(url, await checkedAddress(url, rules), signal);
    const { location } = response.headers;
    const status = response.statusCode ?? 0;
    if (status < 300 || status > 399 || location === undefined) return checkedResponse(response, url, rules);
    response.destroy();
    if (!URL.canParse(location, url)) throw refused(`${url.host} redirects to nowhere`);
    const next = new URL(location, url);
    if (url.protocol === 'https:' && next.protocol === 'http:')
      throw refused(`${url.host} redirects from https to http`);
    url = next;
  }
  throw refused(`more than ${maxRedirects} redirects`);
}

function checkedResponse(response: IncomingMessage, url: URL, rules: FetchRules): IncomingMessage {
  const status = response.statusCode ?? 0;
  const encoding = response.headers['content-encoding'] ?? 'identity';
  const problem =
    status !== 200
      ? new SegueError(
          status === 404 || status === 410 ? 'unknown_asset' : 'asset_refused',
          `${url.host} answered ${status}`,
        )
      : encoding !== 'identity'
        ? refused(
            `${url.host} answered with content-encoding ${encoding.slice(0, 20)}, though identity was asked for`,
          )
        : Number(response.headers['content-length'] ?? 0) > rules.maxBytes
          ? tooLarge(rules.maxBytes)
          : undefined;
  if (problem === undefined) return response;
  response.destroy();
  throw problem;
}

/**
 * Fetches a file over http or https from a host that the operator allows. Nothing else can be reached through it: names
 * are resolved once and the checked address is connected to, and each redirect is checked anew. Throws SegueError
 * `asset_refused` or `unknown_asset`; the stream it yields throws the same above `maxBytes`, when it is cut short or takes too long.
 */
export async function* fetchRemote(
  src: string,
  rules: FetchRules,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(rules.maxMs)]);
  const url = new URL(src);
  try {
    const response = await openResponse(url, rules, limited);
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > rules.maxBytes) throw tooLarge(rules.maxBytes);
      yield chunk;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SegueError) throw error;
    const why = limited.aborted
      ? `took more than ${rules.maxMs / 1000} s`
      : error instanceof Error
        ? error.message
        : 'failed';
    throw new SegueError('asset_refused', `fetching from ${url.host}: ${why}`, {
      cause: error,
      hint: 'try again, or give another address',
    });
  }
}
