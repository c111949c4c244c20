import { setTimeout as delay } from 'node:timers/promises';
import type { Catalog } from '../catalog/connect.ts';
import { type MadeRendition, recordRendered, removeCopies } from '../catalog/copies.ts';
import { settleInit } from '../catalog/videos.ts';
import type { PinnedDescription } from '../description/schema.ts';
import type { Grid } from '../grid/grid.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import { backoff } from '../ops/loop.ts';
import type { Rendition } from '../render/profile.ts';
import { isStill } from '../render/rendition.ts';
import type { DiskStore } from '../store/disk.ts';
import type { HeldRender } from './held-render.ts';
import { InitMismatch } from './init-mismatch.ts';

/** What the renderer makes of a segment, by rendition name. */
export type EncodedSegment = ReadonlyMap<
  string,
  { readonly init?: Uint8Array; readonly segment: Uint8Array }
>;

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
  /** What was made of it. */
  readonly renditions: readonly Rendition[];
  /** Bytes of these renditions. */
  readonly bytes: number;
  /** From the start of the encoder to the recorded row. */
  readonly seconds: number;
}

/**
 * Makes these renditions of segment n of a held render: encode, write, record, in that order. `onEncoded` is called once no
 * encoder is needed any more: what is left may wait for the database.
 */
export type SegmentMaker = (
  held: HeldRender,
  n: number,
  renditions: readonly Rendition[],
  signal: AbortSignal,
  onEncoded?: () => void,
) => Promise<MadeSegment>;

/** What a {@link SegmentMaker} joins. */
export interface SegmentMakerParts {
  readonly renderer: SegmentRenderer;
  readonly disk: DiskStore;
  readonly catalog: Catalog;
  readonly log: Log;
  /** CPU seconds of encoders that ended since the last call. Absent: the time that they took. */
  readonly cpu?: () => number | undefined;
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
      (await patiently(() => settleInit(catalog.db, held.row.renderId, name, init, held.lease), signal));
    known.set(name, truth);
    if (Buffer.compare(truth, init) !== 0) throw new InitMismatch(name);
  };

  const encode = async (
    held: HeldRender,
    n: number,
    renditions: readonly Rendition[],
    signal: AbortSignal,
    onEncoded: () => void,
  ): Promise<EncodedSegment> => {
    const { description, grid } = held;
    const isNothing = renditions.length === 0;
    const encoded = isNothing
      ? new Map<string, never>()
      : await renderer.make({ description, grid, n, renditions }, signal);
    onEncoded();
    const missing = renditions.find(({ name }) => !encoded.has(name));
    if (missing !== undefined) throw new SegueError('render_failed', `Nothing was made of ${missing.name}`);
    await Promise.all(
      [...encoded].map(async ([name, { init }]) => {
        if (init !== undefined) await settle(held, name, init, signal);
      }),
    );
    signal.throwIfAborted();
    return encoded;
  };

  /** The bytes are let go of here: many segments may wait for their rows. */
  const encodeAndWrite = async (...work: Parameters<typeof encode>): Promise<Written> => {
    const [held, n] = work;
    return write(disk, held.row.renderId, n, await encode(...work));
  };

  return async (held, n, renditions, signal, onEncoded) => {
    const { renderId } = held.row;
    const started = performance.now();
    const kept = await keptOnDisk(disk, renderId, n, renditions);
    const missing = renditions.filter(({ name }) => !kept.some((each) => each.name === name));
    let [encodedMs, cpuSeconds] = [0, 0];
    const noteEncoded = (): void => {
      encodedMs = performance.now() - started;
      // Stills are made in the time of one frame: they say nothing of what the rest costs.
      if (missing.some((each) => !isStill(each))) cpuSeconds = parts.cpu?.() ?? encodedMs / 1000;
      onEncoded?.();
    };
    const { written, fresh, withdraw } = await encodeAndWrite(held, n, missing, signal, noteEncoded);
    const made = [...kept, ...written];
    if (
      !(await patiently(() => recordRendered(catalog.db, renderId, held.lease, n, made, cpuSeconds), signal))
    ) {
      // An earlier try may have written the row, and only its answer was lost: the row goes before the bytes.
      const { nodeId } = held.lease;
      for (const name of fresh)
        await patiently(() => removeCopies(catalog.db, renderId, name, nodeId, [[n, n + 1]]), signal);
      await withdraw();
      throw new SegueError('fenced', `Render ${renderId} is written by another node`, { retryable: false });
    }
    const bytes = made.reduce((sum, each) => sum + each.bytes, 0);
    const totalMs = Math.round(performance.now() - started);
    const names = renditions.map(({ name }) => name);
    const facts = { renderId, n, renditions: names, bytes, encodeMs: Math.round(encodedMs), totalMs };
    log.info(facts, missing.length > 0 ? 'segment made' : 'segment found on disk');
    return { renderId, n, bytes, seconds: totalMs / 1000, renditions };
  };
}

/** Those renditions of segment n that the disk has, whole. */
async function keptOnDisk(
  disk: DiskStore,
  renderId: string,
  n: number,
  renditions: readonly Rendition[],
): Promise<MadeRendition[]> {
  const names = renditions.map(({ name }) => name);
  const known = names.filter((name) => disk.facts(renderId, name, n) !== undefined);
  const read = await Promise.all(
    known.map(async (name) => ({ name, bytes: (await disk.read(renderId, name, n))?.data.byteLength ?? 0 })),
  );
  return read.filter(({ bytes }) => bytes > 0);
}

/** Renditions of a segment that are on the disk now. */
interface Written {
  readonly written: readonly MadeRendition[];
  /** Names of those that were not there before. */
  readonly fresh: readonly string[];
  /** Takes them back: for a render that has another writer, they would be a copy that no row knows. */
  readonly withdraw: () => Promise<void>;
}

/** Writes all renditions or none. */
async function write(
  disk: DiskStore,
  renderId: string,
  n: number,
  encoded: EncodedSegment,
): Promise<Written> {
  const fresh = [...encoded.keys()].filter((name) => disk.facts(renderId, name, n) === undefined);
  const withdraw = async (): Promise<void> => {
    await Promise.all(fresh.map((name) => disk.remove(renderId, name, n)));
  };
  const results = await Promise.allSettled(
    [...encoded].map(async ([name, { segment }]) => ({
      name,
      bytes: (await disk.put(renderId, name, n, segment)).bytes,
    })),
  );
  const failed = results.find((each) => each.status === 'rejected');
  if (failed !== undefined) {
    await withdraw();
    throw failed.reason;
  }
  const written = results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  return { written, fresh, withdraw };
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
