import { SegueError } from '../ops/errors.ts';
import { fromCombined } from './log-formats/combined.ts';
import { fromJson } from './log-formats/json.ts';
import type { LoggedRequest } from './log-formats/logged.ts';
import { fromS3 } from './log-formats/s3.ts';
import { newW3cParser } from './log-formats/w3c.ts';
import type { Trace, TraceEvent, TraceVideo } from './trace.ts';
import { newViews, type Views } from './views.ts';

/** One answered request for a segment. */
export interface SegmentRequest {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly video: string;
  readonly rendition: string;
  readonly n: number;
  /** Bytes of the answer; undefined: the log does not say. */
  readonly bytes: number | undefined;
  /** Who asked; undefined: the log does not say. */
  readonly client: string | undefined;
}

/** What an access log does not say. */
export interface LogAssumptions {
  /** Length of a segment in seconds. */
  readonly segmentSeconds: number;
  /** CPU seconds that a second of video takes to render. */
  readonly cpuPerSecond: number;
  readonly nodes: number;
  readonly diskBytes: number;
}

/** Where the log names no bytes, a second of a rendition has so many. */
const usualByteRate = 300_000;
/** Views of one log at most: what fits into memory. */
const mostViews = 5_000_000;
/** Numbers of segments are below this: larger ones are times. */
const numberBound = 1_000_000;
/** No request has a longer line. */
const mostCharacters = 8192;
/** The last moment that a Date can be. */
const latest = 8.64e15;

/** The name of a segment in `.../VIDEO/RENDITION/anything{n}.m4s`, as Segue names it and most packagers do. */
const segmentName = /(\d+)\.(?:m4s|ts|mp4|m4v|m4a|cmfv|cmfa|aac)$/;

/**
 * Reads the lines of one log, in order: the request on each, or undefined where it is no answered request for a segment. Each format is tried;
 * a line is in one at most.
 */
export function newRequestReader(): (line: string) => SegmentRequest | undefined {
  const parsers = [fromCombined, fromJson, fromS3, newW3cParser()];
  return (line) => {
    if (line.length > mostCharacters) return undefined;
    for (const parse of parsers) {
      const found = parse(line);
      if (found !== undefined) return segmentIn(found);
    }
    return undefined;
  };
}

function segmentIn({ at, path: asked, status, bytes, client }: LoggedRequest): SegmentRequest | undefined {
  if (status !== 200 && status !== 206 && status !== 307) return undefined;
  const path = asked.replace(/[?#].*$/, '').replace(/^https?:\/\/[^/]*/, '');
  const folders = path.split('/');
  const [, n] = segmentName.exec(folders.pop() ?? '') ?? [];
  const rendition = folders.pop();
  if (n === undefined || rendition === undefined) return undefined;
  if (Number(n) >= numberBound || !(at >= 0 && at <= latest)) return undefined;
  const video = folders.join('/').replace(/\/+$/, '') || '/';
  // A redirect has a few bytes of its own.
  return { at, video, rendition, n: Number(n), bytes: status === 307 ? undefined : bytes, client };
}

interface SeenRendition {
  segments: number;
  bytes: number;
  measured: number;
  requests: number;
}

/**
 * Reads demand out of an access log: which segments a client asked for, one after the other, is one view. Lines that are no answered
 * requests for segments are passed over. @throws SegueError `invalid_request` where there is none
 */
export async function traceOfLog(
  lines: AsyncIterable<string>,
  name: string,
  assumed: LogAssumptions,
): Promise<Trace> {
  const videos = new Map<string, Map<string, SeenRendition>>();
  const views: Views = newViews();
  const requestOn = newRequestReader();
  let [number, sample] = [0, ''];
  for await (const line of lines) {
    number += 1;
    const request = requestOn(line);
    if (request === undefined) {
      if (sample === '' && line.trim() !== '' && !line.startsWith('#'))
        sample = `line ${number} is ${JSON.stringify(line.slice(0, 80))}`;
      continue;
    }
    if (views.all().length >= mostViews)
      throw new SegueError(
        'too_large',
        `${name}, line ${number}: more than ${mostViews} views; give a shorter log`,
      );
    const renditions = videos.get(request.video) ?? new Map<string, SeenRendition>();
    videos.set(request.video, renditions);
    const seen = renditions.get(request.rendition) ?? { segments: 0, bytes: 0, measured: 0, requests: 0 };
    renditions.set(request.rendition, seen);
    seen.segments = Math.max(seen.segments, request.n + 1);
    seen.requests += 1;
    if (request.bytes !== undefined && request.bytes > 0) {
      seen.bytes += request.bytes;
      seen.measured += 1;
    }
    views.note(request);
  }
  const all = views.all();
  const first = all.reduce((least, { at }) => Math.min(least, at), Number.POSITIVE_INFINITY);
  if (all.length === 0) {
    const lacks =
      number === 0
        ? 'is empty'
        : `has no line about a segment in ${number}; ${sample || 'all are empty or comments'}`;
    throw new SegueError('invalid_request', `${name} ${lacks}`, {
      hint: 'Give a log in combined, W3C extended (with its #Fields line) or S3 format, or JSON lines of Caddy, Cloudflare Logpush, or the playlist service with SEGUE_LOG_LEVEL=info.',
    });
  }
  const numbers = new Map([...videos.keys()].map((video, number) => [video, number]));
  const events = all.map(
    ({ at, video, from, to, client }): TraceEvent => ({
      kind: 'view',
      at: (at - first) / 1000,
      video: numbers.get(video) ?? 0,
      from: from * assumed.segmentSeconds,
      to: (to + 1) * assumed.segmentSeconds,
      ...(client === undefined ? {} : { viewer: client }),
    }),
  );
  const last = all.reduce((most, { until }) => Math.max(most, until), first);
  return {
    name,
    seconds: (last - first) / 1000 + assumed.segmentSeconds,
    nodes: assumed.nodes,
    diskBytes: assumed.diskBytes,
    startedAt: first,
    videos: [...videos].map(([id, renditions]) => videoOf(id, renditions, assumed)),
    events: events.toSorted((a, b) => a.at - b.at),
  };
}

function videoOf(
  id: string,
  renditions: ReadonlyMap<string, SeenRendition>,
  { segmentSeconds, cpuPerSecond }: LogAssumptions,
): TraceVideo {
  const segments = Math.max(1, ...[...renditions.values()].map((one) => one.segments));
  const seconds = segments * segmentSeconds;
  const isAudio = (name: string): boolean => /audio|^a\d*$/i.test(name);
  return {
    id,
    labels: [],
    seconds,
    size: 720,
    segments,
    cpuSeconds: seconds * cpuPerSecond,
    renditions: [...renditions]
      .toSorted(([a, x], [b, y]) => Number(isAudio(a)) - Number(isAudio(b)) || y.requests - x.requests)
      .map(([name, { bytes, measured }]) => ({
        name,
        kind: isAudio(name) ? 'audio' : 'video',
        bytes: measured > 0 ? (bytes / measured) * segments : seconds * usualByteRate,
      })),
  };
}
