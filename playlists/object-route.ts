import { foreign } from '../src/catalog/foreign.ts';
import type { RenderRow } from '../src/catalog/videos.ts';
import { gridOf, segmentCount } from '../src/grid/grid.ts';
import { SegueError } from '../src/ops/errors.ts';
import { extensionOf, mediaType, segmentsOf } from '../src/rendition/kind.ts';
import { paddingOf } from '../src/rendition/padding.ts';
import { parseSegmentName } from '../src/store/names.ts';
import { crcText } from './crc32.ts';
import { orRemembered } from './facts.ts';
import { held } from './hold.ts';
import type { Ports } from './ports.ts';
import { bytesAnswer, foundAnswer } from './segment-route.ts';
import type { Found } from './segment-source.ts';
import type { RequestContext, Service } from './service.ts';

/**
 * `GET /renders/{renderId}/...`: a segment or init segment by its name in the bucket, for a CDN whose origin does not give it (origin
 * failover). The bytes come from a node that has them; else a node looks into the bucket itself, gives what is there, and
 * corrects the row of what is not, which is then made again. Nobody else need know this route.
 */
export async function objectRoute(c: RequestContext, service: Service): Promise<Response> {
  const { renderId = '' } = c.req.param();
  const rest = c.req.path.slice(`/renders/${renderId}/`.length);
  const render = await renderOf(service.ports, renderId);
  const segment = parseSegmentName(c.req.path.slice(1));
  if (segment !== undefined) return segmentObject(c, service, render, segment.rendition, segment.n);
  const [, rendition = ''] = /^([a-z0-9]+)\/init\.mp4$/.exec(rest) ?? [];
  if (rendition !== '') return initObject(c, service, render, rendition);
  // Playlists of the bucket are for when there is no service.
  throw noObject();
}

const noObject = (): SegueError => new SegueError('not_found', 'There is no such object');

async function renderOf(ports: Ports, renderId: string): Promise<RenderRow> {
  const row = await orRemembered(
    async () => (await ports.catalog.renderById(renderId)) ?? ('unknown' as const),
    () => undefined,
    ports,
  );
  if (row === 'unknown') throw noObject();
  return row;
}

async function segmentObject(
  c: RequestContext,
  service: Service,
  render: RenderRow,
  name: string,
  n: number,
): Promise<Response> {
  const packing = render.renditions.find((one) => one.name === name);
  const isForeign = render.profile === foreign;
  const isThere =
    packing !== undefined &&
    c.req.path.endsWith(`.${extensionOf(packing.container)}`) &&
    (isForeign || n < segmentsOf(packing, segmentCount(gridOf(render.frameRate, render.frameCount))));
  if (!isThere) throw noObject();
  const { container } = packing;
  const contentType = mediaType(packing);
  const key = { renderId: render.renderId, rendition: name, n, container, notFromBucket: true };
  return held<Found>(c, service, {
    contentType,
    // Nothing is known here of keys: padding before an encrypted segment would be deciphered with it.
    padding: isForeign ? undefined : paddingOf(container),
    begin: (signal) => service.source.find(isForeign ? { ...key, irreplaceable: true } : key, signal),
    answer: (found) => foundAnswer(c, service.ports, found, contentType),
    bytes: async (found, signal) =>
      found.kind === 'bytes' ? found.segment : service.source.download(found.url, signal),
    discard: (found) => {
      if (found.kind === 'bytes') found.segment.release();
    },
  });
}

async function initObject(
  c: RequestContext,
  { ports }: Service,
  render: RenderRow,
  name: string,
): Promise<Response> {
  const packing = render.renditions.find((one) => one.name === name);
  const init = await ports.catalog.initOf(render.renderId, name);
  if (packing === undefined || init === undefined) throw noObject();
  const bytes = new Uint8Array(init);
  const segment = { bytes, crc: crcText(ports.crc32(bytes)), release: () => undefined };
  return bytesAnswer(c, ports, segment, 'catalog', mediaType(packing));
}
