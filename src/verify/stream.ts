import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import PQueue from 'p-queue';
import { SegueError } from '../ops/errors.ts';
import { checkAnswer } from './answers.ts';
import type { Compared } from './compared.ts';
import { decodeAll } from './decode.ts';
import { type Fetched, fetchHops } from './fetch.ts';
import { judge } from './judge.ts';
import { type Reach, sizes } from './load.ts';
import { readMultivariant } from './master.ts';
import { readLines } from './playlist/lines.ts';
import { isMultivariant } from './playlist/text.ts';
import { readRendition } from './rendition.ts';
import { Findings, type VerifyReport } from './report.ts';
import { reportOn } from './summary.ts';

/** How a stream is verified. */
export interface VerifyOptions {
  /** Fetch only a sample of the segments. */
  readonly quick?: boolean;
  /** Requests at once. Default 4. */
  readonly concurrency?: number;
  /** Milliseconds for one answer, holds included. Default 90 s. */
  readonly timeoutMs?: number;
  /** Segments of one rendition that are fetched at most. Default 2000. */
  readonly maxSegments?: number;
  /** Milliseconds for which playlists without EXT-X-ENDLIST are reloaded. Default 0: they are read once. */
  readonly watchMs?: number;
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
    const get: Get = (target, { maxBytes, range }) =>
      fetchHops(
        target,
        {
          maxBytes,
          range,
          timeoutMs: options.timeoutMs ?? 90_000,
          agentOf: ({ protocol }) => (protocol === 'https:' ? agents['https:'] : agents['http:']),
        },
        signal,
      );
    const first = await get(url, { maxBytes: sizes.playlist });
    if (first.last.status !== 200) throw noPlaylist(`${first.last.url} answers ${first.last.status}`);
    const reach = reachOf(get, options, findings, signal);
    const compared = await fetchAll(first, reach);
    judge(compared, findings);
    const renditions = [...new Set(compared.map(({ fetched }) => fetched))];
    if (options.ffmpeg !== undefined)
      for (const rendition of renditions) await decodeAll(options.ffmpeg, rendition, findings, signal);
    const reports = renditions.map(reportOn);
    const all = findings.list();
    return {
      version: 1,
      url,
      result: findings.worst(),
      sampled: reports.some(({ fetched, listed }) => fetched < listed),
      duration: Math.max(0, ...reports.map((one) => one.listedSeconds)),
      renditions: reports,
      checks: findings.results(),
      findings: all.filter(({ level }) => level !== 'note'),
      notes: all.filter(({ level }) => level === 'note'),
    };
  } finally {
    agents['http:'].destroy();
    agents['https:'].destroy();
  }
}

type Get = (url: string, options: Parameters<Reach['get']>[2]) => Promise<Fetched>;

const noPlaylist = (message: string): SegueError =>
  new SegueError('invalid_request', message, { hint: 'Give the URL of a multivariant or media playlist' });

function reachOf(get: Get, options: VerifyOptions, findings: Findings, signal: AbortSignal): Reach {
  let done = 0;
  let total = 0;
  return {
    findings,
    signal,
    quick: options.quick ?? false,
    maxSegments: options.maxSegments ?? 2000,
    watchMs: options.watchMs ?? 0,
    keys: new Map(),
    queue: new PQueue({ concurrency: options.concurrency ?? 4 }),
    onListed: (segments) => {
      total += segments;
    },
    onSegment: (where) => {
      done += 1;
      options.onProgress?.({ done, total, where });
    },
    get: async (url, place, bounds) => {
      try {
        return await get(url, bounds);
      } catch (error) {
        if (signal.aborted || !(error instanceof SegueError)) throw error;
        findings.expect('http.status', place, error.message);
        return undefined;
      }
    },
  };
}

/** Reads the first playlist, then every rendition that it names, or itself. */
async function fetchAll(first: Fetched, reach: Reach): Promise<Compared[]> {
  const text = new TextDecoder().decode(first.body);
  const { url } = first.last;
  // A page that mentions HLS is none.
  if (!/^\uFEFF?#EXT/m.test(text)) throw noPlaylist(`${url} is not a playlist`);
  if (isMultivariant(readLines(text))) return readMultivariant(first, reach);
  const name = 'media';
  const place = { where: name, url };
  checkAnswer('media', first, place, reach.findings);
  const wanted = {
    name,
    url,
    type: 'other',
    independent: false,
    variables: new Map<string, string>(),
  } as const;
  const fetched = await readRendition(wanted, first, reach);
  const none = { group: undefined, attributes: new Map<string, string>(), codecs: [], bandwidth: undefined };
  const unknown = { averageBandwidth: undefined, resolution: undefined, frameRate: undefined };
  return [{ fetched, listed: { name, url, type: 'other', place, ...none, ...unknown } }];
}
