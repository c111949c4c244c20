import { thumbnailList } from '../src/hls/webvtt.ts';
import { SegueError } from '../src/ops/errors.ts';
import { posterName, thumbnailsName } from '../src/rendition/kind.ts';
import { currentFacts } from './facts.ts';
import { caching, openToAll } from './headers.ts';
import { pathOf, type RenderFacts } from './render-facts.ts';
import type { RequestContext, Service } from './service.ts';
import { textAnswer } from './text-answer.ts';

/**
 * `GET /v/{id}/thumbnails.vtt`: the pictures of a seek bar by time, one a segment, all of them listed before any is made. The URLs
 * in it never give anything else; it names those of the render that new sessions get.
 */
export async function thumbnailsRoute(c: RequestContext, { ports }: Service): Promise<Response> {
  const facts = await currentFacts(ports, c.req.param('id') ?? '');
  const path = picturePath(facts, thumbnailsName);
  const text = thumbnailList(facts.grid, (n) => `${path}/${n}.jpg`);
  return textAnswer(c, ports, text, 'text/vtt; charset=utf-8', caching.moment);
}

/** `GET /v/{id}/poster.jpg`: 307 to the picture of the render that new sessions get. */
export async function posterRoute(c: RequestContext, { ports }: Service): Promise<Response> {
  const facts = await currentFacts(ports, c.req.param('id') ?? '');
  const headers = {
    ...openToAll,
    location: `${picturePath(facts, posterName)}/0.jpg`,
    'cache-control': caching.moment,
  };
  return new Response(null, { status: 307, headers });
}

/** @throws SegueError `not_found` for a render that was begun before there were pictures */
function picturePath(facts: RenderFacts, name: string): string {
  if (facts.renditions.some((one) => one.name === name)) return pathOf(facts, name);
  throw new SegueError('not_found', 'The video has no such pictures');
}
