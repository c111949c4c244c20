import type { Catalog } from '../catalog/connect.ts';
import { recordRendered } from '../catalog/copies.ts';
import { settleInit } from '../catalog/videos.ts';
import type { PinnedDescription } from '../description/schema.ts';
import type { Grid } from '../grid/grid.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
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

/** Joins renderer, disk and catalog into a {@link SegmentMaker}. Throws `fenced` where the lease has passed on. */
export function segmentMaker({
  renderer,
  disk,
  catalog,
  log,
}: {
  renderer: SegmentRenderer;
  disk: DiskStore;
  catalog: Catalog;
  log: Log;
}): SegmentMaker {
  /** Init segments known to equal the catalog's, so that only a render's first segment asks. */
  const settled = new WeakMap<HeldRender, Map<string, Uint8Array>>();

  const settle = async (held: HeldRender, name: string, init: Uint8Array): Promise<void> => {
    const known = settled.get(held) ?? new Map<string, Uint8Array>();
    settled.set(held, known);
    const truth = known.get(name) ?? (await settleInit(catalog.db, held.row.renderId, name, init));
    known.set(name, truth);
    if (Buffer.compare(truth, init) !== 0) throw new InitMismatch(name);
  };

  return async (held, n, signal) => {
    const { renderId } = held.row;
    const started = performance.now();
    const { description, grid, renditions } = held;
    const encoded = await renderer.make({ description, grid, n, renditions }, signal);
    const encodedMs = performance.now() - started;
    await Promise.all([...encoded].map(([name, { init }]) => settle(held, name, init)));
    signal.throwIfAborted();
    const written = await Promise.all(
      [...encoded].map(([name, { segment }]) => disk.put(renderId, name, n, segment)),
    );
    const names = [...encoded.keys()];
    if (!(await recordRendered(catalog.db, renderId, held.lease, n, names))) {
      // Refused: the render has another writer. What was written here would be a copy that no row knows.
      await Promise.all(names.map((name) => disk.remove(renderId, name, n)));
      throw new SegueError('fenced', `Render ${renderId} is written by another node`, { retryable: false });
    }
    const bytes = written.reduce((sum, segment) => sum + segment.bytes, 0);
    const totalMs = Math.round(performance.now() - started);
    log.info({ renderId, n, bytes, encodeMs: Math.round(encodedMs), totalMs }, 'segment made');
    return {
      renderId,
      n,
      bytes,
      seconds: totalMs / 1000,
      renditions: held.row.renditions.filter((rendition) => encoded.has(rendition.name)),
    };
  };
}
