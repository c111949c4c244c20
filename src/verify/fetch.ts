import { type Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { SegueError } from '../ops/errors.ts';

/** One answer on the way: redirects first, the last one has the body. */
interface Hop {
  readonly url: string;
  /** 0 where nothing answers. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/** What came of one GET. */
export interface Fetched {
  readonly hops: readonly Hop[];
  readonly last: Hop;
  /** Decoded body; empty unless the status is 200 or 206. */
  readonly body: Uint8Array;
  /** Bytes on the wire. */
  readonly wireBytes: number;
  /** Why the body is not whole or not decodable, or undefined. */
  readonly bodyProblem: string | undefined;
  /** Why the content coding is wrong, or undefined. */
  readonly codingProblem: string | undefined;
  /** Milliseconds from the request to the last byte. */
  readonly ms: number;
}

/** Bounds of one GET. */
export interface FetchLimits {
  /** Bytes of body, also after decompression. */
  readonly maxBytes: number;
  /** Milliseconds for the whole answer, holds included. */
  readonly timeoutMs: number;
  /** Ends it like `timeoutMs` does. */
  readonly time?: AbortSignal;
  readonly agentOf?: (url: URL) => Agent | undefined;
  /** Bytes of the file to ask for. */
  readonly range?: { readonly offset: number; readonly length: number } | undefined;
}

const maxRedirects = 5;
const unzip = promisify(gunzip);

/**
 * GET that shows everything: each redirect, raw headers, and the body decoded strictly (fetch() accepts a gzip stream that is
 * cut). Throws `invalid_request` when nothing answers at all; a bad answer is data, not an error.
 */
export async function fetchHops(url: string, limits: FetchLimits, signal: AbortSignal): Promise<Fetched> {
  const started = performance.now();
  const { timeoutMs, time } = limits;
  const bounded = AbortSignal.any([
    signal,
    AbortSignal.timeout(timeoutMs),
    ...(time === undefined ? [] : [time]),
  ]);
  const hops: Hop[] = [];
  let next = url;
  for (;;) {
    const { hop, raw, cut } = await getOnce(next, limits, bounded, signal).catch((error: unknown): Raw => {
      // Where the first server answered, that its redirect leads nowhere is part of the answer.
      if (hops.length === 0 || signal.aborted || !(error instanceof SegueError)) throw error;
      return { hop: { url: next, status: 0, headers: {} }, raw: Buffer.alloc(0), cut: error.message };
    });
    hops.push(hop);
    const location = hop.headers.location;
    const redirected = hop.status >= 300 && hop.status < 400 && location !== undefined;
    if (redirected && URL.canParse(location, next) && hops.length <= maxRedirects) {
      next = new URL(location, next).href;
      continue;
    }
    const good = hop.status === 200 || hop.status === 206;
    const decoded =
      good && cut === undefined
        ? await decode(raw, hop.headers, limits.maxBytes)
        : { body: raw, problem: undefined };
    return {
      hops,
      last: hop,
      body: good ? decoded.body : new Uint8Array(),
      wireBytes: raw.length,
      bodyProblem: cut,
      codingProblem: decoded.problem,
      ms: performance.now() - started,
    };
  }
}

interface Raw {
  readonly hop: Hop;
  readonly raw: Buffer;
  readonly cut: string | undefined;
}

function getOnce(url: string, limits: FetchLimits, bounded: AbortSignal, stop: AbortSignal): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const target = new URL(url);
    if (target.protocol !== 'http:' && target.protocol !== 'https:') {
      reject(new SegueError('invalid_request', `Not an http(s) URL: ${url}`));
      return;
    }
    const { agentOf, range } = limits;
    const agent = agentOf?.(target);
    const send = target.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(target, {
      signal: bounded,
      ...(agent === undefined ? {} : { agent }),
      // As a browser on another site would ask.
      headers: {
        origin: 'https://verify.segue.invalid',
        ...(range === undefined
          ? { 'accept-encoding': 'gzip' }
          : { range: `bytes=${range.offset}-${range.offset + range.length - 1}` }),
        'user-agent': 'segue-verify',
      },
    });
    request.on('error', (error) => {
      if (stop.aborted) reject(stop.reason instanceof Error ? stop.reason : error);
      else
        reject(
          new SegueError('invalid_request', `${url} does not answer: ${reasonOf(error, limits)}`, {
            cause: error,
          }),
        );
    });
    request.on('response', (answer) => {
      const hop: Hop = { url, status: answer.statusCode ?? 0, headers: answer.headers };
      const chunks: Buffer[] = [];
      let length = 0;
      const done = (cut?: string) => resolve({ hop, raw: Buffer.concat(chunks), cut });
      answer.on('data', (chunk: Buffer) => {
        length += chunk.length;
        chunks.push(chunk);
        if (length > limits.maxBytes) answer.destroy(new Error(`more than ${limits.maxBytes} bytes`));
      });
      answer.on('end', () => done(lengthProblem(answer.headers['content-length'], length)));
      answer.on('error', (error) => done(`cut after ${length} bytes: ${reasonOf(error, limits)}`));
    });
    request.end();
  });
}

function lengthProblem(told: string | undefined, length: number): string | undefined {
  return told === undefined || Number(told) === length
    ? undefined
    : `content-length ${told}, but ${length} bytes came`;
}

function reasonOf(error: Error, limits: FetchLimits): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError')
    return `no end within ${limits.timeoutMs} ms`;
  return error.message || error.name;
}

async function decode(
  raw: Buffer,
  headers: IncomingHttpHeaders,
  maxBytes: number,
): Promise<{ body: Uint8Array; problem: string | undefined }> {
  const coding = headers['content-encoding'] ?? 'identity';
  if (coding === 'identity') return { body: raw, problem: undefined };
  if (coding !== 'gzip') return { body: raw, problem: `content-encoding ${coding} was not asked for` };
  try {
    return { body: await unzip(raw, { maxOutputLength: maxBytes }), problem: undefined };
  } catch (error) {
    return {
      body: new Uint8Array(),
      problem: `the gzip body is damaged: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}
