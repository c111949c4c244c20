import { z } from 'zod';
import type { CopyRow } from '../src/catalog/copies.ts';
import { leadingRun, type Ranges, unionOf } from '../src/catalog/ranges.ts';
import { bucketPlace } from '../src/catalog/schema.ts';
import { segmentCount } from '../src/grid/grid.ts';
import { mediaPlaylist } from '../src/hls/media.ts';
import { multivariantPlaylist } from '../src/hls/multivariant.ts';
import { sealedPrefix } from '../src/hls/sealed.ts';
import { SegueError } from '../src/ops/errors.ts';
import { playlistType } from '../src/store/names.ts';
import { currentFacts, orRemembered, renditionFacts } from './facts.ts';
import { textBody } from './gzip.ts';
import { caching, openToAll } from './headers.ts';
import { makeRequests } from './make-requests.ts';
import type { Ports } from './ports.ts';
import { listed, pathOf, type RenderFacts } from './render-facts.ts';
import { nextStep } from './resolve.ts';
import { bucketUrl } from './segment-source.ts';
import type { RequestContext, Service } from './service.ts';

const modeSchema = z.enum(['vod', 'event']).default('vod');
const sealedSchema = z
  .string()
  .regex(/^(0|[1-9]\d{0,6})$/, 'expected a whole number')
  .default('0')
  .transform(Number);

/** `GET /v/{id}/index.m3u8`: the multivariant playlist of this moment, with the prefix that is in the bucket now. */
export async function multivariantRoute(c: RequestContext, { ports }: Service): Promise<Response> {
  const mode = query('mode', modeSchema, c.req.query('mode'));
  const facts = await currentFacts(ports, c.req.param('id') ?? '');
  const copies = await copiesOf(ports, facts.renderId).catch((error: unknown) => {
    // Without the catalog every line keeps its stable URL: longer ways, but nothing wrong.
    ports.onTrouble?.('catalog query', error);
    return [];
  });
  const count = segmentCount(facts.grid);
  const text = multivariantPlaylist({
    renditions: facts.renditions.map((rendition) => listed(facts, rendition)),
    frameRate: facts.frameRate,
    sealedByRendition: Object.fromEntries(
      facts.renditions.map(({ name }) => [
        pathOf(facts, name),
        sealedPrefix(leadingRun(storedOf(copies, name)), count),
      ]),
    ),
    mode,
  });
  return playlist(c, ports, text, caching.moment);
}

/** `GET /v/{id}/{rendition}/media.m3u8`: immutable for its `sealed`; with `mode=event` it grows. */
export async function mediaRoute(c: RequestContext, service: Service): Promise<Response> {
  const { ports } = service;
  const mode = query('mode', modeSchema, c.req.query('mode'));
  const sealed = query('sealed', sealedSchema, c.req.query('sealed'));
  const { facts, rendition } = await renditionFacts(
    ports,
    c.req.param('id') ?? '',
    c.req.param('rendition') ?? '',
  );
  const { renderId, grid } = facts;
  const common = {
    grid,
    kind: rendition.kind,
    sealed,
    sealedUrl: (n: number) => bucketUrl(ports, { renderId, rendition: rendition.name, n }),
  };
  if (mode === 'vod') {
    // The plain playlist needs no query; every other depends on what is stored.
    if (sealed > 0) refuseUnstored(sealed, await copiesOf(ports, renderId), rendition.name);
    return playlist(c, ports, mediaPlaylist({ ...common, mode: { type: 'vod' } }), caching.immutable);
  }
  const copies = await begunCopies(service, facts, rendition.name, c.req.raw.signal);
  refuseUnstored(sealed, copies, rendition.name);
  const event = {
    type: 'event' as const,
    available: available(ports, facts, rendition.name, copies),
    durable: durable(facts, copies, segmentCount(grid)),
  };
  return playlist(c, ports, mediaPlaylist({ ...common, mode: event }), caching.moment);
}

/** @throws SegueError `not_found` when the bucket does not hold that many leading segments */
function refuseUnstored(sealed: number, copies: readonly CopyRow[], rendition: string): void {
  if (sealed <= leadingRun(storedOf(copies, rendition))) return;
  throw new SegueError('not_found', `The bucket does not hold the first ${sealed} segments`, {
    hint: 'Follow the URLs of the multivariant playlist.',
  });
}

/** A growing playlist without a segment is an error to players: it is held so long, in milliseconds, for the first one. */
const firstSegmentMs = 8000;

/** The copies of a render, once its first segment exists. @throws SegueError `no_node` when it does not come in time */
async function begunCopies(
  { ports, nodes }: Service,
  facts: RenderFacts,
  rendition: string,
  signal: AbortSignal,
): Promise<CopyRow[]> {
  const { renderId } = facts;
  const watch = ports.changes.watch(renderId);
  const requests = makeRequests(ports, nodes, { renderId, rendition, n: 0 });
  try {
    for (const begun = ports.now(); ; ) {
      const copies = await copiesOf(ports, renderId);
      if (available(ports, facts, rendition, copies) > 0) return copies;
      if (ports.now() - begun > firstSegmentMs) {
        throw new SegueError('no_node', 'The first segment is not made yet', { hint: 'Ask again.' });
      }
      const location = await ports.catalog.locate(renderId, rendition, 0).catch(() => undefined);
      const step = location === undefined ? undefined : nextStep(location, new Set());
      if (step?.kind === 'make') await requests.ask(step.holder, new Set(), signal);
      await watch.next(ports.settings.pollMs, signal);
      signal.throwIfAborted();
    }
  } finally {
    watch.stop();
  }
}

/** Segments of a rendition that are in the bucket. */
function storedOf(copies: readonly CopyRow[], rendition: string): Ranges {
  return copies.find((row) => row.place === bucketPlace && row.rendition === rendition)?.segments ?? [];
}

/**
 * Leading segments that exist anywhere, or did: a line that was listed stays, also when the node that held the segment has
 * died, since a request for it is held until it is made again.
 */
function available(
  ports: Ports,
  { renderId }: RenderFacts,
  rendition: string,
  copies: readonly CopyRow[],
): number {
  const key = `${renderId}/${rendition}`;
  const now = leadingRun(
    unionOf(...copies.filter((row) => row.rendition === rendition).map((row) => row.segments)),
  );
  const most = Math.max(now, ports.facts.listed.get(key) ?? 0);
  ports.facts.listed.set(key, most);
  return most;
}

/** Whether nothing of the whole video can be lost any more: all variants end at the same moment. */
function durable(facts: RenderFacts, copies: readonly CopyRow[], count: number): boolean {
  return facts.renditions.every(({ name }) => leadingRun(storedOf(copies, name)) >= count);
}

async function copiesOf(ports: Ports, renderId: string): Promise<CopyRow[]> {
  return orRemembered(
    async () => {
      const copies = await ports.catalog.copiesOf(renderId);
      ports.facts.copies.set(renderId, copies);
      return copies;
    },
    () => ports.facts.copies.get(renderId),
    ports,
  );
}

/** A query parameter by its schema. @throws SegueError `invalid_request` */
function query<T>(name: string, schema: z.ZodType<T>, value: string | undefined): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new SegueError('invalid_request', `${name}: ${result.error.issues[0]?.message ?? 'not understood'}`);
}

async function playlist(
  c: RequestContext,
  { runtime }: Ports,
  text: string,
  cacheControl: string,
): Promise<Response> {
  const { bytes, headers } = await textBody(
    text,
    runtime === 'process' ? c.req.header('accept-encoding') : undefined,
  );
  return new Response(c.req.method === 'HEAD' ? null : bytes, {
    headers: { ...openToAll, ...headers, 'content-type': playlistType, 'cache-control': cacheControl },
  });
}
