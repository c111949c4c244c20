import { type SubtitleTrack, subtitleTracks } from '../src/description/subtitles.ts';
import { segmentCount } from '../src/grid/grid.ts';
import { webvttSegment } from '../src/hls/webvtt.ts';
import { SegueError } from '../src/ops/errors.ts';
import { mediaType, type Packing } from '../src/rendition/kind.ts';
import { orRemembered, pathFacts } from './facts.ts';
import { caching } from './headers.ts';
import type { Ports } from './ports.ts';
import type { RenderFacts } from './render-facts.ts';
import type { RequestContext, Service } from './service.ts';
import { textAnswer } from './text-answer.ts';

/** How subtitles are packed. */
export const subtitlePacking = { kind: 'subtitles', container: 'webvtt' } as const satisfies Packing;

/**
 * `GET /v/{id}/{rendition}/{n}.vtt`: a segment of subtitles, made here from the description: no node holds any, and none can be
 * lost.
 */
export async function subtitleSegmentRoute(c: RequestContext, { ports }: Service): Promise<Response> {
  const { id = '', rendition: path = '', file = '' } = c.req.param();
  const { facts, name } = await pathFacts(ports, id, path);
  const n = Number(/^(0|[1-9]\d{0,6})\.vtt$/.exec(file)?.[1] ?? Number.NaN);
  if (!(facts.subtitles.some((one) => one.name === name) && n < segmentCount(facts.grid))) {
    throw new SegueError('not_found', 'The video has no such subtitles', {
      hint: 'Follow the URLs of the multivariant playlist.',
    });
  }
  const track = (await tracksOf(ports, facts)).find((one) => one.name === name);
  const text = webvttSegment(facts.grid, n, track?.cues ?? []);
  return textAnswer(c, ports, text, mediaType(subtitlePacking), caching.immutable);
}

async function tracksOf(ports: Ports, facts: RenderFacts): Promise<readonly SubtitleTrack[]> {
  const known = ports.facts.subtitles.get(facts.renderId);
  if (known !== undefined) return known;
  const row = await orRemembered(
    () => ports.catalog.renderOfGeneration(facts.videoId, facts.generation),
    () => undefined,
    ports,
  );
  const tracks = row === undefined ? [] : subtitleTracks(JSON.parse(row.description));
  ports.facts.subtitles.set(facts.renderId, tracks);
  return tracks;
}
