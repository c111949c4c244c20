import { bucketPlace } from '../catalog/bucket-place.ts';
import type { Catalog } from '../catalog/connect.ts';
import { announceSuspect, recordCopies, storedOf } from '../catalog/copies.ts';
import { type FindingKind, inBucket, type Outcome, type Tally } from '../catalog/findings.ts';
import { locate } from '../catalog/locate.ts';
import { contains, type Ranges } from '../catalog/ranges.ts';
import {
  type SweptRender,
  type SweptRendition,
  storedRenders,
  sweptRender,
} from '../catalog/swept-render.ts';
import { forEachOf } from '../ops/each.ts';
import type { Log } from '../ops/log.ts';
import type { Bucket } from '../store/bucket.ts';
import {
  isSubtitles,
  multivariantName,
  parseRenderObject,
  rendersPrefix,
  segmentName,
} from '../store/names.ts';
import { type Difference, differences } from './compare.ts';
import { markBucket } from './deployment-mark.ts';
import { abortHalfUploads } from './half-uploads.ts';
import type { LostCopies } from './lost.ts';
import { orphanObjects } from './orphan-objects.ts';
import { besideSegments, isCompleteRender, sealAbandoned, storeAgain } from './sealed-again.ts';
import { type ListedObject, type Met, walkRenders } from './walk.ts';

/** What a sweep needs. Times in seconds. */
export interface SweepOptions {
  readonly catalog: Catalog;
  readonly bucket: Bucket;
  readonly lost: LostCopies;
  readonly nodeId: string;
  readonly log: Log;
  /** Age of a heartbeat after which a node counts as dead. */
  readonly liveSeconds: number;
  /** How long an object has to be known as an orphan before it is removed. */
  readonly orphanGraceSeconds: number;
  /** An upload in parts that began longer ago is aborted. */
  readonly uploadGraceSeconds: number;
}

/** Differences dealt with at once: each asks the bucket once more. */
const width = 4;

/**
 * Compares all that the bucket has below `renders/` with the rows, and puts right what differs. It reads pages of the listing
 * alone; what a page and the rows disagree on is looked at again by itself before anything is done, because copies come and go
 * meanwhile. `sweptAt`: when it began, in the database's words. What is found goes into the tally, also where it throws.
 */
export async function sweepBucket(
  options: SweepOptions,
  tally: Tally,
  sweptAt: string,
  signal: AbortSignal,
): Promise<void> {
  const { catalog, bucket } = options;
  await abortHalfUploads({ bucket, tally, graceSeconds: options.uploadGraceSeconds }, signal);
  const others = await markBucket({ catalog, bucket }, signal);
  for (const name of others) tally.note(inBucket('other-deployment', name, 0, 'left'));
  const graceSeconds = options.orphanGraceSeconds;
  const isShared = others.length > 0;
  const orphans = orphanObjects({ catalog, bucket, tally, graceSeconds, sweptAt, isShared, signal });
  let current: SweptObjects | undefined;

  const meet = async (met: Met): Promise<void> => {
    signal.throwIfAborted();
    if (met.kind === 'begin') {
      tally.examined.renders += 1;
      const rows = await sweptRender(catalog.db, met.renderId);
      current = rows === undefined ? undefined : new SweptObjects(options, tally, rows, signal);
    } else if (met.kind === 'end') {
      await current?.end();
      current = undefined;
    } else {
      tally.examined.objects += 1;
      tally.examined.objectBytes += met.object.bytes;
      const isKnown = met.renderId !== undefined && (await current?.add(met.object)) === true;
      if (!isKnown) await orphans.add(met.object);
    }
  };
  const listing = bucket.list(rendersPrefix, signal);
  for await (const met of walkRenders(listing, storedRenders(catalog.db))) await meet(met);
  await orphans.end();
}

/** The objects of one render, as they are listed: rendition after rendition. */
class SweptObjects {
  readonly #options: SweepOptions;
  readonly #tally: Tally;
  readonly #render: SweptRender;
  readonly #signal: AbortSignal;
  readonly #missing: Set<string>;
  /** Something is missing or damaged. */
  #isTorn = false;
  /** Something was there that the rows did not know. */
  #hasGained = false;
  readonly #compared = new Set<string>();
  #open: { readonly rendition: SweptRendition; readonly listed: Map<number, number> } | undefined;

  constructor(options: SweepOptions, tally: Tally, render: SweptRender, signal: AbortSignal) {
    this.#options = options;
    this.#tally = tally;
    this.#render = render;
    this.#signal = signal;
    this.#missing = new Set(besideSegments(render));
  }

  /** Takes an object in. False where no name of ours is like that: it is nobody's. */
  async add(object: ListedObject): Promise<boolean> {
    const name = parseRenderObject(object.key);
    if (name === undefined) return false;
    this.#missing.delete(object.key);
    if (name.rendition === undefined || isSubtitles(name.rendition)) return true;
    const rendition = this.#render.renditions.find((one) => one.name === name.rendition);
    if (rendition === undefined || (name.kind === 'segment' && name.container !== rendition.container)) {
      this.#note('unknown-object', object.key, object.bytes, 'left');
      return true;
    }
    if (name.kind === 'beside') return true;
    if (this.#open?.rendition !== rendition) {
      await this.#compare();
      this.#open = { rendition, listed: new Map() };
    }
    this.#open.listed.set(name.n, object.bytes);
    return true;
  }

  /** The render has no further objects. */
  async end(): Promise<void> {
    await this.#compare();
    for (const rendition of this.#render.renditions) {
      if (this.#compared.has(rendition.name)) continue;
      this.#open = { rendition, listed: new Map() };
      await this.#compare();
    }
    await (this.#render.isSealed ? this.#restore() : this.#seal());
  }

  async #compare(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    const { rendition, listed } = open;
    this.#compared.add(rendition.name);
    const found = [...differences(rendition, listed)];
    if (found.length === 0) return;
    // What was copied since the page was listed has its row by now.
    const stored = await storedOf(this.#options.catalog.db, this.#render.renderId);
    const recorded = stored.get(rendition.name) ?? [];
    await forEachOf(found, width, (difference) => this.#settle(rendition, difference, recorded));
  }

  async #settle(rendition: SweptRendition, difference: Difference, recorded: Ranges): Promise<void> {
    this.#signal.throwIfAborted();
    const { n } = difference;
    if (difference.kind === 'missing' || difference.kind === 'damaged') return this.#suspect(rendition, n);
    if (contains(recorded, n)) return;
    const { catalog, bucket } = this.#options;
    const { renderId } = this.#render;
    const key = this.#keyOf(rendition, n);
    // Taken away or replaced since: it is as somebody else knows.
    if ((await bucket.size(key, this.#signal)) !== difference.bytes) return;
    if (difference.kind === 'unknown') return this.#note('unknown-object', key, difference.bytes, 'left');
    await recordCopies(catalog.db, renderId, rendition.name, bucketPlace, [[n, n + 1]]);
    this.#hasGained = true;
    this.#note('object-without-row', key, difference.bytes, 'row-written');
  }

  async #suspect(rendition: SweptRendition, n: number): Promise<void> {
    const { renderId } = this.#render;
    const { name, sizes } = rendition;
    const { catalog, lost, nodeId, liveSeconds } = this.#options;
    const looked = await lost.look({ renderId, rendition: name, n });
    if (looked === 'there' || looked === 'unrecorded') return;
    this.#isTorn = true;
    const note = (kind: FindingKind, done: Outcome): void =>
      this.#note(kind, this.#keyOf(rendition, n), sizes[n] ?? 0, done);
    if (looked === 'replaced') return note('damaged-object', 'replaced');
    const { holders } = await locate(catalog.db, renderId, name, n, liveSeconds);
    if (looked === 'lost')
      return note('missing-object', holders.length > 0 ? 'copied-again' : 'made-on-demand');
    const kind = looked === 'damaged' ? 'damaged-object' : 'missing-object';
    if (!holders.some(({ id }) => id !== nodeId)) return note(kind, 'left');
    await announceSuspect(catalog.db, renderId, name, n);
    note(kind, 'handed-over');
  }

  /** The node that stored the last segment may have gone before it sealed the render. */
  async #seal(): Promise<void> {
    if (this.#isTorn || !(this.#hasGained || isCompleteRender(this.#render))) return;
    const { catalog, bucket, log } = this.#options;
    const { renderId } = this.#render;
    const done = await sealAbandoned(catalog, bucket, renderId, log, this.#signal);
    if (done !== undefined) this.#note('unsealed-render', multivariantName(renderId), 0, done);
  }

  async #restore(): Promise<void> {
    if (this.#missing.size === 0) return;
    const { catalog, bucket, log } = this.#options;
    const { renderId } = this.#render;
    const missing: string[] = [];
    for (const key of this.#missing)
      if ((await bucket.size(key, this.#signal)) === undefined) missing.push(key);
    if (missing.length === 0) return;
    const done = await storeAgain(catalog, bucket, renderId, log, this.#signal);
    for (const key of missing) this.#note('missing-playlist', key, 0, done);
  }

  #keyOf({ name, container }: SweptRendition, n: number): string {
    return segmentName(this.#render.renderId, name, n, container);
  }

  #note(kind: FindingKind, key: string, bytes: number, done: Outcome): void {
    this.#tally.note(inBucket(kind, key, bytes, done));
  }
}
