import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { type ErrorCode, errorCodes, SegueError } from '../../ops/errors.ts';
import { backoff } from '../../ops/loop.ts';
import type { Part } from '../playlist.ts';

/** What a node answered to an upload. */
const receivedSchema = z.object({ admitted: z.int(), missing: z.array(z.string()) });
const errorSchema = z.object({
  error: z.object({ code: z.enum(errorCodes), message: z.string(), hint: z.string().optional() }),
});

/** Sends files to the first node that takes them. */
export interface Delivery {
  /**
   * Uploads a file, or a range of one. Tries again, at one node after the other, for as long as the trouble may pass. `open` is
   * called for each try: a blob of a file can be read no more once the file has changed. Where it has nothing, the file is gone,
   * and so is the answer.
   * @throws SegueError with the node's own code where it will not pass, `no_node` where no node took it for long
   */
  put(
    part: Part,
    open: () => Promise<Blob | undefined>,
    signal: AbortSignal,
  ): Promise<z.output<typeof receivedSchema> | undefined>;
}

/** How deliveries are made. */
export interface DeliveryOptions {
  /** Ingest URLs of one stream at several nodes, the preferred one first. */
  readonly urls: readonly string[];
  /** How long nothing may get through, in milliseconds. Default 10 minutes. */
  readonly patienceMs?: number;
  /** Called where a try failed and another one follows. */
  readonly onRetry?: (problem: string, waitMs: number) => void;
}

/** What another node, or this one later, may well take. */
const passing = new Set<ErrorCode>(['lease_held', 'fenced', 'storage_full', 'too_many_requests', 'no_node']);
const waits = { first: 100, longest: 2000 };
const answerMs = 60_000;

/** Deliveries to the nodes behind these URLs. */
export function delivery({ urls, patienceMs = 600_000, onRetry }: DeliveryOptions): Delivery {
  let chosen = 0;

  const tryOnce = async ({ path, range }: Part, body: Blob, signal: AbortSignal) => {
    const base = urls[chosen % urls.length] ?? '';
    const url = `${base.replace(/\/*$/, '/')}${path.split('/').map(encodeURIComponent).join('/')}`;
    const headers: Record<string, string> = { 'content-type': 'application/octet-stream' };
    if (range !== undefined)
      headers['content-range'] = `bytes ${range.offset}-${range.offset + range.length - 1}/*`;
    const answer = await fetch(url, {
      method: 'PUT',
      body,
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
    });
    const json: unknown = await answer.json().catch(() => undefined);
    if (answer.ok) return receivedSchema.parse(json);
    const said = errorSchema.safeParse(json);
    const { code, message, hint } = said.success
      ? said.data.error
      : { code: 'no_node' as const, message: `The node answered ${answer.status}`, hint: undefined };
    throw new SegueError(code, `${path}: ${message}`, hint === undefined ? {} : { hint });
  };

  return {
    async put(part, open, signal) {
      const end = performance.now() + patienceMs;
      for (let tries = 1; ; ) {
        const body = await open();
        if (body === undefined) return undefined;
        try {
          return await tryOnce(part, body, signal);
        } catch (error) {
          signal.throwIfAborted();
          const known = error instanceof SegueError ? error : undefined;
          if (known !== undefined && !passing.has(known.code) && !known.retryable) throw known;
          const isOurs = isUnreadable(error);
          const problem = isOurs
            ? `${part.path} changed while it was sent`
            : (known?.message ?? 'the node does not answer');
          if (performance.now() >= end) {
            throw new SegueError('no_node', `No node takes the stream: ${problem}`, { cause: error });
          }
          // Every node once, then a wait.
          const wait = isOurs || tries % urls.length === 0 ? backoff(tries / urls.length, waits) : 0;
          if (!isOurs) chosen += 1;
          tries += 1;
          onRetry?.(problem, wait);
          await delay(wait, undefined, { signal });
        }
      }
    },
  };
}

/** Whether it was the body that failed, not the node: its file was written, or deleted, meanwhile. */
const isUnreadable = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof Error && error.cause.name === 'NotReadableError';
