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
import { type FetchedRendition, readRendition } from './rendition.ts';
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
  /** Milliseconds for everything; then what was fetched is reported. Default: an hour, and `watchMs`. */
  readonly timeMs?: number;
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

const anHour = 3_600_000;
/** Milliseconds that a timer can count. */
const longestTimer = 2 ** 31 - 1;

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
  const timeMs = Math.min(options.timeMs ?? anHour + (options.watchMs ?? 0), longestTimer);
  const time = AbortSignal.timeout(timeMs);
  const requests = new PQueue({ concurrency: options.concurrency ?? 4 });
  const sockets = { keepAlive: true, maxSockets: options.concurrency ?? 4 };
  const agents = { 'http:': new HttpAgent(sockets), 'https:': new HttpsAgent(sockets) };
  try {
    const limits = {
      time,
      timeoutMs: options.timeoutMs ?? 90_000,
      agentOf: ({ protocol }: URL) => (protocol === 'https:' ? agents['https:'] : agents['http:']),
    };
    const get: Get = (target, { maxBytes, range, first: goesFirst }) =>
      requests.add(() => fetchHops(target, { ...limits, maxBytes, range }, signal), {
        priority: goesFirst === true ? 1 : 0,
      });
    const first = await get(url, { maxBytes: sizes.playlist });
    if (first.last.status !== 200) throw noPlaylist(`${first.last.url} answers ${first.last.status}`);
    const reach = reachOf(get, options, { findings, signal, time });
    const compared = await fetchAll(first, reach);
    judge(compared, findings);
    const renditions = [...new Set(compared.map(({ fetched }) => fetched))];
    if (options.ffmpeg !== undefined)
      for (const rendition of renditions) await decodeInTime(options.ffmpeg, rendition, reach);
    const late = time.aborted && `it took longer than ${timeMs / 1000} s: the rest was not looked at`;
    findings.expect('verify.time', { where: 'everything', url }, late);
    const reports = renditions.map(reportOn);
    const all = findings.list();
    return {
      version: 1,
      url,
      result: findings.worst(),
      sampled: time.aborted || reports.some(({ fetched, listed }) => fetched < listed),
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

/** Decodes until time is up. */
async function decodeInTime(
  ffmpeg: string,
  rendition: FetchedRendition,
  { findings, signal, time }: Reach,
): Promise<void> {
  if (time.aborted) return;
  try {
    await decodeAll(ffmpeg, rendition, findings, AbortSignal.any([signal, time]));
  } catch (error) {
    if (signal.aborted || !time.aborted) throw error;
  }
}

type Bounds = Pick<Reach, 'findings' | 'signal' | 'time'>;

function reachOf(get: Get, options: VerifyOptions, bounds: Bounds): Reach {
  const { findings, signal, time } = bounds;
  let done = 0;
  let total = 0;
  return {
    ...bounds,
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
    get: async (url, place, wanted) => {
      if (time.aborted) return undefined;
      try {
        const got = await get(url, wanted);
        return time.aborted && got.bodyProblem !== undefined ? undefined : got;
      } catch (error) {
        if (time.aborted && !signal.aborted) return undefined;
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
