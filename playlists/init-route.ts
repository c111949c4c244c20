import { SegueError } from '../src/ops/errors.ts';
import { mediaType } from '../src/rendition/kind.ts';
import { paddingOf } from '../src/rendition/padding.ts';
import { crcText } from './crc32.ts';
import { renditionFacts } from './facts.ts';
import { orAborted } from './flights.ts';
import { held } from './hold.ts';
import { makeRequests } from './make-requests.ts';
import type { SegmentBytes } from './read-whole.ts';
import { nextStep } from './resolve.ts';
import { bytesAnswer } from './segment-route.ts';
import type { RequestContext, Service } from './service.ts';

/**
 * `GET /v/{id}/{rendition}/init.mp4`: the init segment, from the catalog. It exists once anybody has rendered a segment; a
 * request that comes earlier is held and has the first segment made.
 */
export async function initRoute(c: RequestContext, service: Service): Promise<Response> {
  const { ports } = service;
  const { facts, rendition } = await renditionFacts(
    ports,
    c.req.param('id') ?? '',
    c.req.param('rendition') ?? '',
  );
  if (rendition.container !== 'fmp4') {
    throw new SegueError('not_found', 'The rendition has no init segment', {
      hint: `Its segments are ${rendition.container} files.`,
    });
  }
  const contentType = mediaType(rendition);
  return held<SegmentBytes>(c, service, {
    contentType,
    padding: paddingOf(rendition.container),
    begin: async (signal) => {
      const bytes = await findInit(service, facts.renderId, rendition.name, signal);
      return { bytes, crc: crcText(ports.crc32(bytes)), release: () => undefined };
    },
    answer: (segment) => bytesAnswer(c, ports, segment, 'catalog', contentType),
    bytes: async (segment) => segment,
    discard: (segment) => segment.release(),
  });
}

async function findInit(
  service: Service,
  renderId: string,
  rendition: string,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const { ports, nodes } = service;
  const key = `${renderId}/${rendition}`;
  const known = ports.facts.inits.get(key);
  if (known !== undefined) return known;
  const watch = ports.changes.watch(renderId);
  const requests = makeRequests(ports, nodes, { renderId, rendition });
  try {
    for (;;) {
      const init = await orAborted(ports.catalog.initOf(renderId, rendition), signal).catch(
        (error: unknown) => {
          signal.throwIfAborted();
          ports.onTrouble?.('catalog query', error);
          return undefined;
        },
      );
      if (init !== undefined) {
        // A copy: the driver's buffer may be a slice of a larger one.
        const bytes = new Uint8Array(init);
        ports.facts.inits.set(key, bytes);
        return bytes;
      }
      const location = await ports.catalog.locate(renderId, rendition, 0).catch(() => undefined);
      const step = location === undefined ? undefined : nextStep(location, new Set());
      if (step?.kind === 'make') await requests.ask(step.holder, new Set(), signal);
      await watch.next(ports.settings.pollMs, signal);
      signal.throwIfAborted();
    }
  } finally {
    watch.stop();
  }
}
