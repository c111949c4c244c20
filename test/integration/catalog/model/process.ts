import type { Catalog } from '../../../../src/catalog/connect.ts';
import { removeCopies } from '../../../../src/catalog/copies.ts';
import type { Lease } from '../../../../src/catalog/leases.ts';
import { heartbeat } from '../../../../src/catalog/nodes.ts';
import { segmentsOf } from '../../../../src/catalog/streams.ts';
import { renderById } from '../../../../src/catalog/videos.ts';
import { type LostCopies, lostCopies, type SuspectCopy } from '../../../../src/copy/lost.ts';
import type { CopyTask } from '../../../../src/copy/task.ts';
import { goThroughDisks } from '../../../../src/node/adopt.ts';
import { type NodeDisks, openDisks } from '../../../../src/node/disks.ts';
import { type HeldRender, openHeldRender } from '../../../../src/node/held-render.ts';
import { type SegmentMaker, segmentMaker } from '../../../../src/node/make-segment.ts';
import type { ReplicaTask } from '../../../../src/node/replica/plan.ts';
import { type ReplicaTaker, replicaTaker } from '../../../../src/node/replica/take.ts';
import { urlSigner } from '../../../../src/node/sign.ts';
import { SegueError } from '../../../../src/ops/errors.ts';
import type { Bucket } from '../../../../src/store/bucket.ts';
import type { DiskStore, VerifiedSegment } from '../../../../src/store/disk.ts';
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
  /** Where others reach it. */
  readonly url: string;
  readonly folder: string;
  /** Folders of dead nodes. */
  readonly adopt: readonly string[];
  readonly catalog: Catalog;
  readonly bucket: Bucket;
}

/** A replica that a process is taking. */
interface Pulling {
  isOver: boolean;
}

/**
 * A node's process, made of the parts of the real one, without the loops that drive them. Whoever disposes of it has killed it:
 * what it was about to do waits at a gate for ever.
 */
export class Process implements AsyncDisposable {
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
  readonly #url: string;
  readonly #disks: NodeDisks;
  readonly #make: SegmentMaker;
  readonly #take: ReplicaTaker;
  readonly #pullGates = new Gates();
  #pulling: Pulling | undefined;
  readonly #catalog: Catalog;

  private constructor({ id, url, catalog, bucket }: ProcessOptions, disks: NodeDisks) {
    const disk = disks.store;
    this.id = id;
    this.disk = disk;
    this.#url = url;
    this.#disks = disks;
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
    const gates = this.#pullGates;
    this.#take = replicaTaker({
      catalog: { ...catalog, db: gatedDb(catalog.db, gates) },
      disk: gatedDisk(disk, gates),
      nodeId: id,
      log,
      signer: urlSigner('a secret of thirty-two characters'),
      isIdle: () => false,
      render: () => Promise.reject(new Error('no encoder is idle')),
    });
  }

  /** As a node starts: its disks are opened and gone through, its rows are corrected, then it says that it lives. */
  static async start(options: ProcessOptions): Promise<Process> {
    const { id, folder, adopt, catalog } = options;
    const disks = await openDisks({
      catalog,
      pulse: catalog,
      nodeId: id,
      leaseSeconds,
      own: folder,
      adopt,
      log,
    });
    try {
      await goThroughDisks({ catalog, disks, nodeId: id, log });
      const process = new Process(options, disks);
      await process.beat();
      return process;
    } catch (error) {
      await disks[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Of a killed process the claim on its disks ends by itself: here, at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disks[Symbol.asyncDispose]();
  }

  async beat(): Promise<void> {
    const load = { renders: 0, encoders: 0, copyQueue: 0, diskBytes: 0, residentBytes: 0 };
    const { id } = this;
    await heartbeat(this.#catalog.db, { id, url: this.#url, host: 'h', pid: 1, state: 'ready', load });
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

  /** A segment from its disk. A damaged one is removed, and then its row is corrected. */
  async read({ renderId, rendition, n }: SuspectCopy): Promise<VerifiedSegment | undefined> {
    const isKnown = this.disk.facts(renderId, rendition, n) !== undefined;
    const segment = await this.disk.read(renderId, rendition, n);
    if (segment === undefined && isKnown)
      await removeCopies(this.#catalog.db, renderId, rendition, this.id, [[n, n + 1]]);
    return segment;
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

  get isPulling(): boolean {
    return this.#pulling !== undefined;
  }

  /** Begins to take a replica, up to the first gate. */
  async pull(task: ReplicaTask): Promise<void> {
    const pulling: Pulling = { isOver: false };
    this.#pulling = pulling;
    const over = (): void => {
      pulling.isOver = true;
    };
    this.#take(task, new AbortController().signal).then(over, over);
    await this.#pulled(pulling);
  }

  /** Lets the replica go on, up to the next gate or its end. */
  async proceedPull(outcome: Outcome): Promise<void> {
    if (this.#pulling === undefined) return;
    this.#pullGates.open(outcome);
    await this.#pulled(this.#pulling);
  }

  async #pulled(pulling: Pulling): Promise<void> {
    await nextStop(this.#pullGates, () => pulling.isOver);
    if (pulling.isOver) this.#pulling = undefined;
  }

  #settled(making: Making): Promise<unknown> {
    return nextStop(this.gates, () => making.ended !== undefined);
  }
}

/** Waits until what goes through gates stands at the next one, or is over. */
const nextStop = (gates: Gates, isOver: () => boolean): Promise<unknown> =>
  until(() => gates.isStill && (isOver() || gates.isHeld), {
    what: 'it has come to its next step',
    every: 1,
  });
