import { setTimeout as delay } from 'node:timers/promises';
import type { Catalog } from '../catalog/connect.ts';
import { recordRendered } from '../catalog/copies.ts';
import { settleInit } from '../catalog/videos.ts';
import type { PinnedDescription } from '../description/schema.ts';
import type { Grid } from '../grid/grid.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import { backoff } from '../ops/loop.ts';
import type { Rendition } from '../render/profile.ts';
import type { DiskStore } from '../store/disk.ts';
import type { HeldRender } from './held-render.ts';
import { InitMismatch } from './init-mismatch.ts';

/** What the renderer makes of a segment, by rendition name. */
export type EncodedSegment = ReadonlyMap<string, { readonly init: Uint8Array; readonly segment: Uint8Array }>;

/** The port to the renderer: all renditions of one segment from one ffmpeg process. */
export interface SegmentRenderer {
  make(
    work: {
      readonly description: PinnedDescription;
      readonly grid: Grid;
      readonly n: number;
      readonly renditions: readonly Rendition[];
    },
    signal: AbortSignal,
  ): Promise<EncodedSegment>;
}

/** A segment that is on disk and recorded. */
export interface MadeSegment {
  readonly renderId: string;
  readonly n: number;
  readonly renditions: readonly { readonly name: string; readonly kind: 'video' | 'audio' }[];
  /** Bytes of all its renditions. */
  readonly bytes: number;
  /** From the start of the encoder to the recorded row. */
  readonly seconds: number;
}

/** Makes segment n of a held render: encode, write, record, in that order. */
export type SegmentMaker = (held: HeldRender, n: number, signal: AbortSignal) => Promise<MadeSegment>;

/** What a {@link SegmentMaker} joins. */
export interface SegmentMakerParts {
  readonly renderer: SegmentRenderer;
  readonly disk: DiskStore;
  readonly catalog: Catalog;
  readonly log: Log;
  /** How long a finished segment waits for a database that is away, in milliseconds. Default 60 s. */
  readonly patienceMs?: number;
}

/**
 * Joins renderer, disk and catalog into a {@link SegmentMaker}. A segment that is on the disk already (its row could not be
 * written, and the lease was lost meanwhile) is recorded, not made again.
 * Throws `fenced` where the lease has passed on, `catalog_unavailable` where the database stayed away.
 */
export function segmentMaker(parts: SegmentMakerParts): SegmentMaker {
  const { renderer, disk, catalog, log } = parts;
  /** Init segments known to equal the catalog's, so that only a render's first segment asks. */
  const settled = new WeakMap<HeldRender, Map<string, Uint8Array>>();

  const patiently = <T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> =>
    withPatience(call, parts.patienceMs ?? 60_000, signal);

  const settle = async (
    held: HeldRender,
    name: string,
    init: Uint8Array,
    signal: AbortSignal,
  ): Promise<void> => {
    const known = settled.get(held) ?? new Map<string, Uint8Array>();
    settled.set(held, known);
    const truth =
      known.get(name) ??
      (await patiently(() => settleInit(catalog.db, held.row.renderId, name, init), signal));
    known.set(name, truth);
    if (Buffer.compare(truth, init) !== 0) throw new InitMismatch(name);
  };

  const encode = async (held: HeldRender, n: number, signal: AbortSignal): Promise<EncodedSegment> => {
    const { description, grid, renditions } = held;
    const encoded = await renderer.make({ description, grid, n, renditions }, signal);
    const missing = renditions.find(({ name }) => !encoded.has(name));
    if (missing !== undefined) throw new SegueError('render_failed', `Nothing was made of ${missing.name}`);
    await Promise.all([...encoded].map(([name, { init }]) => settle(held, name, init, signal)));
    signal.throwIfAborted();
    return encoded;
  };

  return async (held, n, signal) => {
    const { renderId } = held.row;
    const started = performance.now();
    const kept = await keptBytes(disk, held, n);
    const encoded = kept === undefined ? await encode(held, n, signal) : undefined;
    const encodedMs = performance.now() - started;
    const { bytes, withdraw } =
      encoded === undefined
        ? { bytes: kept ?? 0, withdraw: () => Promise.resolve() }
        : await write(disk, renderId, n, encoded);
    const names = held.renditions.map(({ name }) => name);
    if (!(await patiently(() => recordRendered(catalog.db, renderId, held.lease, n, names), signal))) {
      await withdraw();
      throw new SegueError('fenced', `Render ${renderId} is written by another node`, { retryable: false });
    }
    const totalMs = Math.round(performance.now() - started);
    const facts = { renderId, n, bytes, encodeMs: Math.round(encodedMs), totalMs };
    log.info(facts, kept === undefined ? 'segment made' : 'segment found on disk');
    return { renderId, n, bytes, seconds: totalMs / 1000, renditions: held.row.renditions };
  };
}

/** Bytes of segment n where the disk has every rendition of it, whole. */
async function keptBytes(disk: DiskStore, held: HeldRender, n: number): Promise<number | undefined> {
  const { renderId } = held.row;
  const names = held.renditions.map(({ name }) => name);
  if (names.some((name) => disk.facts(renderId, name, n) === undefined)) return undefined;
  const read = await Promise.all(names.map((name) => disk.read(renderId, name, n)));
  if (read.includes(undefined)) return undefined;
  return read.reduce((sum, segment) => sum + (segment?.data.byteLength ?? 0), 0);
}

/**
 * Writes all renditions or none. `withdraw` takes back what was not there before: for a render that has another writer, it
 * would be a copy that no row knows.
 */
async function write(
  disk: DiskStore,
  renderId: string,
  n: number,
  encoded: EncodedSegment,
): Promise<{ bytes: number; withdraw: () => Promise<void> }> {
  const fresh = [...encoded.keys()].filter((name) => disk.facts(renderId, name, n) === undefined);
  const withdraw = async (): Promise<void> => {
    await Promise.all(fresh.map((name) => disk.remove(renderId, name, n)));
  };
  const written = await Promise.allSettled(
    [...encoded].map(([name, { segment }]) => disk.put(renderId, name, n, segment)),
  );
  const failed = written.find((each) => each.status === 'rejected');
  if (failed !== undefined) {
    await withdraw();
    throw failed.reason;
  }
  const bytes = written.reduce((sum, each) => sum + (each.status === 'fulfilled' ? each.value.bytes : 0), 0);
  return { bytes, withdraw };
}

const waits = { first: 100, longest: 2000 };

/** Tries a catalog call again while the database is away: the segment is made, and encoding it again would cost more. */
async function withPatience<T>(call: () => Promise<T>, patienceMs: number, signal: AbortSignal): Promise<T> {
  const end = performance.now() + patienceMs;
  for (let tries = 1; ; tries += 1) {
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      if (performance.now() >= end) {
        throw new SegueError('catalog_unavailable', 'A finished segment could not be recorded', {
          cause: error,
          hint: 'Bring PostgreSQL back: the segment stays on this disk, and is recorded when it is asked for again.',
        });
      }
      await delay(backoff(tries, waits), undefined, { signal });
    }
  }
}
