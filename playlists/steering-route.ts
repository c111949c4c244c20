import { leadingRun } from '../src/catalog/ranges.ts';
import { segmentCount } from '../src/grid/grid.ts';
import { mediaPlaylistUri } from '../src/hls/multivariant.ts';
import { type SealedUris, stableIdOf, steeringManifest } from '../src/hls/steering.ts';
import { isPlayed, type Rendition } from '../src/render/profile.ts';
import { absoluteUrl } from './absolute-url.ts';
import { currentFacts } from './facts.ts';
import { caching } from './headers.ts';
import { copiesOf, isDurable, modeSchema, query, storedOf } from './listing.ts';
import { pathOf } from './render-facts.ts';
import { bucketUrl } from './segment-source.ts';
import type { RequestContext, Service } from './service.ts';
import { textAnswer } from './text-answer.ts';

/**
 * `GET /v/{id}/steering.json`: where sessions that began before everything was stored are to go now (RFC 8216bis 7). It keeps
 * nothing: the answer is that of the copies at this moment.
 */
export async function steeringRoute(c: RequestContext, { ports, reads }: Service): Promise<Response> {
  const mode = query('mode', modeSchema, c.req.query('mode'));
  const facts = await currentFacts(ports, c.req.param('id') ?? '');
  const copies = await copiesOf(ports, facts.renderId);
  const count = segmentCount(facts.grid);
  const base = `/v/${facts.videoId}/`;
  const urisOf = (renditions: readonly Rendition[]): Record<string, string> =>
    Object.fromEntries(
      renditions.map(({ name }) => {
        const path = pathOf(facts, name);
        return [stableIdOf(path), absoluteUrl(c, base + mediaPlaylistUri(path, count, mode))];
      }),
    );
  const played = facts.renditions.filter(isPlayed);
  const stored = played.filter(({ name }) => leadingRun(storedOf(copies, name)) >= count);
  const hasPicture = facts.renditions.some(({ kind }) => kind === 'video');
  const isVariant = ({ kind }: Rendition): boolean => kind === 'video' || !hasPicture;
  const sealed: SealedUris = {
    variants: urisOf(stored.filter(isVariant)),
    renditions: urisOf(stored.filter((one) => !isVariant(one))),
    all: stored.length === played.length ? count : undefined,
  };
  const isOver = isDurable(facts, copies);
  const bucketAnswers = async (): Promise<boolean> => {
    const [first] = stored;
    if (first === undefined) return false;
    const { name, container } = first;
    return reads.answer(bucketUrl(ports, { renderId: facts.renderId, rendition: name, n: 0, container }));
  };
  const manifest = steeringManifest({
    reloadUri: absoluteUrl(c, `${base}steering.json${mode === 'event' ? '?mode=event' : ''}`),
    sealed: isOver ? sealed : undefined,
    bucketAnswers: isOver && (await bucketAnswers()),
  });
  return textAnswer(c, ports, JSON.stringify(manifest), 'application/json', caching.never);
}
