import type PQueue from 'p-queue';
import { checkAnswer } from './answers.ts';
import type { Fetched } from './fetch.ts';
import type { ByteRange, Key } from './playlist/media.ts';
import type { Findings, Place } from './report.ts';

/** How a stream is fetched. */
export interface Reach {
  /** GET; undefined when nothing answered, which is a finding already, or when time is up. */
  readonly get: (url: string, place: Place, options: GetOptions) => Promise<Fetched | undefined>;
  /** Segments at once; requests are bounded in `get`. */
  readonly queue: PQueue;
  /** Fetch only a sample of the segments. */
  readonly quick: boolean;
  /** Segments of a rendition that are fetched at most. */
  readonly maxSegments: number;
  /** Milliseconds for which a growing playlist is reloaded; 0 = it is read once. */
  readonly watchMs: number;
  readonly signal: AbortSignal;
  /** Aborted when time is up: what is there then is reported. */
  readonly time: AbortSignal;
  readonly onSegment: (where: string) => void;
  /** Called once it is known that so many more segments are to be fetched. */
  readonly onListed: (segments: number) => void;
  readonly findings: Findings;
  /** AES keys by URL, each fetched once. */
  readonly keys: Map<string, Promise<Uint8Array | undefined>>;
}

/** Bounds of one GET. */
export interface GetOptions {
  readonly maxBytes: number;
  /** Goes before requests that wait already: a playlist that is read late tells less. */
  readonly first?: boolean;
  readonly range?: ByteRange | undefined;
}

/** Bytes of an answer at most, by what it is. */
export const sizes = { playlist: 16 << 20, segment: 128 << 20, key: 4096, steering: 1 << 20 } as const;

/** The bytes of a range: servers may answer the whole file. `got` is undefined where the range cannot be had. */
export function rangeOf(
  got: Fetched,
  range: ByteRange | undefined,
  place: Place,
  findings: Findings,
): Uint8Array | undefined {
  if (range === undefined) return got.body;
  const isWhole = got.last.status === 200;
  const bytes = isWhole ? got.body.subarray(range.offset, range.offset + range.length) : got.body;
  const wanted = `bytes ${range.offset} to ${range.offset + range.length - 1}`;
  let problem: string | undefined;
  if (bytes.length !== range.length) problem = `${wanted} were asked for, ${bytes.length} bytes came`;
  else if (isWhole) problem = `${wanted} were asked for, the whole file came (status 200)`;
  findings.expect('http.range', place, problem);
  return bytes.length === range.length ? bytes : undefined;
}

/** The 16 bytes of an AES-128 key, fetched once; undefined where they cannot be had, which is a finding. */
export function fetchKey(key: Key, place: Place, reach: Reach): Promise<Uint8Array | undefined> {
  const { url } = key;
  if (url === undefined) return Promise.resolve(undefined);
  const known = reach.keys.get(url);
  if (known !== undefined) return known;
  const fetched = loadKey(url, { where: `${place.where} key`, url, line: place.line }, reach);
  reach.keys.set(url, fetched);
  return fetched;
}

async function loadKey(url: string, place: Place, reach: Reach): Promise<Uint8Array | undefined> {
  const { findings } = reach;
  if (url.startsWith('data:')) {
    const bytes = Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
    return findings.expect('key.fetch', place, bytes.length !== 16 && `${bytes.length} bytes, not 16`)
      ? bytes
      : undefined;
  }
  const got = await reach.get(url, place, { maxBytes: sizes.key });
  if (got === undefined) return undefined;
  const { status } = got.last;
  const problem = status === 200 && got.bodyProblem === undefined ? undefined : `the key answers ${status}`;
  if (!findings.expect('key.fetch', place, problem)) return undefined;
  checkAnswer('key', got, place, findings);
  const { length } = got.body;
  return findings.expect('key.fetch', place, length !== 16 && `${length} bytes, not 16`)
    ? got.body
    : undefined;
}
