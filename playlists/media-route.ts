import { z } from 'zod';
import { bucketPlace } from '../src/catalog/bucket-place.ts';
import type { CopyRow } from '../src/catalog/copies.ts';
import { leadingRun, rangesOf, unionOf } from '../src/catalog/ranges.ts';
import type { SegmentSizes } from '../src/catalog/sizes.ts';
import { segmentCount } from '../src/grid/grid.ts';
import { type ListedTrack, mediaPlaylist } from '../src/hls/media.ts';
import { SegueError } from '../src/ops/errors.ts';
import { isPlayed } from '../src/render/profile.ts';
import { posterName, segmentsOf } from '../src/rendition/kind.ts';
import { pathFacts, unknownRendition } from './facts.ts';
import { caching } from './headers.ts';
import {
  copiesOf,
  heldOf,
  isDurable,
  leadingCopies,
  modeSchema,
  playlist,
  query,
  storedOf,
} from './listing.ts';
import { makeRequests } from './make-requests.ts';
import type { Ports } from './ports.ts';
import type { RenderFacts } from './render-facts.ts';
import { nextStep } from './resolve.ts';
import { bucketUrl } from './segment-source.ts';
import type { RequestContext, Service } from './service.ts';
import { subtitlePacking } from './subtitles.ts';

const sealedSchema = z
  .string()
  .regex(/^(0|[1-9]\d{0,6})$/, 'expected a whole number')
  .default('0')
  .transform(Number);

/** `GET /v/{id}/{rendition}/media.m3u8`: immutable for its `sealed`; with `mode=event` it grows. */
export async function mediaRoute(c: RequestContext, service: Service): Promise<Response> {
  const { ports } = service;
  const mode = query('mode', modeSchema, c.req.query('mode'));
  const sealed = query('sealed', sealedSchema, c.req.query('sealed'));
  const { facts, name } = await pathFacts(ports, c.req.param('id') ?? '', c.req.param('rendition') ?? '');
  const track = trackOf(facts, name);
  const { renderId, grid } = facts;
  // Subtitles are made by the service itself and need no other place: their lines never change.
  const isText = track.kind === 'subtitles';
  const common = {
    grid,
    track,
    sealed: isText ? 0 : sealed,
    sealedUrl: (n: number) => bucketUrl(ports, { renderId, rendition: name, n, container: track.container }),
  };
  if (mode === 'vod') {
    // The plain playlist needs no query; every other depends on what is stored.
    if (common.sealed > 0) refuseUnstored(sealed, await copiesOf(ports, renderId), name);
    return playlist(c, ports, mediaPlaylist({ ...common, mode: { type: 'vod' } }), caching.immutable);
  }
  const leaders = leadersOf(facts, name);
  const copies = await begunCopies(service, facts, leaders, c.req.raw.signal);
  if (!isText) refuseUnstored(sealed, copies, name);
  await goOn(service, facts, leaders, copies, c.req.raw.signal);
  const event = {
    type: 'event' as const,
    available: await available(ports, facts, leaders, copies),
    durable: isDurable(facts, copies) || (await isDone(ports, facts, copies)),
  };
  return playlist(c, ports, mediaPlaylist({ ...common, mode: event }), caching.moment);
}

/**
 * Whether nothing is to be waited for any more though the bucket has not everything: all of it exists, and the policy leaves some of it where
 * it is. Whatever is lost of it is rendered again.
 */
async function isDone(ports: Ports, facts: RenderFacts, copies: readonly CopyRow[]): Promise<boolean> {
  const count = segmentCount(facts.grid);
  const needed = facts.renditions.filter(({ name }) => !facts.onDemand.has(name));
  const isMade = needed.every((one) => leadingCopies(copies, one.name) >= segmentsOf(one, count));
  return isMade && !(await ports.catalog.policies.isCopiedWhole(facts.renderId).catch(() => true));
}

/** What is listed by this name. @throws SegueError `not_found`, also for the poster, which is a single picture */
function trackOf(facts: RenderFacts, name: string): ListedTrack {
  if (facts.subtitles.some((one) => one.name === name)) return subtitlePacking;
  const rendition = facts.renditions.find((one) => one.name === name);
  if (rendition === undefined || name === posterName) throw unknownRendition();
  return rendition;
}

/**
 * Renditions that decide how far a growing list goes: itself; for what is made on demand, and for text, those that are made
 * in any case.
 */
function leadersOf(facts: RenderFacts, name: string): string[] {
  const made = facts.renditions.filter((one) => isPlayed(one) && !facts.onDemand.has(one.name));
  const leads = made.length === 0 || made.some((one) => one.name === name);
  return leads ? [name] : made.map((one) => one.name);
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
  leaders: readonly string[],
  signal: AbortSignal,
): Promise<CopyRow[]> {
  const { renderId } = facts;
  const rendition = leaders[0] ?? '';
  const watch = ports.changes.watch(renderId);
  const requests = makeRequests(ports, nodes, { renderId, rendition, n: 0 });
  try {
    for (const begun = ports.now(); ; ) {
      const copies = await copiesOf(ports, renderId);
      if ((await available(ports, facts, leaders, copies)) > 0) return copies;
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

/**
 * A growing list ends only when all of it is in the bucket. What was lost with a node after everybody had fetched it is asked
 * for by nobody, so the list says that it is followed, where no node makes it by itself.
 */
async function goOn(
  { ports, nodes }: Service,
  facts: RenderFacts,
  leaders: readonly string[],
  copies: readonly CopyRow[],
  signal: AbortSignal,
): Promise<void> {
  const { renderId, grid } = facts;
  if (isDurable(facts, copies)) return;
  const known = await ports.catalog.nodes().catch(() => undefined);
  if (known === undefined) return;
  // Rows of a node that is gone for good stay, and count for what is listed; here they do not.
  const live = new Set([bucketPlace, ...known.filter(({ state }) => state !== 'dead').map(({ id }) => id)]);
  const there = copies.filter(({ place }) => live.has(place));
  for (const rendition of leaders) {
    const n = leadingCopies(there, rendition);
    if (n >= segmentCount(grid)) continue;
    const location = await ports.catalog.locate(renderId, rendition, n).catch(() => undefined);
    // Whoever has the lease makes what was never listed by itself.
    const wasListed = n < (ports.facts.listed.get(`${renderId}/${rendition}`) ?? 0);
    const step = location === undefined ? undefined : nextStep(location, new Set());
    if (step?.kind !== 'make' || (step.holder !== undefined && !wasListed)) continue;
    // The list is right without it; the next reload asks again.
    await makeRequests(ports, nodes, { renderId, watch: true })
      .ask(step.holder, new Set(), signal)
      .catch((error: unknown) => ports.onTrouble?.('asking for what was lost', error));
  }
}

/**
 * Leading segments that exist anywhere, or once did: a line that was listed stays, also when the node that held the segment has
 * died, since a request for it is held until it is made again, and the list goes on from there. A segment's size is written with
 * its first copy and stays.
 */
async function available(
  ports: Ports,
  { renderId }: RenderFacts,
  leaders: readonly string[],
  copies: readonly CopyRow[],
): Promise<number> {
  const sizes = await ports.catalog.sizesOf(renderId).catch((error: unknown) => {
    ports.onTrouble?.('catalog query', error);
    return new Map<string, SegmentSizes>();
  });
  return Math.min(
    ...leaders.map((name) => {
      const key = `${renderId}/${name}`;
      const once = [...(sizes.get(name) ?? [])].flatMap((bytes, n) => (bytes === null ? [] : [n]));
      const listed = leadingRun(
        unionOf(heldOf(copies, name), rangesOf(once), [[0, ports.facts.listed.get(key) ?? 0]]),
      );
      ports.facts.listed.set(key, listed);
      return listed;
    }),
  );
}
