import type { IncomingHttpHeaders } from 'node:http';
import type { Fetched } from './fetch.ts';
import type { Findings, Place, Source } from './report.ts';
import type { Container } from './segment/facts.ts';

/** What was asked for; each kind has its own rules for type and caching. */
export type AnswerKind = 'multivariant' | 'media' | 'init' | 'segment' | 'key' | 'steering';

const playlistTypes = /^(application\/(vnd\.apple|x-)\.?mpegurl|audio\/(x-)?mpegurl)\s*(;|$)/i;
const steeringTypes = /^application\/(json|vnd\.apple\.steering-list)\s*(;|$)/i;
/** Apple 10.4. */
const mediaTypes: Readonly<Record<Container, RegExp>> = {
  fmp4: /^((video|audio|application)\/mp4|(video|audio)\/iso\.segment)\s*(;|$)/i,
  ts: /^(video|audio)\/(mp2t|mpeg2-ts|mp1s|mp2p)\s*(;|$)/i,
  packed: /^audio\/(x-)?(aac|aacp|mpeg|mp3|ac3|eac3|ec3|mp4)\s*(;|$)/i,
  webvtt: /^text\/(vtt|plain)\s*(;|$)/i,
  image: /^image\/(jpe?g|png|webp)\s*(;|$)/i,
};
/** Playlists of so many bytes are worth compressing. */
const longPlaylist = 20_000;

/** Checks status, redirects, CORS, type and content coding of an answer. Returns whether there is a body to read. */
export function checkAnswer(kind: AnswerKind, got: Fetched, place: Place, findings: Findings): boolean {
  const { last, hops } = got;
  const redirects = hops.slice(0, -1);
  // What fails is one finding, whatever its headers.
  for (const hop of statusProblem(got) === undefined ? hops : redirects) {
    const allowed = hop.headers['access-control-allow-origin'];
    const told = allowed === undefined ? 'is missing' : `is \`${allowed}\``;
    findings.expect(
      'http.cors',
      place,
      allowed !== '*' && `access-control-allow-origin ${told} at ${hop.url}`,
    );
  }
  if (kind === 'init' || kind === 'segment')
    findings.expect(
      'http.direct',
      place,
      redirects.length > 0 && `${redirects.length} redirects to ${last.url}`,
    );
  for (const [index, hop] of redirects.entries()) {
    findings.expect(
      'http.redirect',
      place,
      (hop.status === 301 || hop.status === 308) && `${hop.status} at ${hop.url}`,
    );
    const to = hops[index + 1]?.url ?? hop.url;
    const changed = new URL(to).protocol !== new URL(hop.url).protocol;
    findings.expect('http.scheme', place, changed && `${hop.url} redirects to ${to}`);
    const kept = cachingOf(hop.headers);
    findings.expect(
      'cache.redirect',
      place,
      kept.seconds > 60 && `${hop.status} with \`${kept.text}\` at ${hop.url}`,
    );
  }
  if (!findings.expect('http.status', place, statusProblem(got))) return false;
  if (!findings.expect('http.body', place, got.bodyProblem)) return false;
  const isPlaylist = kind === 'multivariant' || kind === 'media';
  if (isPlaylist || kind === 'steering')
    expectType(got, isPlaylist ? playlistTypes : steeringTypes, place, findings);
  if (isPlaylist) {
    const plain = last.headers['content-encoding'] === undefined && got.body.length > longPlaylist;
    findings.expect('http.compressed', place, plain && `${got.body.length} bytes come as they are`);
    const { protocol, hostname } = new URL(last.url);
    const isLocal = /^(localhost|127\..*|\[::1\])$/.test(hostname);
    findings.expect('http.tls', place, protocol === 'http:' && !isLocal && 'it comes over http');
  }
  return checkCoding(isPlaylist || kind === 'steering', got, place, findings);
}

function expectType({ last }: Fetched, types: RegExp, place: Place, findings: Findings): void {
  const type = last.headers['content-type'] ?? '';
  findings.expect(
    'http.type',
    place,
    !types.test(type) && `content-type is ${type === '' ? 'missing' : `\`${type}\``}`,
  );
}

/** Checks the content type of a segment or init segment, by what it turned out to be. */
export function checkMediaType(
  got: Fetched,
  container: Container | undefined,
  place: Place,
  findings: Findings,
): void {
  const types = container === undefined ? Object.values(mediaTypes) : [mediaTypes[container]];
  expectType(got, new RegExp(types.map(({ source }) => source).join('|'), 'i'), place, findings);
}

function statusProblem({ last, bodyProblem }: Fetched): string | undefined {
  if (last.status === 200 || last.status === 206) return undefined;
  if (last.status === 0) return bodyProblem ?? `${last.url} does not answer`;
  const retry = last.headers['retry-after'];
  return `${last.status} at ${last.url}${retry === undefined ? '' : `, retry-after ${retry}`}`;
}

function checkCoding(isPlaylist: boolean, got: Fetched, place: Place, findings: Findings): boolean {
  const coding = got.last.headers['content-encoding'];
  if (coding === undefined) return true;
  const varies = (got.last.headers.vary ?? '').toLowerCase();
  let problem = got.codingProblem;
  if (!isPlaylist) problem ??= `a segment with content-encoding ${coding}`;
  if (varies !== '*' && !varies.includes('accept-encoding')) problem ??= 'vary: accept-encoding is missing';
  findings.expect('http.gzip', place, problem);
  return got.codingProblem === undefined;
}

/** How long an answer may be kept. */
interface Caching {
  /** Freshness in seconds; 0 where it may not be kept or must be revalidated. */
  readonly seconds: number;
  readonly noStore: boolean;
  readonly text: string;
}

function cachingOf(headers: IncomingHttpHeaders): Caching {
  const text = headers['cache-control'] ?? '';
  const parts = text.toLowerCase().split(/\s*,\s*/);
  const noStore = parts.includes('no-store');
  const ages = parts.flatMap((part) => /^(?:s-maxage|max-age)=(\d+)$/.exec(part)?.[1] ?? []).map(Number);
  const fresh = noStore || parts.includes('no-cache') ? 0 : Math.max(0, ...ages);
  return { seconds: fresh, noStore, text };
}

const anHour = 3600;

/** Checks the cache headers of a playlist. `targetDuration` in seconds; a multivariant playlist counts as complete. */
export function checkPlaylistCaching(
  kind: 'multivariant' | 'media',
  got: Fetched,
  { complete, targetDuration }: { readonly complete: boolean; readonly targetDuration: number },
  place: Place,
  findings: Findings,
): void {
  const { seconds, text, noStore } = cachingOf(got.last.headers);
  let problem: string | undefined;
  if (text === '') problem = 'cache-control is missing';
  else if (!complete && seconds > targetDuration / 2) problem = `it grows, but answers \`${text}\``;
  else if (complete && kind === 'media' && noStore) problem = `it never changes, but answers \`${text}\``;
  findings.expect('cache.playlist', place, problem);
}

/** Checks the cache headers of a segment or init segment. `held` = the answer began with filler. */
export function checkMediaCaching(got: Fetched, held: boolean, place: Place, findings: Findings): void {
  const { seconds, text, noStore } = cachingOf(got.last.headers);
  const told = text === '' ? 'cache-control is missing' : `cache-control is \`${text}\``;
  if (held) findings.expect('cache.held', place, !noStore && `it was held, but ${told}`);
  else findings.expect('cache.segment', place, seconds < anHour && told);
}

/** Where the bytes came from. */
export function sourceOf({ hops, last }: Fetched): Source {
  const host = new URL(last.url).host;
  const told = hops.map((hop) => hop.headers['x-segue-source']).findLast((value) => value !== undefined);
  if (told !== undefined) return { told: 'header', name: String(told), host };
  return { told: hops.length > 1 ? 'redirect' : 'host', name: host, host };
}
