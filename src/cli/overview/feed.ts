import { setTimeout as delay } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { z } from 'zod';
import { SegueError } from '../../ops/errors.ts';
import { backoff } from '../../ops/loop.ts';
import { read } from '../http.ts';
import type { ServiceAccess } from '../service-access.ts';
import { type Event, lists, type Node, type Video } from './service.ts';

/**
 * What `GET /v1/overview` tells. `open`: what is told from now on is complete, so that what is older is to be read now; again after each
 * break. `broken`: it is tried again. `stale`: what was read of videos is to be read again. `away`: the service lacks its database.
 */
export type FeedMessage =
  | { readonly event: 'open' | 'stale' | 'away' }
  | { readonly event: 'broken'; readonly why: string }
  | { readonly event: 'nodes'; readonly nodes: readonly Node[] }
  | { readonly event: 'videos'; readonly videos: readonly Video[] }
  | { readonly event: 'log'; readonly events: readonly Event[] }
  /** Segments where viewers are, by render; none where nobody is any more. */
  | { readonly event: 'playheads'; readonly heads: Readonly<Record<string, readonly number[]>> };

/** Silence after which a connection counts as broken, in milliseconds: the service says something each second. */
const silenceMs = 15_000;
const headsSchema = z.record(z.string(), z.array(z.number()));

/** Follows the service until the signal aborts, over interruptions. @throws SegueError that no further try would mend, as `unauthorized` */
export async function* follow(access: ServiceAccess, signal: AbortSignal): AsyncGenerator<FeedMessage> {
  for (let failures = 0; !signal.aborted; ) {
    try {
      for await (const message of connection(access, signal)) {
        failures = 0;
        yield message;
      }
      yield { event: 'broken', why: 'the connection ended' };
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof SegueError && !error.retryable) throw error;
      yield { event: 'broken', why: error instanceof SegueError ? error.message : 'the connection broke' };
    }
    failures += 1;
    await delay(backoff(failures), undefined, { signal }).catch(() => undefined);
  }
}

async function* connection(
  { server, token }: ServiceAccess,
  signal: AbortSignal,
): AsyncGenerator<FeedMessage> {
  const silent = new AbortController();
  let watch = setTimeout(() => silent.abort(), silenceMs);
  const ready: FeedMessage[] = [];
  const parser = createParser({
    onEvent: ({ event = '', data }) => {
      const message = messageOf(event, JSON.parse(data));
      if (message !== undefined) ready.push(message);
    },
  });
  try {
    const answer = await fetch(`${server}/v1/overview`, {
      headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
      signal: AbortSignal.any([signal, silent.signal]),
    });
    if (!answer.ok || answer.body === null) await read(answer, z.never());
    let isOpen = false;
    for await (const text of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      clearTimeout(watch);
      watch = setTimeout(() => silent.abort(), silenceMs);
      parser.feed(text);
      // The service has looked once: what it does not tell has happened before.
      if (!isOpen && ready.length > 0) yield { event: 'open' };
      isOpen ||= ready.length > 0;
      yield* ready.splice(0);
    }
  } finally {
    clearTimeout(watch);
  }
}

/** Events that a later version of the service tells, and this one does not know, are left out. */
function messageOf(event: string, data: unknown): FeedMessage | undefined {
  if (event === 'stale' || event === 'away') return { event };
  if (event === 'nodes') return { event, nodes: lists.nodes.parse(data) };
  if (event === 'videos') return { event, videos: lists.videos.parse(data) };
  if (event === 'log') return { event, events: lists.log.parse(data) };
  return event === 'playheads' ? { event, heads: headsSchema.parse(data) } : undefined;
}
