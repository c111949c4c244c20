import { type Catalog, openCatalog } from '../../../src/catalog/connect.ts';
import { copiesAt } from '../../../src/catalog/copies.ts';
import { migrateCatalog } from '../../../src/catalog/migrate.ts';
import type { NodeAnnouncement } from '../../../src/catalog/nodes.ts';
import type { Ranges } from '../../../src/catalog/ranges.ts';
import { insertVideo, type RenditionRow } from '../../../src/catalog/videos.ts';
import type { CopyOutcome } from '../../../src/copy/task.ts';
import { startUploader, type UploaderOptions } from '../../../src/copy/uploader.ts';
import { canonicalText } from '../../../src/description/canonical.ts';
import { frameCountOf } from '../../../src/description/frames.ts';
import { parseDescription } from '../../../src/description/parse.ts';
import { pinDescription } from '../../../src/description/pin.ts';
import type { DiskRoom } from '../../../src/node/disk-room.ts';
import type { EncodedSegment, MadeSegment, SegmentRenderer } from '../../../src/node/make-segment.ts';
import { segmentMaker } from '../../../src/node/make-segment.ts';
import { type Renders, type RendersOptions, startRenders } from '../../../src/node/renders.ts';
import { createLog } from '../../../src/ops/log.ts';
import { type DiskStore, openDiskStore } from '../../../src/store/disk.ts';
import { temporaryFolder } from '../../support/folder.ts';

/** The log of tests: nothing of it is read. */
export const log = createLog('test', 'silent');

/** The renditions of {@link addVideo}. */
export const names = ['180p', 'audio'] as const;

/** An empty catalog, migrated. */
export async function emptyCatalog(databaseUrl: string): Promise<Catalog & AsyncDisposable> {
  await migrateCatalog(databaseUrl);
  const catalog = openCatalog(databaseUrl);
  return { ...catalog, [Symbol.asyncDispose]: () => catalog.close() };
}

/** What a node says of itself with each beat. */
export const announcement = (id: string): NodeAnnouncement => ({
  id,
  url: `http://${id}`,
  host: 'test',
  pid: 1,
  state: 'ready',
  load: { renders: 0, encoders: 0, copyQueue: 0, diskBytes: 0, residentBytes: 0 },
});

/** Adds a video of `seconds` at 25 frames a second with one render, whose id is returned. Segments last 0.96, 0.96, 1.92, then 3.84 s. */
export async function addVideo(
  catalog: Catalog,
  renderId: string,
  seconds: number,
  profile = 'default',
  renditions: readonly RenditionRow[] = [
    { name: '180p', kind: 'video', container: 'fmp4' },
    { name: 'audio', kind: 'audio', container: 'fmp4' },
  ],
): Promise<string> {
  const description = await pinDescription(
    parseDescription({
      segue: 1,
      kind: 'timeline',
      size: { width: 320, height: 180 },
      fps: 25,
      duration: seconds,
      tracks: [],
    }),
    { asset: () => Promise.reject(new Error('no assets')), module: () => Promise.reject(new Error('none')) },
  );
  const video = {
    id: `video-of-${renderId}`,
    description: canonicalText(description),
    frameRate: { num: 25, den: 1 },
    frameCount: frameCountOf(description),
  };
  await insertVideo(catalog.db, video, {
    id: renderId,
    generation: 1,
    rendererVersion: '1',
    profile,
    renditions,
  });
  return renderId;
}

/** The bytes that the test's renderer makes of a segment. */
export const bytesOf = (rendition: string, n: number): Uint8Array =>
  Buffer.alloc(500 + n, `${rendition} ${n};`);

/** A renderer of small fake bytes that waits where it is told, and fails where it is told. */
export interface TestRenderer extends SegmentRenderer {
  /** Segments begun, in order. */
  readonly begun: number[];
  /** Segments whose making was aborted. */
  readonly aborted: number[];
  /** While this holds for n, making n does not end. */
  holds: (n: number) => boolean;
  /** Thrown for n where it gives an error. */
  fails: (n: number, renditions: readonly string[]) => Error | undefined;
  /** Init segment of a rendition. */
  init: (rendition: string) => Uint8Array;
}

/** Makes a {@link TestRenderer} that neither waits nor fails. */
export function testRenderer(): TestRenderer {
  const renderer: TestRenderer = {
    begun: [],
    aborted: [],
    holds: () => false,
    fails: () => undefined,
    init: (rendition) => Buffer.from(`init of ${rendition}`),
    async make({ n, renditions }, signal): Promise<EncodedSegment> {
      renderer.begun.push(n);
      while (renderer.holds(n)) {
        if (signal.aborted) renderer.aborted.push(n);
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const error = renderer.fails(
        n,
        renditions.map(({ name }) => name),
      );
      if (error !== undefined) throw error;
      return new Map(
        renditions.map(({ name }) => [name, { init: renderer.init(name), segment: bytesOf(name, n) }]),
      );
    },
  };
  return renderer;
}

/** The rendering side of a node: real disk, real leases, real rows. */
export interface TestRenders extends AsyncDisposable {
  readonly id: string;
  readonly renders: Renders;
  readonly disk: DiskStore;
  readonly folder: string;
  readonly catalog: Catalog;
  readonly made: MadeSegment[];
  /** What the rows say that this node has of a rendition. */
  rows(renderId: string, rendition?: string): Promise<Ranges>;
}

/** What {@link startTestRenders} is told. */
export interface TestRendersOptions {
  readonly catalog: Catalog;
  readonly renderer: SegmentRenderer;
  readonly id?: string;
  readonly encoders?: number;
  readonly aheadSeconds?: number;
  readonly leaseSeconds?: number;
  readonly patienceMs?: number;
  readonly now?: () => number;
  readonly hasEncoder?: (name: string) => boolean;
  readonly room?: () => DiskRoom;
  readonly keepOf?: RendersOptions['keepOf'];
  /** Folder of an earlier one. */
  readonly folder?: string;
  readonly disk?: (disk: DiskStore) => DiskStore;
}

/** Starts it. */
export async function startTestRenders(options: TestRendersOptions): Promise<TestRenders> {
  const { catalog, renderer, id = 'a' } = options;
  const own = await temporaryFolder();
  const folder = options.folder ?? own.path;
  const opened = await openDiskStore(folder);
  const disk = options.disk?.(opened) ?? opened;
  const made: MadeSegment[] = [];
  const renders = startRenders({
    catalog,
    nodeId: id,
    log,
    encoders: options.encoders ?? 1,
    leaseSeconds: options.leaseSeconds ?? 30,
    aheadSeconds: options.aheadSeconds ?? 1000,
    makeSegment: segmentMaker({ renderer, disk, catalog, log, patienceMs: options.patienceMs ?? 60_000 }),
    hasEncoder: options.hasEncoder ?? (() => true),
    isHere: (renderId, rendition, n) => disk.facts(renderId, rendition, n) !== undefined,
    onMade: (segment) => made.push(segment),
    ...(options.room === undefined ? {} : { room: options.room }),
    ...(options.keepOf === undefined ? {} : { keepOf: options.keepOf }),
    ...(options.now === undefined ? {} : { now: options.now }),
  });
  return {
    id,
    renders,
    disk,
    folder,
    catalog,
    made,
    async rows(renderId, rendition = '180p') {
      const all = await copiesAt(catalog.db, id);
      return all.find((row) => row.renderId === renderId && row.rendition === rendition)?.segments ?? [];
    },
    async [Symbol.asyncDispose]() {
      await renders.stop();
      await own[Symbol.asyncDispose]();
    },
  };
}

/** What an uploader with two slots works on. */
type Copied = Pick<UploaderOptions, 'disk' | 'bucket' | 'catalog'>;

/** An uploader with two slots, with what became of its tasks. */
export function startTestUploader(on: Copied) {
  const outcomes: CopyOutcome[] = [];
  const failures: unknown[] = [];
  const [damaged, settled]: [number[], number[]] = [[], []];
  const started = startUploader({
    ...on,
    log,
    concurrency: 2,
    onSettled: ({ n }) => settled.push(n),
    onCopied: (_, outcome) => outcomes.push(outcome),
    onFailed: (error) => failures.push(error),
    onDamaged: ({ n }) => damaged.push(n),
  });
  return {
    ...started,
    // A spread would read the getters once.
    now: () => ({ ...started.states, pending: started.pending }),
    outcomes,
    failures,
    damaged,
    settled,
    [Symbol.asyncDispose]: () => started.stop(),
  };
}
