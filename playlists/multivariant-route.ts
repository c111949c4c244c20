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
import type { RequestContext, Service } from './service.ts';

const steeringSchema = z.enum(['0', '1'], 'expected 0 or 1').optional();

/** `GET /v/{id}/index.m3u8`: the multivariant playlist of this moment, with the prefix that is in the bucket now. */
export async function multivariantRoute(c: RequestContext, { ports, reads }: Service): Promise<Response> {
  const mode = query('mode', modeSchema, c.req.query('mode'));
  const steering = query('steering', steeringSchema, c.req.query('steering'));
  const facts = await currentFacts(ports, c.req.param('id') ?? '');
  const copies = await copiesOf(ports, facts.renderId).catch((error: unknown) => {
    // Without the catalog every line keeps its stable URL: longer ways, but nothing wrong.
    ports.onTrouble?.('catalog query', error);
    return [];
  });
  const rates = await ratesNow(ports, facts, copies);
  const count = segmentCount(facts.grid);
  const steered = steering === undefined ? ports.settings.steering : steering === '1';
  const text = multivariantPlaylist({
    renditions: [
      ...facts.renditions
        .filter(({ name }) => name !== posterName)
        .map((rendition) => ({ ...listed(facts, rendition), ...rates.get(rendition.name) })),
      ...listedSubtitles(facts),
    ],
    frameRate: facts.frameRate,
    sealedByRendition: Object.fromEntries(
      facts.renditions.map(({ name }) => [
        pathOf(facts, name),
        reads.away ? 0 : sealedPrefix(leadingRun(storedOf(copies, name)), count),
      ]),
    ),
    mode,
    // A session that begins when all is stored goes to the bucket by itself.
    ...(steered && (reads.away || !isDurable(facts, copies))
      ? {
          steering: {
            uri: `steering.json${mode === 'event' ? '?mode=event' : ''}`,
            pathway: nodesPathway,
          },
        }
      : {}),
  });
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
