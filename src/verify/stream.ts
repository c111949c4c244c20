import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import PQueue from 'p-queue';
import { SegueError } from '../ops/errors.ts';
import { checkAnswer, checkPlaylistCaching } from './answers.ts';
import { decodeAll } from './decode.ts';
import { type Fetched, fetchHops } from './fetch.ts';
import { checkText, isMultivariant } from './lines.ts';
import { checkMultivariant, type ListedRendition } from './multivariant.ts';
import { type FetchedRendition, fetchRendition, type Reach, readRendition } from './rendition.ts';
import { Findings, type RenditionReport, type VerifyReport } from './report.ts';
import { checkEnds, checkTimeline, mediaSeconds } from './timeline.ts';
import { type Compared, checkVariants } from './variants.ts';

/** How a stream is verified. */
export interface VerifyOptions {
  /** Fetch only a sample of the segments. */
  readonly quick?: boolean;
  /** Requests at once. Default 4. */
  readonly concurrency?: number;
  /** Milliseconds for one answer, holds included. Default 90 s. */
  readonly timeoutMs?: number;
  /** ffmpeg to decode everything with; undefined = do not decode. */
  readonly ffmpeg?: string | undefined;
  /** Called after each segment. */
  readonly onProgress?: (progress: Progress) => void;
}

/** How far it is. */
interface Progress {
  readonly done: number;
  readonly total: number;
  /** What was fetched last. */
  readonly where: string;
}

const maxBytes = 256 * 1024 * 1024;
const maxRenditions = 64;

/**
 * Fetches a whole HLS stream and checks it. Shares no code with what writes playlists and segments.
 * Throws `invalid_request` when the URL itself cannot be had or is no playlist: then there is nothing to report on.
 */
export async function verifyStream(
  url: string,
  options: VerifyOptions,
  signal: AbortSignal,
): Promise<VerifyReport> {
  const findings = new Findings();
  const sockets = { keepAlive: true, maxSockets: options.concurrency ?? 4 };
  const agents = { 'http:': new HttpAgent(sockets), 'https:': new HttpsAgent(sockets) };
  try {
    const get = (target: string): Promise<Fetched> =>
      fetchHops(
        target,
        {
          maxBytes,
          timeoutMs: options.timeoutMs ?? 90_000,
          agentOf: ({ protocol }) => (protocol === 'https:' ? agents['https:'] : agents['http:']),
        },
        signal,
      );
    const first = await get(url);
    if (first.last.status !== 200) {
      throw new SegueError('invalid_request', `${first.last.url} answers ${first.last.status}`, {
        hint: 'Give the URL of a multivariant or media playlist',
      });
    }
    const reach = reachOf(get, options, findings, signal);
    const compared = await fetchAll(first, reach);
    await judge(compared, options, findings, signal);
    return report(
      url,
      compared.map(({ fetched }) => fetched),
      options,
      findings,
    );
  } finally {
    agents['http:'].destroy();
    agents['https:'].destroy();
  }
}

function reachOf(
  get: (url: string) => Promise<Fetched>,
  options: VerifyOptions,
  findings: Findings,
  signal: AbortSignal,
): Reach {
  let done = 0;
  let total = 0;
  return {
    findings,
    quick: options.quick ?? false,
    queue: new PQueue({ concurrency: options.concurrency ?? 4 }),
    onListed: (segments) => {
      total += segments;
    },
    onSegment: (where) => {
      done += 1;
      options.onProgress?.({ done, total, where });
    },
    get: async (url, where) => {
      try {
        return await get(url);
      } catch (error) {
        if (signal.aborted || !(error instanceof SegueError)) throw error;
        findings.expect('http.status', where, error.message);
        return undefined;
      }
    },
  };
}

/** Reads the first playlist, then every rendition that it names, or itself. */
async function fetchAll(first: Fetched, reach: Reach): Promise<Compared[]> {
  const text = new TextDecoder().decode(first.body);
  const { findings } = reach;
  if (!text.includes('#EXT')) {
    throw new SegueError('invalid_request', `${first.last.url} is not a playlist`, {
      hint: 'Give the URL of a multivariant or media playlist',
    });
  }
  const { lines } = checkText(first.body, 'multivariant', new Findings());
  if (!isMultivariant(lines)) {
    const name = 'media';
    checkAnswer('media', first, name, findings);
    const fetched = await readRendition(name, first, false, reach);
    return [{ fetched, listed: alone(name, first.last.url) }];
  }
  const where = 'multivariant';
  checkAnswer('multivariant', first, where, findings);
  checkText(first.body, where, findings);
  checkPlaylistCaching('multivariant', first, { complete: true, targetDuration: 0 }, where, findings);
  const { renditions, independent } = checkMultivariant(lines, first.last.url, where, findings);
  const compared = await Promise.all(
    renditions
      .filter(({ type }) => type !== 'other')
      .slice(0, maxRenditions)
      .map(async (listed) => ({ listed, fetched: await fetchRendition(listed, independent, reach) })),
  );
  return compared.flatMap(({ listed, fetched }) => (fetched === undefined ? [] : [{ listed, fetched }]));
}

function alone(name: string, url: string): ListedRendition {
  return {
    name,
    url,
    type: 'other',
    group: undefined,
    codecs: [],
    bandwidth: undefined,
    resolution: undefined,
  };
}

async function judge(
  compared: readonly Compared[],
  options: VerifyOptions,
  findings: Findings,
  signal: AbortSignal,
): Promise<void> {
  const renditions = compared.map(({ fetched }) => fetched);
  for (const rendition of renditions) checkTimeline(rendition, findings);
  checkEnds(renditions, findings);
  checkVariants(compared, options.quick ?? false, findings);
  if (options.ffmpeg === undefined) return;
  for (const rendition of renditions) await decodeAll(options.ffmpeg, rendition, findings, signal);
}

function report(
  url: string,
  renditions: readonly FetchedRendition[],
  options: VerifyOptions,
  findings: Findings,
): VerifyReport {
  const reports = renditions.map(reportOn);
  return {
    version: 1,
    url,
    result: findings.worst(),
    sampled: options.quick ?? false,
    duration: Math.max(0, ...reports.map((one) => one.listedSeconds)),
    renditions: reports,
    checks: findings.results(),
    findings: findings.list(),
  };
}

function reportOn(rendition: FetchedRendition): RenditionReport {
  const { name, url, playlist, track, segments } = rendition;
  const sources: Record<string, number> = {};
  for (const { source } of segments) sources[source.name] = (sources[source.name] ?? 0) + 1;
  return {
    name,
    url,
    kind: track?.kind ?? 'unknown',
    codec: track?.codec ?? null,
    listed: playlist.segments.length,
    fetched: segments.length,
    bytes: segments.reduce((total, segment) => total + segment.bytes, 0),
    listedSeconds: round(playlist.segments.reduce((total, segment) => total + segment.duration, 0)),
    seconds: round(mediaSeconds(rendition)),
    sources,
    complete: playlist.complete,
    segments: segments.map(({ listed, facts, status, bytes, ms, source }) => ({
      n: listed.n,
      url: listed.url,
      status,
      bytes,
      ms,
      source,
      held: (facts?.leadingFree ?? 0) > 0,
      start: track === undefined || facts === undefined ? null : round(Number(facts.start) / track.timescale),
      duration: track === undefined || facts === undefined ? null : round(facts.duration / track.timescale),
    })),
  };
}

const round = (seconds: number): number => Math.round(seconds * 1e6) / 1e6;
