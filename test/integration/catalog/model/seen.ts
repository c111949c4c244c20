import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { inArray } from 'drizzle-orm';
import { bucketPlace } from '../../../../src/catalog/bucket-place.ts';
import { copiesOfAll } from '../../../../src/catalog/copies.ts';
import { numbersIn } from '../../../../src/catalog/ranges.ts';
import { leases } from '../../../../src/catalog/schema.ts';
import { sizesOf } from '../../../../src/catalog/sizes.ts';
import { admittedFacts } from '../../../../src/catalog/stream-lists.ts';
import { parseSegmentName } from '../../../../src/store/names.ts';
import { bytesOf } from '../../node/kit.ts';
import { foreignBytes, type NodeName, nodeNames, type RenderName, segments, type World } from './world.ts';

/** A place that can hold segments. */
export type Place = NodeName | 'bucket';

/** Everything there is at one moment, as `own/180p/2` for each place. */
export interface Seen {
  readonly epochs: Readonly<Record<RenderName, number>>;
  /** What the rows say. */
  readonly rows: Readonly<Record<Place, ReadonlySet<string>>>;
  /** What is there, with the right bytes. */
  readonly bytes: Readonly<Record<Place, ReadonlySet<string>>>;
  /** Segments that may be in some viewer's list. */
  readonly listed: ReadonlySet<string>;
}

/** Looks at all rows, disks and objects of a world. */
export async function look(world: World): Promise<Seen> {
  const { ids, backing } = world;
  const { db } = backing.catalog;
  const [leaseRows, copies, sizes, admitted, objects, ...disks] = await Promise.all([
    db
      .select()
      .from(leases)
      .where(inArray(leases.renderId, [ids.own, ids.foreign])),
    copiesOfAll(db, [ids.own, ids.foreign]),
    sizesOf(db, ids.own),
    admittedFacts(db, ids.foreign, 'v0', [0, segments]),
    objectsOf(world),
    ...nodeNames.map((name) => filesOf(world, name)),
  ]);
  /** Digest of the bytes that a segment has to have; undefined where it is none. */
  const truth = (segment: string): string | undefined => {
    const [render, rendition = '', n] = segment.split('/');
    if (render === 'own') return md5(bytesOf(rendition, Number(n)));
    const right = nodeNames.map((name) => foreignBytes(name, Number(n)));
    const listed = right.find((bytes) => crc32(bytes) === admitted.get(Number(n))?.crc32);
    return listed && md5(listed);
  };
  const right = (found: ReadonlyMap<string, readonly string[]>): Set<string> =>
    new Set(
      [...found].flatMap(([segment, digests]) =>
        digests.some((digest) => truth(segment) === digest) ? [segment] : [],
      ),
    );
  const rowsAt = (place: string): Set<string> =>
    new Set(
      copies
        .filter((row) => row.place === place)
        .flatMap((row) => [...numbersIn(row.segments)].map((n) => world.segmentOf({ ...row, n }))),
    );
  const epoch = (name: RenderName): number =>
    leaseRows.find(({ renderId }) => renderId === ids[name])?.epoch ?? 0;
  const listedOwn = [...sizes].flatMap(([rendition, list]) =>
    list.flatMap((bytes, n) => (bytes === null ? [] : [`own/${rendition}/${n}`])),
  );
  return {
    epochs: { own: epoch('own'), foreign: epoch('foreign') },
    rows: { a: rowsAt(ids.a), b: rowsAt(ids.b), bucket: rowsAt(bucketPlace) },
    bytes: {
      a: right(disks[0] ?? new Map()),
      b: right(disks[1] ?? new Map()),
      bucket: right(objects),
    },
    listed: new Set([...listedOwn, ...[...admitted.keys()].map((n) => `foreign/v0/${n}`)]),
  };
}

/**
 * Segments on a node's disks with the MD5 of the bytes of each file, whatever their names say: where that of the first disk is
 * damaged, reading it comes to the next one.
 */
async function filesOf(world: World, name: NodeName): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const folder of world.foldersOf(name))
    for (const [segment, digest] of await filesIn(world, folder))
      found.set(segment, [...(found.get(segment) ?? []), digest]);
  return found;
}

async function filesIn(world: World, folder: string): Promise<Map<string, string>> {
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  const found = new Map<string, string>();
  for (const file of files) {
    const [, renderId = '', rendition = '', n] =
      /^([^/]+)\/([^/]+)\/(\d+)\.[0-9a-f]{8}\.m4s$/.exec(file) ?? [];
    if (n === undefined) continue;
    const segment = world.segmentOf({ renderId, rendition, n: Number(n) });
    found.set(segment, md5(await readFile(join(folder, file))));
  }
  return found;
}

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

/** Segments in the bucket with the MD5 of their bytes, which is their ETag. */
async function objectsOf(world: World): Promise<Map<string, string[]>> {
  const { s3, settings } = world.backing.store;
  const page = await s3.send(new ListObjectsV2Command({ Bucket: settings.bucket, Prefix: world.prefix }));
  const found = new Map<string, string[]>();
  for (const { Key = '', ETag = '' } of page.Contents ?? []) {
    const name = parseSegmentName(Key);
    if (name !== undefined) found.set(world.segmentOf(name), [ETag.replaceAll('"', '')]);
  }
  return found;
}
