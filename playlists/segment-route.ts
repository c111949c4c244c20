import { segmentCount } from '../src/grid/grid.ts';
import { SegueError } from '../src/ops/errors.ts';
import { mediaType } from '../src/store/names.ts';
import { pacedBody } from './body.ts';
import { renditionFacts } from './facts.ts';
import { caching, openToAll } from './headers.ts';
import { held } from './hold.ts';
import type { SegmentBytes } from './node-client.ts';
import type { Ports } from './ports.ts';
import { rangeOf } from './range.ts';
import type { Found } from './segment-source.ts';
import type { RequestContext, Service } from './service.ts';

/** `GET /v/{id}/{rendition}/{n}.m4s`: 307 to the bucket, or the bytes from a node, held while the segment is made. */
export async function segmentRoute(c: RequestContext, service: Service): Promise<Response> {
  const { id = '', rendition: path = '', file = '' } = c.req.param();
  const { facts, rendition } = await renditionFacts(service.ports, id, path);
  const n = Number(/^(0|[1-9]\d{0,6})\.m4s$/.exec(file)?.[1] ?? Number.NaN);
  if (!(n < segmentCount(facts.grid))) {
    throw new SegueError('not_found', 'The video has no such segment', {
      hint: `Its segments are 0 to ${segmentCount(facts.grid) - 1}.`,
    });
  }
  const key = { renderId: facts.renderId, rendition: rendition.name, n };
  const contentType = mediaType(rendition.kind);
  return held<Found>(c, service, {
    contentType,
    begin: (signal) => service.source.find(key, signal),
    answer: (found) => {
      if (found.kind === 'bytes')
        return bytesAnswer(c, service.ports, found.segment, found.node, contentType);
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
    },
    bytes: async (found, signal) =>
      found.kind === 'bytes' ? found.segment : service.source.download(found.url, signal),
    discard: (found) => {
      if (found.kind === 'bytes') found.segment.release();
    },
  });
}

/** 200, 206, 304 or 416 with a whole, verified segment (RFC 9110 13.2, 14). */
export function bytesAnswer(
  c: RequestContext,
  { runtime }: Pick<Ports, 'runtime'>,
  { bytes, crc, release }: SegmentBytes,
  source: string,
  contentType: string,
): Response {
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
  if (runtime === 'isolate') {
    release();
    return new Response(part, { status, headers });
  }
  return new Response(pacedBody(part, release), { status, headers });
}
