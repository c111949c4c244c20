import { z } from 'zod';
import { leadingRun } from '../src/catalog/ranges.ts';
import type { RenditionHead, StreamHead } from '../src/catalog/stream-lists.ts';
import { framed } from '../src/hls/foreign-media.ts';
import { foreignMultivariantPlaylist } from '../src/hls/foreign-multivariant.ts';
import { sealedPrefix } from '../src/hls/sealed.ts';
import { SegueError } from '../src/ops/errors.ts';
import { foreignFileName } from '../src/store/names.ts';
import { caching } from './headers.ts';
import { linesOf } from './line-chunks.ts';
import { playlist, query } from './listing.ts';
import type { Ports } from './ports.ts';
import type { RequestContext, Service } from './service.ts';
import { isListable, listableRenditions, renditionOf, streamFacts } from './stream-facts.ts';
import { isOver, listedSegments } from './stream-lines.ts';

/**
 * Lists of what somebody else renders. Each is made from the catalog when it is asked for, so that a segment is listed as soon
 * as its row is there.
 */

/** A list without enough segments is held so long, in milliseconds: players' time-outs for lists begin at 8 s. */
const holdMs = 7500;

/** `?start=0`: begin with the first segment. Without it a viewer of a stream that still runs gets its live edge. */
const startSchema = z.literal('0', 'expected 0, or nothing for the live edge').optional();
const modeSchema = z.enum(['event', 'vod'], 'expected event or vod').default('event');
const sealedSchema = z
  .string()
  .regex(/^(0|[1-9]\d{0,6})$/, 'expected a whole number')
  .default('0')
  .transform(Number);

/** `GET /v/{id}/index.m3u8` of a stream: the variants and groups of its source, held until they can be played. */
export async function streamIndexRoute(c: RequestContext, service: Service): Promise<Response> {
  const start = query('start', startSchema, c.req.query('start'));
  const head = await settled(c, service, (now) => listableRenditions(now).length > 0);
  const renditions = listableRenditions(head);
  const over = await isOver(service.ports, head);
  const text = foreignMultivariantPlaylist(
    renditions.map((one) => ({ ...one, uri: mediaUri(head, one, over, start) })),
    start !== undefined,
  );
  return playlist(c, service.ports, text, caching.moment);
}

/** Everything that the list's text depends on is in its URL, but for what is appended. */
function mediaUri(head: StreamHead, rendition: RenditionHead, over: boolean, start: '0' | undefined): string {
  const parameters = new URLSearchParams(start === undefined ? [] : [['start', start]]);
  if (head.windowSeconds === null) {
    const stored = leadingRun(rendition.stored);
    const sealed = sealedPrefix(stored, over ? rendition.count : Number.POSITIVE_INFINITY);
    if (sealed > 0) parameters.set('sealed', String(sealed));
    if (over) parameters.set('mode', 'vod');
  }
  return `${rendition.name}/media.m3u8${parameters.size === 0 ? '' : `?${parameters}`}`;
}

/**
 * `GET /v/{id}/{rendition}/media.m3u8` of a stream: everything since its beginning, or a window. It ends once the source has
 * ended it and every segment is in the bucket, so that nothing that a player counts on can still be lost. `mode=vod` is the
 * whole of a stream that has ended, and immutable.
 */
export async function streamMediaRoute(c: RequestContext, service: Service): Promise<Response> {
  const { ports } = service;
  const start = query('start', startSchema, c.req.query('start'));
  const mode = query('mode', modeSchema, c.req.query('mode'));
  const sealed = query('sealed', sealedSchema, c.req.query('sealed'));
  const name = c.req.param('rendition') ?? '';
  const head = await settled(c, service, (now) =>
    now.renditions.some((one) => one.name === name && isListable(now, one)),
  );
  const rendition = renditionOf(head, name);
  const slides = head.windowSeconds !== null;
  const over = await isOver(ports, head);
  refuseUnstored(sealed, slides ? 0 : leadingRun(rendition.stored));
  if (mode === 'vod' && (slides || !over)) {
    throw new SegueError('not_found', 'The stream has no list that never changes', {
      hint: 'Follow the URLs of the multivariant playlist.',
    });
  }
  const type = mode === 'vod' ? 'vod' : slides ? 'live' : 'event';
  const key = `${head.renderId}/${name}/${rendition.count}/${type}/${over}/${start}/${sealed}`;
  const text =
    ports.facts.streamTexts.get(key) ??
    (await listText(ports, head, rendition, { type, over, start, sealed }));
  ports.facts.streamTexts.set(key, text);
  return playlist(c, ports, text, cacheControl(type, over, head.targetDuration ?? 1));
}

/** A growing list may be kept for half a target duration at most (RFC 8216 6.2.1 with 6.3.4); a finished one stays. */
function cacheControl(type: 'vod' | 'event' | 'live', over: boolean, targetDuration: number): string {
  if (type === 'vod') return caching.immutable;
  return over || targetDuration >= 2 ? caching.moment : caching.never;
}

async function listText(
  ports: Ports,
  head: StreamHead,
  rendition: RenditionHead,
  how: { type: 'vod' | 'event' | 'live'; over: boolean; start: '0' | undefined; sealed: number },
): Promise<string> {
  const list = await listedSegments(ports, head, rendition);
  const { name, container } = rendition;
  const base = `${ports.settings.bucketPublicUrl}/${foreignFileName(head.renderId, name, '')}`;
  const frame = {
    type: how.type,
    targetDuration: head.targetDuration ?? 1,
    discontinuitySequence: list.discontinuities,
    ended: how.over,
    fromStart: how.start !== undefined,
    fragmented: container === 'fmp4',
  };
  return framed(frame, list.first, linesOf(list, container, base, how.sealed));
}

/** @throws SegueError `not_found` when the bucket does not hold that many leading segments */
function refuseUnstored(sealed: number, stored: number): void {
  if (sealed <= stored) return;
  throw new SegueError('not_found', `The bucket does not hold the first ${sealed} segments`, {
    hint: 'Follow the URLs of the multivariant playlist.',
  });
}

/**
 * The stream once it is as the list needs it. @throws SegueError `no_node` when it is not in time, `not_found` when it will
 * never be, `too_many_holds`
 */
async function settled(
  c: RequestContext,
  { ports, holds }: Service,
  isReady: (head: StreamHead) => boolean,
): Promise<StreamHead> {
  const id = c.req.param('id') ?? '';
  let head = await streamFacts(ports, id);
  if (isReady(head)) return head;
  const leave = holds.take();
  if (leave === undefined)
    throw new SegueError('too_many_holds', 'Too many requests wait already', {
      hint: 'Ask again in a second.',
    });
  const signal = c.req.raw.signal;
  const watch = ports.changes.watch(head.renderId);
  try {
    for (const until = ports.now() + holdMs; ; ) {
      refuseOver(head);
      const left = until - ports.now();
      if (left <= 0) {
        throw new SegueError('no_node', 'The stream has not begun, or has too few segments to play', {
          hint: 'Ask again: it is listed as soon as its source has sent the first three segments.',
        });
      }
      await watch.next(Math.min(left, ports.settings.pollMs), signal);
      signal.throwIfAborted();
      head = await streamFacts(ports, id);
      if (isReady(head)) return head;
    }
  } finally {
    watch.stop();
    leave();
  }
}

/** What is not there when a stream is over never will be. */
function refuseOver({ state, failure }: StreamHead): void {
  if (state !== 'ended' && state !== 'failed') return;
  throw new SegueError(
    'not_found',
    `The stream is over, and has nothing like this${failure === null ? '' : `: ${failure}`}`,
  );
}
