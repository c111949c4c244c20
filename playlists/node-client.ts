import { z } from 'zod';
import { type Run, runSchema } from '../src/catalog/findings.ts';
import { nodeSegmentPath, type UrlSigner } from '../src/node/sign.ts';
import { errorCodes, SegueError } from '../src/ops/errors.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { NodeAddress } from './ports.ts';
import { type Fetched, readWhole } from './read-whole.ts';
import type { SegmentKey } from './resolve.ts';

/** How asking a node to make a segment went. */
type Wanted =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'held'; readonly holder: string }
  | { readonly kind: 'gone'; readonly cause: unknown }
  | { readonly kind: 'refused'; readonly error: SegueError };

/** What calls to nodes need. */
export interface NodeClientOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly signer: UrlSigner;
  readonly secret: string;
  readonly crc32: (bytes: Uint8Array) => number;
  readonly budget: ByteBudget;
  readonly now: () => number;
  /** Makes a call whose signal aborts once the node counts as dead, because it hangs. */
  readonly whileLive: <T>(node: NodeAddress, call: (hangs: AbortSignal) => Promise<T>) => Promise<T>;
}

/** What is asked of a node: segment n of a rendition; without `n` any; with `watch` nothing but to go on with the render. */
export interface Wish {
  readonly renderId: string;
  readonly n?: number;
  readonly rendition?: string;
  readonly watch?: true;
}

/** Calls to nodes. Every call ends by itself within seconds. */
export interface NodeClient {
  segment(node: NodeAddress, key: SegmentKey, signal: AbortSignal): Promise<Fetched>;
  /** Has the node make segment n (without it, any): of one rendition, or of all that are made without being asked for. */
  want(node: NodeAddress, wish: Wish, signal: AbortSignal): Promise<Wanted>;
  /** Facts of a file that a description names; the node fetches and pins it. @throws SegueError as the node says, `no_node` where it is gone */
  pinAsset(node: NodeAddress, src: string, signal: AbortSignal): Promise<unknown>;
  /**
   * What the bucket has of a segment that it is said to have; the node corrects the row where that is nothing. Undefined
   * where the node cannot tell in time.
   */
  checkCopy(node: NodeAddress, key: SegmentKey, signal: AbortSignal): Promise<CopyState | undefined>;
  /** The segment from the bucket, through a node, for those whom its public address does not serve. */
  readCopy(node: NodeAddress, key: SegmentKey, signal: AbortSignal): Promise<Fetched>;
  /** Has the node drain within so many seconds, and end. @throws SegueError as {@link NodeClient.pinAsset} */
  drain(node: NodeAddress, seconds: number, signal: AbortSignal): Promise<void>;
  /** Has the node compare its disk, and the bucket where that is asked for, with the rows; it goes on by itself. @throws SegueError as {@link NodeClient.pinAsset} */
  reconcile(
    node: NodeAddress,
    ask: { readonly verify: boolean; readonly bucket: boolean },
    signal: AbortSignal,
  ): Promise<Run>;
  /** How far the node is with that, or how its last run ended; undefined before the first. @throws SegueError as {@link NodeClient.pinAsset} */
  reconciliation(node: NodeAddress, signal: AbortSignal): Promise<Run | undefined>;
  /** Any call that answers JSON, with the secret. @throws SegueError as {@link NodeClient.pinAsset} */
  call(node: NodeAddress, path: string, init: RequestInit, signal: AbortSignal): Promise<unknown>;
  /** SHA-256 of a registered module. @throws SegueError as {@link NodeClient.pinAsset} */
  moduleHash(node: NodeAddress, name: string, signal: AbortSignal): Promise<string>;
}

/** Life of a signed URL, in milliseconds: it is used at once. */
const signatureMs = 30_000;
/** A node answers from its disk: this long without headers, and others are tried. */
const segmentTimeoutMs = 10_000;
const wantTimeoutMs = 3_000;
/** Fetching and probing a file takes a while. */
const pinTimeoutMs = 120_000;

const heldSchema = z.object({ holder: z.string().optional() });
const moduleSchema = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const begunSchema = z.object({ run: runSchema });
const ranSchema = z.object({ run: runSchema.nullable() });
const copyStateSchema = z.object({ state: z.enum(['there', 'damaged', 'lost']) });
/** What the bucket has of a segment, as a node sees it. */
export type CopyState = z.output<typeof copyStateSchema>['state'];
const errorSchema = z.object({
  error: z.object({
    code: z.enum(errorCodes),
    message: z.string().max(2000),
    hint: z.string().max(2000).optional(),
    problems: z.array(z.string().max(2000)).max(100).optional(),
  }),
});

/** A client of every node, with one secret. */
export function nodeClient(options: NodeClientOptions): NodeClient {
  /** A kept-alive connection that the node has just closed looks like a dead node: ask a second time before believing it. */
  const twice = async <T extends { kind: string }>(attempt: () => Promise<T>): Promise<T> => {
    const first = await attempt();
    return first.kind === 'gone' ? attempt() : first;
  };

  const json = async (
    node: NodeAddress,
    path: string,
    init: RequestInit,
    signal: AbortSignal,
  ): Promise<unknown> => {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(pinTimeoutMs)]);
    let response: Response;
    try {
      response = await options.fetch(`${node.url}${path}`, {
        ...init,
        headers: headers(options),
        signal: limited,
      });
    } catch (error) {
      signal.throwIfAborted();
      throw new SegueError('no_node', 'No node answers', { cause: error, hint: 'Ask again in a moment.' });
    }
    const body = await response.json().catch(() => undefined);
    if (!response.ok) throw nodeError(body, response.status);
    return body;
  };

  return {
    call: json,
    segment: (node, { renderId, rendition, n, container }, signal) =>
      options.whileLive(node, (hangs) => {
        const path = nodeSegmentPath(renderId, rendition, n, container);
        return twice(() => fetchSegment(options, node, path, { signal, hangs }));
      }),
    want: (node, wanted, signal) =>
      options.whileLive(node, (hangs) => twice(() => want(options, node, wanted, { signal, hangs }))),
    pinAsset: (node, src, signal) =>
      json(node, '/assets', { method: 'POST', body: JSON.stringify({ src }) }, signal),
    checkCopy: (node, key, signal) =>
      options.whileLive(node, async (hangs) => {
        const answer = await copyCall(options, node, 'check', key, { signal, hangs }).catch(() => undefined);
        signal.throwIfAborted();
        const body: unknown = await answer?.json().catch(() => undefined);
        return copyStateSchema.safeParse(body).data?.state;
      }),
    readCopy: (node, key, signal) =>
      options.whileLive(node, async (hangs) => {
        try {
          const answer = await copyCall(options, node, 'read', key, { signal, hangs });
          if (answer.ok) return await readWhole(answer, options, true, AbortSignal.any([signal, hangs]));
          await answer.body?.cancel();
          return answer.status === 404
            ? { kind: 'absent' }
            : { kind: 'faulty', cause: `status ${answer.status}` };
        } catch (error) {
          signal.throwIfAborted();
          return { kind: 'faulty', cause: error };
        }
      }),
    drain: async (node, seconds, signal) => {
      await json(node, '/drain', { method: 'POST', body: JSON.stringify({ seconds }) }, signal);
    },
    reconcile: async (node, ask, signal) =>
      begunSchema.parse(await json(node, '/reconcile', { method: 'POST', body: JSON.stringify(ask) }, signal))
        .run,
    reconciliation: async (node, signal) =>
      ranSchema.parse(await json(node, '/reconcile', {}, signal)).run ?? undefined,
    moduleHash: async (node, name, signal) =>
      moduleSchema.parse(await json(node, `/modules/${encodeURIComponent(name)}`, {}, signal)).sha256,
  };
}

const headers = ({ secret }: NodeClientOptions): Record<string, string> => ({
  authorization: `Bearer ${secret}`,
  'content-type': 'application/json',
});

/** The error that a node answered, or one that says that it answered nonsense. */
function nodeError(body: unknown, status: number): SegueError {
  const parsed = errorSchema.safeParse(body);
  if (!parsed.success) return new SegueError('internal', `A node answered ${status}`);
  const { code, message, hint, problems } = parsed.data.error;
  return new SegueError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(problems === undefined ? {} : { problems }),
  });
}

/** What ends a call: the caller, or that the node hangs. */
interface Ends {
  readonly signal: AbortSignal;
  readonly hangs: AbortSignal;
}

async function want(
  options: NodeClientOptions,
  node: NodeAddress,
  { renderId, ...wanted }: Wish,
  { signal, hangs }: Ends,
): Promise<Wanted> {
  const late = AbortSignal.any([AbortSignal.timeout(wantTimeoutMs), hangs]);
  try {
    const response = await options.fetch(`${node.url}/renders/${encodeURIComponent(renderId)}`, {
      method: 'POST',
      headers: headers(options),
      body: JSON.stringify({ want: wanted }),
      signal: AbortSignal.any([signal, late]),
    });
    const body: unknown = await response.json().catch(() => undefined);
    if (response.ok) return { kind: 'accepted' };
    const holder = response.status === 409 ? heldSchema.safeParse(body).data?.holder : undefined;
    if (holder !== undefined) return { kind: 'held', holder };
    return { kind: 'refused', error: nodeError(body, response.status) };
  } catch (error) {
    signal.throwIfAborted();
    if (late.aborted) {
      return {
        kind: 'refused',
        error: new SegueError('no_node', 'A node does not answer in time', { cause: error }),
      };
    }
    return { kind: 'gone', cause: error };
  }
}

/** A node asks the bucket, whose own limits are longer than anybody waits. */
const copyTimeoutMs = 5_000;

function copyCall(
  options: NodeClientOptions,
  node: NodeAddress,
  what: 'check' | 'read',
  { renderId, rendition, n }: SegmentKey,
  { signal, hangs }: Ends,
): Promise<Response> {
  return options.fetch(`${node.url}/copies/${what}`, {
    method: 'POST',
    headers: headers(options),
    body: JSON.stringify({ renderId, rendition, n }),
    signal: AbortSignal.any([signal, hangs, AbortSignal.timeout(copyTimeoutMs)]),
  });
}

async function fetchSegment(
  options: NodeClientOptions,
  node: NodeAddress,
  path: string,
  { signal, hangs }: Ends,
): Promise<Fetched> {
  const late = AbortSignal.any([AbortSignal.timeout(segmentTimeoutMs), hangs]);
  const limited = AbortSignal.any([signal, late]);
  try {
    const query = await options.signer.sign(path, options.now() + signatureMs);
    const response = await options.fetch(`${node.url}${path}?${query}`, {
      headers: { 'accept-encoding': 'identity' },
      signal: limited,
    });
    if (!response.ok) {
      await response.body?.cancel();
      return response.status === 404
        ? { kind: 'absent' }
        : { kind: 'faulty', cause: `status ${response.status}` };
    }
    return await readWhole(response, options, true, limited);
  } catch (error) {
    signal.throwIfAborted();
    return late.aborted ? { kind: 'faulty', cause: error } : { kind: 'gone', cause: error };
  }
}
