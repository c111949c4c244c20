import { SegueError } from '../src/ops/errors.ts';
import { containerOfExtension, mediaType } from '../src/rendition/kind.ts';
import { paddingOf } from '../src/rendition/padding.ts';
import { crcText } from './crc32.ts';
import { orRemembered } from './facts.ts';
import { caching, openToAll } from './headers.ts';
import { held } from './hold.ts';
import { isEncrypted as isListedEncrypted } from './line-chunks.ts';
import type { Ports } from './ports.ts';
import { bytesAnswer, foundAnswer } from './segment-route.ts';
import type { Found } from './segment-source.ts';
import type { RequestContext, Service } from './service.ts';
import { renditionOf, streamFacts } from './stream-facts.ts';

/**
 * `GET /v/{id}/{rendition}/{n}.{ts,m4s,aac,vtt}` of a stream: 307 to the bucket, or the bytes from the node that took it in. Held
 * while that node is away; nobody else can make the segment, so nobody is asked to.
 */
export async function streamSegmentRoute(c: RequestContext, service: Service): Promise<Response> {
  const { id = '', rendition: name = '', file = '' } = c.req.param();
  const { ports } = service;
  const [, number = '', extension = ''] = /^(0|[1-9]\d{0,6})\.(\w+)$/.exec(file) ?? [];
  const n = Number(number);
  const known = await listedRendition(ports, id, name, n);
  if (known === undefined || containerOfExtension(extension) !== known.container)
    throw new SegueError('not_found', 'The stream has no such segment');
  const { renderId, kind, container } = known;
  const contentType = mediaType({ kind, container });
  if (kind === 'video' || kind === 'audio') ports.playheads.served(renderId, n);
  return held<Found>(c, service, {
    contentType,
    // Padding before an encrypted segment would be deciphered with it.
    padding: (await isEncrypted(ports, renderId, name, n)) ? undefined : paddingOf(container),
    begin: (signal) =>
      service.source.find({ renderId, rendition: name, n, container, irreplaceable: true }, signal),
    answer: (found) => foundAnswer(c, ports, found, contentType),
    bytes: async (found, signal) =>
      found.kind === 'bytes' ? found.segment : service.source.download(found.url, signal),
    discard: (found) => {
      if (found.kind === 'bytes') found.segment.release();
    },
  });
}

/** What a request for a segment needs to know; undefined for one that was never listed. A known one costs no query. */
async function listedRendition(ports: Ports, id: string, name: string, n: number) {
  const isListed = (head: { renditions: readonly { name: string; count: number }[] } | undefined): boolean =>
    head?.renditions.some((one) => one.name === name && n < one.count) ?? false;
  const remembered = ports.facts.streams.get(id);
  const head = remembered !== undefined && isListed(remembered) ? remembered : await streamFacts(ports, id);
  const { kind, container } = renditionOf(head, name);
  return isListed(head) ? { renderId: head.renderId, kind, container } : undefined;
}

async function isEncrypted(ports: Ports, renderId: string, rendition: string, n: number): Promise<boolean> {
  const list = ports.facts.streamLines.get(`${renderId}/${rendition}`);
  const known = list && isListedEncrypted(list, n);
  if (known !== undefined) return known;
  try {
    const rows = await ports.catalog.streams.segments(renderId, rendition, n, n + 1);
    return rows.some(({ key }) => key !== null);
  } catch (error) {
    ports.onTrouble?.('catalog query', error);
    return true;
  }
}

/** `GET /v/{id}/{rendition}/init-{k}.mp4`, from the catalog: immutable, since another init segment gets another number. */
export async function streamInitRoute(c: RequestContext, { ports }: Service): Promise<Response> {
  const { bytes, contentType } = await streamFile(c, ports);
  const segment = { bytes, crc: crcText(ports.crc32(bytes)), release: () => undefined };
  return bytesAnswer(c, ports, segment, 'catalog', contentType);
}

/** `GET /v/{id}/{rendition}/key-{k}.key`, from the catalog: no cache is to keep a key. */
export async function streamKeyRoute(c: RequestContext, { ports }: Service): Promise<Response> {
  const { bytes, contentType } = await streamFile(c, ports);
  c.set('source', 'catalog');
  return new Response(c.req.method === 'HEAD' ? null : bytes, {
    headers: {
      ...openToAll,
      'content-type': contentType,
      'content-length': String(bytes.length),
      'cache-control': caching.never,
      'x-segue-source': 'catalog',
    },
  });
}

async function streamFile(c: RequestContext, ports: Ports) {
  const { id = '', rendition = '', file = '' } = c.req.param();
  const { renderId } = ports.facts.streams.get(id) ?? (await streamFacts(ports, id));
  const key = `${renderId}/${rendition}/${file}`;
  const remembered = (): { bytes: Uint8Array<ArrayBuffer>; contentType: string } | undefined =>
    ports.facts.streamFiles.get(key);
  const found =
    remembered() ??
    (await orRemembered(
      async () => (await ports.catalog.streams.file(renderId, rendition, file)) ?? ('unknown' as const),
      () => undefined,
      ports,
    ));
  if (found === 'unknown') throw new SegueError('not_found', 'The stream has no such file');
  // A copy: the driver's buffer may be a slice of a larger one.
  const kept = { bytes: new Uint8Array(found.bytes), contentType: found.contentType };
  ports.facts.streamFiles.set(key, kept);
  return kept;
}
