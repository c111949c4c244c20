import { z } from 'zod';
import { leadingRun } from '../src/catalog/ranges.ts';
import { segmentCount } from '../src/grid/grid.ts';
import { type ListedRendition, multivariantPlaylist } from '../src/hls/multivariant.ts';
import { sealedPrefix } from '../src/hls/sealed.ts';
import { nodesPathway } from '../src/hls/steering.ts';
import { posterName } from '../src/rendition/kind.ts';
import { currentFacts } from './facts.ts';
import { caching } from './headers.ts';
import { copiesOf, isDurable, modeSchema, playlist, query, storedOf } from './listing.ts';
import { ratesNow } from './rates.ts';
import { listed, pathOf, type RenderFacts } from './render-facts.ts';
import { bucketUrl } from './segment-source.ts';
import type { RequestContext, Service } from './service.ts';
import { steeringUri } from './steering-route.ts';
import { viewerOf } from './viewer.ts';

const steeringSchema = z.enum(['0', '1'], 'expected 0 or 1').optional();

/** `GET /v/{id}/index.m3u8`: the multivariant playlist of this moment, with the prefix that is in the bucket now. */
export async function multivariantRoute(c: RequestContext, { ports, reads }: Service): Promise<Response> {
  const mode = query('mode', modeSchema, c.req.query('mode'));
  const steering = query('steering', steeringSchema, c.req.query('steering'));
  const facts = await currentFacts(ports, c.req.param('id') ?? '');
  const { renderId } = facts;
  const copies = await copiesOf(ports, renderId).catch((error: unknown) => {
    // Without the catalog every line keeps its stable URL: longer ways, but nothing wrong.
    ports.onTrouble?.('catalog query', error);
    return [];
  });
  const rates = await ratesNow(ports, facts, copies);
  const count = segmentCount(facts.grid);
  const steered = steering === undefined ? ports.settings.steering : steering === '1';
  const prefixes = facts.renditions.map((one) => ({
    ...one,
    sealed: sealedPrefix(leadingRun(storedOf(copies, one.name)), count),
  }));
  const first = prefixes.find(({ sealed }) => sealed > 0);
  // Whoever gets bucket URLs in its playlist never asks here again: the bucket has to answer now.
  const bucketAnswers =
    first === undefined ||
    (await reads.answer(
      bucketUrl(ports, { renderId, rendition: first.name, n: 0, container: first.container }),
    )) === 'there';
  const text = multivariantPlaylist({
    renditions: [
      ...facts.renditions
        .filter(({ name }) => name !== posterName)
        .map((rendition) => ({ ...listed(facts, rendition), ...rates.get(rendition.name) })),
      ...listedSubtitles(facts),
    ],
    frameRate: facts.frameRate,
    sealedByRendition: Object.fromEntries(
      prefixes.map(({ name, sealed }) => [pathOf(facts, name), bucketAnswers ? sealed : 0]),
    ),
    mode,
    // A session that begins when all is stored goes to the bucket by itself.
    ...(steered && (!bucketAnswers || !isDurable(facts, copies))
      ? {
          steering: {
            uri: steeringUri(facts.generation, mode),
            pathway: nodesPathway,
          },
        }
      : {}),
  });
  const seen = prefixes.find(({ kind }) => kind === 'video') ?? prefixes[0];
  if (c.req.method === 'GET')
    ports.demand?.began(facts, viewerOf(c, ports), bucketAnswers ? (seen?.sealed ?? 0) : 0);
  return playlist(c, ports, text, caching.moment);
}

function listedSubtitles(facts: RenderFacts): ListedRendition[] {
  return facts.subtitles.map(({ name, title, language }) => ({
    kind: 'subtitles',
    path: pathOf(facts, name),
    title,
    language,
  }));
}
