import { mkdir } from 'node:fs/promises';
import type { Catalog } from '../../../../src/catalog/connect.ts';
import type { Lease } from '../../../../src/catalog/leases.ts';
import { heartbeat } from '../../../../src/catalog/nodes.ts';
import { segmentsOf } from '../../../../src/catalog/streams.ts';
import { renderById } from '../../../../src/catalog/videos.ts';
import { type LostCopies, lostCopies } from '../../../../src/copy/lost.ts';
import type { CopyTask } from '../../../../src/copy/uploader.ts';
import { type HeldRender, openHeldRender } from '../../../../src/node/held-render.ts';
import { type SegmentMaker, segmentMaker } from '../../../../src/node/make-segment.ts';
import { reconcileDisk } from '../../../../src/node/reconcile.ts';
import { SegueError } from '../../../../src/ops/errors.ts';
import type { Bucket } from '../../../../src/store/bucket.ts';
import { type DiskStore, openDiskStore } from '../../../../src/store/disk.ts';
import { until } from '../../../support/wait.ts';
import { bytesOf, log } from '../../node/kit.ts';
import { Gates, gatedDb, gatedDisk, type Outcome } from './gates.ts';
import type { RenderName } from './world.ts';

/** Longer than any run: leases end when the model says so, and nodes count as living until somebody says that they do not. */
export const leaseSeconds = 3600;

/** A segment that a process is making. */
export interface Making {
  readonly n: number;
  readonly lease: Lease;
  readonly abort: AbortController;
  ended: 'accepted' | 'refused' | undefined;
  isFenced: boolean;
}

/** A segment of the foreign stream that is on the disk and not listed. */
export interface Unlisted {
  readonly n: number;
  readonly bytes: number;
  readonly crc32: number;
}

/** What is told to a {@link Process} at its start. */
export interface ProcessOptions {
  readonly id: string;
  readonly folder: string;
  readonly catalog: Catalog;
  readonly bucket: Bucket;
}

/**
 * A node's process, made of the parts of the real one, without the loops that drive them. Whoever forgets it has killed it:
 * what it was about to do waits at a gate for ever.
 */
export class Process {
  readonly id: string;
  readonly disk: DiskStore;
  readonly gates = new Gates();
  readonly lost: LostCopies;
  held: HeldRender | undefined;
  making: Making | undefined;
  /** The lease of the foreign stream. */
  stream: Lease | undefined;
  unlisted: Unlisted | undefined;
  /** Number of the stream's next segment, as far as this process knows. */
  next = 0;
  /** In the bucket, without a row. */
  stored: CopyTask | undefined;
  /** Announced as lost by the bucket, and on this disk. */
  readonly toCopyAgain: CopyTask[] = [];
  readonly #make: SegmentMaker;
  readonly #catalog: Catalog;

  private constructor({ id, catalog, bucket }: ProcessOptions, disk: DiskStore) {
    this.id = id;
    this.disk = disk;
    this.#catalog = catalog;
    this.lost = lostCopies({ catalog, bucket, disk, log });
    this.#make = segmentMaker({
      renderer: {
        // Making it again gives the same bytes: that is what the real one promises.
        make: ({ n, renditions }) =>
          this.gates.pass(() =>
            Promise.resolve(
              new Map(renditions.map(({ name }) => [name, { segment: bytesOf(name, n) }] as const)),
            ),
          ),
      },
      disk: gatedDisk(disk, this.gates),
      catalog: { ...catalog, db: gatedDb(catalog.db, this.gates) },
      log,
    });
  }

  /** As a node starts: its disk is opened, its rows are corrected, then it says that it lives. */
  static async start(options: ProcessOptions): Promise<Process> {
    const { id, folder, catalog } = options;
    await mkdir(folder, { recursive: true });
    const disk = await openDiskStore(folder);
    await reconcileDisk({ catalog, disk, nodeId: id, log });
    const process = new Process(options, disk);
    await process.beat();
    return process;
  }

  async beat(): Promise<void> {
    const load = { renders: 0, encoders: 0, copyQueue: 0, diskBytes: 0, residentBytes: 0 };
    const { id } = this;
    await heartbeat(this.#catalog.db, { id, url: `http://${id}`, host: 'h', pid: 1, state: 'ready', load });
  }

  /** Begins to write a render under a new lease. */
  async open(lease: Lease): Promise<void> {
    const row = await renderById(this.#catalog.db, lease.renderId);
    if (row === undefined) throw new Error(`no render ${lease.renderId}`);
    this.held = await openHeldRender(this.#catalog.db, row, lease, { now: 0, liveSeconds: leaseSeconds });
  }

  /** Takes the foreign stream in under a new lease, as opening a stream does: what was never listed goes. */
  async follow(lease: Lease): Promise<void> {
    const listed = await segmentsOf(this.#catalog.db, lease.renderId, 'v0');
    this.stream = lease;
    this.next = listed.length;
    for (const n of this.disk.held(lease.renderId).get('v0')?.keys() ?? [])
      if (n >= this.next) await this.disk.remove(lease.renderId, 'v0', n);
  }

  leaseOf(render: RenderName): Lease | undefined {
    return render === 'own' ? this.held?.lease : this.stream;
  }

  /** A lease has passed on, or is given back: what is being made is stopped. */
  leave(render: RenderName): void {
    if (render === 'own') {
      this.held = undefined;
      this.making?.abort.abort();
    } else {
      this.stream = undefined;
      this.unlisted = undefined;
    }
  }

  /** Begins to make some renditions of a segment, up to the first gate. */
  async make(n: number, names: readonly string[]): Promise<void> {
    const { held } = this;
    if (held === undefined) throw new Error('no lease');
    const making: Making = {
      n,
      lease: held.lease,
      abort: new AbortController(),
      ended: undefined,
      isFenced: false,
    };
    this.making = making;
    const renditions = held.renditions.filter(({ name }) => names.includes(name));
    this.#make(held, n, renditions, making.abort.signal).then(
      () => {
        making.ended = 'accepted';
      },
      (error: unknown) => {
        making.ended = 'refused';
        making.isFenced = error instanceof SegueError && error.code === 'fenced';
      },
    );
    await this.#settled(making);
  }

  /** Lets what is being made go on, up to the next gate or its end. Returns it once it has ended. */
  async proceed(outcome: Outcome): Promise<Making | undefined> {
    const { making } = this;
    if (making === undefined) return undefined;
    this.gates.open(outcome);
    await this.#settled(making);
    if (making.ended === undefined) return undefined;
    this.making = undefined;
    if (making.isFenced && this.held?.lease === making.lease) this.held = undefined;
    return making;
  }

  #settled(making: Making): Promise<unknown> {
    const { gates } = this;
    return until(() => gates.isStill && (making.ended !== undefined || gates.isHeld), {
      what: 'what is being made has come to its next step',
      every: 1,
    });
  }
}
