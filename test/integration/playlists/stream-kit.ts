import { parse, setOptions, types } from 'hls-parser';
import { type Fence, recordCopies } from '../../../src/catalog/copies.ts';
import type { RenditionAttributes } from '../../../src/catalog/foreign.ts';
import { acquireLease } from '../../../src/catalog/leases.ts';
import {
  admitSegments,
  closeStream,
  endRendition,
  goLive,
  type NewSegment,
  writeFile,
  writeRendition,
} from '../../../src/catalog/streams.ts';
import type { Packing } from '../../../src/rendition/kind.ts';
import { segmentName } from '../../../src/store/names.ts';
import { segmentBytes, type TestNode } from './node.ts';
import { adminToken, type TestBucket } from './setup.ts';

/** The answer to `POST /v1/streams`. */
interface Created {
  id: string;
  url: string;
  key: string;
  ingest: string[];
}

/** Calls a route for operators. */
export const asAdmin = (url: string, init: RequestInit = {}): Promise<Response> =>
  fetch(url, { ...init, headers: { authorization: `Bearer ${adminToken}` } });

/** Makes a stream. */
export async function createStream(service: string, body: object = {}): Promise<Created> {
  const answer = await asAdmin(`${service}/v1/streams`, { method: 'POST', body: JSON.stringify(body) });
  if (answer.status !== 201) throw new Error(await answer.text());
  return (await answer.json()) as Created;
}

/** What a node does when a source sends: bytes to its disk, then the rows, fenced by its lease. */
export interface Source {
  readonly renderId: string;
  rendition(name: string, packing: Packing, attributes?: Partial<RenditionAttributes>): Promise<void>;
  /** The next segments of a rendition, two seconds each where nothing else is said. */
  send(rendition: string, count: number, more?: Partial<NewSegment>): Promise<void>;
  file(rendition: string, name: string, bytes: Uint8Array, contentType: string): Promise<void>;
  live(targetDuration: number): Promise<void>;
  /** Copies segments to the bucket: bytes first, then the row. */
  copy(rendition: string, from: number, to: number): Promise<void>;
  end(): Promise<void>;
}

/** A source of a stream at a node. */
export async function sourceAt(
  node: TestNode,
  service: string,
  id: string,
  bucket: TestBucket,
): Promise<Source> {
  const { db } = node.catalog;
  const { renderId } = (await (await asAdmin(`${service}/v1/streams/${id}`)).json()) as { renderId: string };
  const acquired = await acquireLease(db, renderId, node.id, 60);
  if (!acquired.ours) throw new Error('the lease is held');
  const fence: Fence = acquired.lease;
  const packings = new Map<string, Packing>();
  const counts = new Map<string, number>();
  const must = (written: boolean): void => {
    if (!written) throw new Error('fenced');
  };
  return {
    renderId,
    async rendition(name, packing, attributes = {}) {
      packings.set(name, packing);
      const all = { source: name, role: 'variant' as const, bandwidth: 500_000, ...attributes };
      must(
        await writeRendition(db, renderId, fence, {
          name,
          position: packings.size,
          ...packing,
          attributes: all,
        }),
      );
    },
    async send(rendition, count, more = {}) {
      const first = counts.get(rendition) ?? 0;
      counts.set(rendition, first + count);
      const segments: NewSegment[] = [];
      for (let n = first; n < first + count; n += 1) {
        const { bytes, crc32 } = await node.disk.put(
          renderId,
          rendition,
          n,
          segmentBytes(rendition, n, 1000),
        );
        const init = packings.get(rendition)?.container === 'fmp4' ? 0 : null;
        segments.push({
          n,
          durationUs: 2_000_000,
          discontinuity: false,
          init,
          key: null,
          programDateTime: null,
          bytes,
          source: { sequence: n, uri: `${n}`, crc32 },
          ...more,
        });
      }
      must(await admitSegments(db, renderId, rendition, fence, segments));
    },
    file: async (rendition, name, bytes, contentType) =>
      must(await writeFile(db, renderId, rendition, fence, { name, contentType, bytes })),
    live: async (targetDuration) => must(await goLive(db, renderId, fence, targetDuration)),
    async copy(rendition, from, to) {
      const container = packings.get(rendition)?.container ?? 'fmp4';
      for (let n = from; n < to; n += 1)
        bucket.objects.set(segmentName(renderId, rendition, n, container), segmentBytes(rendition, n, 1000));
      await recordCopies(db, renderId, rendition, 'bucket', [[from, to]]);
    },
    async end() {
      for (const name of packings.keys()) must(await endRendition(db, renderId, name, fence));
      must(await closeStream(db, renderId, fence, { state: 'ended' }));
    },
  };
}

/** A media playlist that a strict parser accepts. */
export function strictMedia(text: string): types.MediaPlaylist {
  setOptions({ strictMode: true });
  const playlist = parse(text);
  if (playlist instanceof types.MediaPlaylist) return playlist;
  throw new Error('not a media playlist');
}
