import { segmentCount } from '../src/grid/grid.ts';
import { SegueError } from '../src/ops/errors.ts';
import { rangeOf } from '../src/ops/range.ts';
import type { Rendition } from '../src/render/profile.ts';
import { extensionOf, mediaType, segmentsOf } from '../src/rendition/kind.ts';
import { paddingOf } from '../src/rendition/padding.ts';
import { cutFor, pacedBody } from './body.ts';
import { renditionFacts } from './facts.ts';
import { caching, openToAll } from './headers.ts';
import { held } from './hold.ts';
import type { Ports } from './ports.ts';
import type { SegmentBytes } from './read-whole.ts';
import type { RenderFacts } from './render-facts.ts';
import type { Found } from './segment-source.ts';
import type { RequestContext, Service } from './service.ts';
import { viewerOf } from './viewer.ts';

/** `GET /v/{id}/{rendition}/{n}.{m4s,jpg}`: 307 to the bucket, or the bytes from a node, held while the segment is made. */
export async function segmentRoute(c: RequestContext, service: Service): Promise<Response> {
  const { id = '', rendition: path = '', file = '' } = c.req.param();
  const { facts, rendition } = await renditionFacts(service.ports, id, path);
  const [, number = '', extension] = /^(0|[1-9]\d{0,6})\.(\w+)$/.exec(file) ?? [];
  const n = number === '' ? Number.NaN : Number(number);
  if (extension !== extensionOf(rendition.container)) {
    throw new SegueError('not_found', 'The video has no such segment', {
      hint: `Segments of ${path} end in .${extensionOf(rendition.container)}.`,
    });
  }
  return segmentAnswer(c, service, facts, rendition, n);
}

/** Longest hold of a picture, in milliseconds: nothing can be sent before it, and players' time-outs begin at 8 s. */
const pictureHoldMs = 8000;

/** Segment `n` of a rendition. @throws SegueError `not_found` where it has none */
async function segmentAnswer(
  c: RequestContext,
  service: Service,
  facts: RenderFacts,
  rendition: Rendition,
  n: number,
): Promise<Response> {
  const count = segmentsOf(rendition, segmentCount(facts.grid));
  if (!(n < count)) {
    throw new SegueError('not_found', 'The video has no such segment', {
      hint: `Its segments are 0 to ${count - 1}.`,
    });
  }
  if (c.req.method === 'GET') service.ports.demand?.watched(facts, viewerOf(c, service.ports), rendition, n);
  const { container } = rendition;
  if (rendition.kind === 'video' || rendition.kind === 'audio')
    service.ports.playheads.served(facts.renderId, n);
  const key = { renderId: facts.renderId, rendition: rendition.name, n, container };
  const contentType = mediaType(rendition);
  return held<Found>(c, service, {
    contentType,
    padding: paddingOf(container),
    ...(container === 'jpeg' ? { longestMs: pictureHoldMs } : {}),
    begin: (signal) => service.source.find(key, signal),
    answer: (found) => foundAnswer(c, service.ports, found, contentType),
    bytes: async (found, signal) =>
      found.kind === 'bytes' ? found.segment : service.source.download(found.url, signal),
    discard: (found) => {
      if (found.kind === 'bytes') found.segment.release();
    },
  });
}

/** 307 to the bucket, or the bytes. */
export function foundAnswer(
  c: RequestContext,
  ports: Pick<Ports, 'runtime' | 'cut' | 'onTrouble'>,
  found: Found,
  contentType: string,
): Response {
  if (found.kind === 'bytes') return bytesAnswer(c, ports, found.segment, found.node, contentType);
  c.set('source', 'bucket');
  return new Response(null, {
    status: 307,
    headers: {
      ...openToAll,
      location: found.url,
      'cache-control': caching.never,
      'x-segue-source': 'bucket',
    },
  });
}

/** 200, 206, 304 or 416 with a whole, verified segment (RFC 9110 13.2, 14). */
export function bytesAnswer(
  c: RequestContext,
  ports: Pick<Ports, 'runtime' | 'cut' | 'onTrouble'>,
  segment: SegmentBytes,
  source: string,
  contentType: string,
): Response {
  const { bytes, crc, release } = segment;
  c.set('source', source);
  const etag = `"${crc}-${bytes.length}"`;
  const headers: Record<string, string> = {
    ...openToAll,
    etag,
    'accept-ranges': 'bytes',
    'content-type': contentType,
    'cache-control': caching.immutable,
    'x-segue-source': source,
  };
  if (
    c.req
      .header('if-none-match')
      ?.split(/\s*,\s*/)
      .includes(etag) === true
  ) {
    release();
    return new Response(null, { status: 304, headers });
  }
  const range = rangeOf(c.req.header('range'), bytes.length, etag, c.req.header('if-range'));
  if (range.kind === 'unsatisfiable') {
    release();
    return new Response(null, {
      status: 416,
      headers: { ...headers, 'cache-control': caching.never, 'content-range': `bytes */${bytes.length}` },
    });
  }
  const part = range.kind === 'whole' ? bytes : bytes.subarray(range.from, range.to);
  headers['content-length'] = String(part.length);
  if (range.kind === 'part') headers['content-range'] = `bytes ${range.from}-${range.to - 1}/${bytes.length}`;
  const status = range.kind === 'part' ? 206 : 200;
  if (c.req.method === 'HEAD') {
    release();
    return new Response(null, { status, headers });
  }
  if (ports.runtime === 'isolate') {
    release();
    return new Response(part, { status, headers });
  }
  return new Response(pacedBody({ ...segment, bytes: part }, cutFor(ports, c.env)), { status, headers });
}
