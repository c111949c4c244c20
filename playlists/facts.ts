import { SegueError } from '../src/ops/errors.ts';
import type { Rendition } from '../src/render/profile.ts';
import type { Ports } from './ports.ts';
import { factsOf, parsePath, type RenderFacts } from './render-facts.ts';

/** Asks `query`; while the catalog is away, answers what was remembered. @throws SegueError `catalog_unavailable` */
export async function orRemembered<T>(
  query: () => Promise<T>,
  remembered: () => T | undefined,
  ports: Pick<Ports, 'onTrouble'>,
): Promise<T> {
  try {
    return await query();
  } catch (error) {
    ports.onTrouble?.('catalog query', error);
    const known = remembered();
    if (known !== undefined) return known;
    throw new SegueError('catalog_unavailable', 'The catalog does not answer', {
      cause: error,
      hint: 'Ask again in a moment.',
    });
  }
}

/** The render that new sessions of a video get. @throws SegueError `not_found` */
export async function currentFacts(ports: Ports, videoId: string): Promise<RenderFacts> {
  const facts = await orRemembered(
    async () => {
      const row = await ports.catalog.currentRender(videoId);
      return row === undefined ? 'unknown' : remember(ports, videoId, factsOf(row));
    },
    () => ports.facts.renders.get(videoId),
    ports,
  );
  if (facts === 'unknown') throw unknownVideo();
  return facts;
}

/**
 * One rendition of a video by its name in a URL. What it needs of a render never changes, so a known one costs no query.
 * @throws SegueError `not_found`
 */
export async function renditionFacts(
  ports: Ports,
  videoId: string,
  path: string,
): Promise<{ facts: RenderFacts; rendition: Rendition }> {
  const parsed = parsePath(path);
  if (parsed === undefined) throw unknownRendition();
  const key = `${videoId}~${parsed.generation}`;
  const facts =
    ports.facts.renders.get(key) ??
    (await orRemembered<RenderFacts | 'unknown'>(
      async () => {
        const row = await ports.catalog.renderOfGeneration(videoId, parsed.generation);
        return row === undefined ? 'unknown' : remember(ports, key, factsOf(row));
      },
      () => undefined,
      ports,
    ));
  if (facts === 'unknown') throw unknownVideo();
  const rendition = facts.renditions.find((one) => one.name === parsed.rendition);
  if (rendition === undefined) throw unknownRendition();
  return { facts, rendition };
}

/** Keeps the facts of a render in mind, under the video and under its generation. */
export function remember(ports: Ports, key: string, facts: RenderFacts): RenderFacts {
  ports.facts.renders.set(key, facts);
  ports.facts.renders.set(`${facts.videoId}~${facts.generation}`, facts);
  return facts;
}

const unknownVideo = (): SegueError => new SegueError('not_found', 'There is no such video');
const unknownRendition = (): SegueError => new SegueError('not_found', 'The video has no such rendition');
