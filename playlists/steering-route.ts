import { z } from 'zod';
import { leadingRun } from '../src/catalog/ranges.ts';
import { segmentCount } from '../src/grid/grid.ts';
import { mediaPlaylistUri } from '../src/hls/multivariant.ts';
import { type SealedUris, stableIdOf, steeringManifest } from '../src/hls/steering.ts';
import type { Rendition } from '../src/render/profile.ts';
import { absoluteUrl } from './absolute-url.ts';
import { currentFacts, factsOfGeneration } from './facts.ts';
import { caching } from './headers.ts';
import { copiesOf, isDurable, modeSchema, query, storedOf } from './listing.ts';
import { playbackBase } from './playback.ts';
import { pathOf } from './render-facts.ts';
import { bucketUrl } from './segment-source.ts';
import type { RequestContext, Service } from './service.ts';
import { textAnswer } from './text-answer.ts';

/** Registered by RFC 8216bis (section 10). */
const steeringType = 'application/vnd.apple.steering-list';

/** Relative URL of the manifest for sessions of one generation: its variants are no others'. */
export const steeringUri = (generation: number, mode: 'vod' | 'event'): string =>
  `steering.json?generation=${generation}${mode === 'event' ? '&mode=event' : ''}`;

const generationSchema = z
  .string()
  .regex(/^[1-9]\d{0,8}$/, 'expected a whole number from 1')
  .transform(Number)
  .optional();

/**
 * `GET /v/{id}/steering.json`: where sessions that began before everything was stored are to go now (RFC 8216bis 7). It keeps
 * nothing: the answer is that of the copies at this moment.
 */
export async function steeringRoute(c: RequestContext, { ports, reads }: Service): Promise<Response> {
  const mode = query('mode', modeSchema, c.req.query('mode'));
  const generation = query('generation', generationSchema, c.req.query('generation'));
  const id = c.req.param('id') ?? '';
  const facts =
    generation === undefined ? await currentFacts(ports, id) : await factsOfGeneration(ports, id, generation);
  const copies = await copiesOf(ports, facts.renderId);
  const count = segmentCount(facts.grid);
  const base = playbackBase(c);
  const urisOf = (renditions: readonly Rendition[]): Record<string, string> =>
    Object.fromEntries(
      renditions.map(({ name }) => {
        const path = pathOf(facts, name);
        return [stableIdOf(path), absoluteUrl(c, base + mediaPlaylistUri(path, count, mode))];
      }),
    );
  // Pictures belong to no pathway.
  const listed = facts.renditions.filter(({ kind }) => kind !== 'images');
  const stored = listed.filter(({ name }) => leadingRun(storedOf(copies, name)) >= count);
  const hasPicture = facts.renditions.some(({ kind }) => kind === 'video');
  const isVariant = ({ kind }: Rendition): boolean => (hasPicture ? kind !== 'audio' : kind === 'audio');
  const sealed: SealedUris = {
    variants: urisOf(stored.filter(isVariant)),
    renditions: urisOf(stored.filter((one) => !isVariant(one))),
    all: stored.length === listed.length ? count : undefined,
  };
  const isOver = isDurable(facts, copies);
  const bucketAnswers = async (): Promise<boolean> => {
    const [first] = stored;
    if (first === undefined) return false;
    const { name, container } = first;
    const url = bucketUrl(ports, { renderId: facts.renderId, rendition: name, n: 0, container });
    return (await reads.answer(url)) === 'there';
  };
  const manifest = steeringManifest({
    reloadUri: absoluteUrl(c, base + steeringUri(facts.generation, mode)),
    sealed: isOver ? sealed : undefined,
    bucketAnswers: isOver && (await bucketAnswers()),
  });
  return textAnswer(c, ports, JSON.stringify(manifest), steeringType, caching.never);
}
