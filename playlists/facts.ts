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
    if (error instanceof SegueError && error.code !== 'catalog_unavailable') throw error;
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
      const head = await ports.catalog.currentHead(videoId);
      const known = head === undefined ? undefined : await generationFacts(ports, videoId, head.generation);
      if (head === undefined || known === undefined) return 'unknown' as const;
      const now = {
        ...known,
        state: head.state,
        failure: head.failure ?? undefined,
        sealed: head.sealedAt !== null,
      };
      ports.facts.renders.set(videoId, now);
      return now;
    },
    () => ports.facts.renders.get(videoId) ?? ports.facts.renders.get(`${videoId}~1`),
    ports,
  );
  if (facts === 'unknown') throw unknownVideo();
  return facts;
}

/**
 * The render that a rendition's name in a URL belongs to, and the name without its generation. What a request needs of a render
 * never changes, so a known one costs no query. @throws SegueError `not_found`
 */
export async function pathFacts(
  ports: Ports,
  videoId: string,
  path: string,
): Promise<{ facts: RenderFacts; name: string }> {
  const parsed = parsePath(path);
  if (parsed === undefined) throw unknownRendition();
  return { facts: await factsOfGeneration(ports, videoId, parsed.generation), name: parsed.rendition };
}

/** One generation of a video, of which only the state may have changed since. @throws SegueError `not_found` */
export async function factsOfGeneration(
  ports: Ports,
  videoId: string,
  generation: number,
): Promise<RenderFacts> {
  const facts = await orRemembered(
    async () => (await generationFacts(ports, videoId, generation)) ?? ('unknown' as const),
    () => undefined,
    ports,
  );
  if (facts === 'unknown') throw unknownVideo();
  return facts;
}

/** One rendition of a video by its name in a URL. @throws SegueError `not_found` */
export async function renditionFacts(
  ports: Ports,
  videoId: string,
  path: string,
): Promise<{ facts: RenderFacts; rendition: Rendition }> {
  const { facts, name } = await pathFacts(ports, videoId, path);
  const rendition = facts.renditions.find((one) => one.name === name);
  if (rendition === undefined) throw unknownRendition();
  return { facts, rendition };
}

/** One generation of a video: of what is remembered only the state may have changed since. */
async function generationFacts(
  ports: Ports,
  videoId: string,
  generation: number,
): Promise<RenderFacts | undefined> {
  const known = ports.facts.renders.get(`${videoId}~${generation}`);
  if (known !== undefined) return known;
  const row = await ports.catalog.renderOfGeneration(videoId, generation);
  return row === undefined ? undefined : remember(ports, factsOf(row));
}

/** Keeps the facts of a render in mind. */
export function remember(ports: Ports, facts: RenderFacts): RenderFacts {
  ports.facts.renders.set(`${facts.videoId}~${facts.generation}`, facts);
  return facts;
}

const unknownVideo = (): SegueError => new SegueError('not_found', 'There is no such video');
/** The error for a rendition that the video does not have. */
export const unknownRendition = (): SegueError =>
  new SegueError('not_found', 'The video has no such rendition');
