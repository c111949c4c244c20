import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { sql } from 'drizzle-orm';
import type { Catalog } from '../../../../src/catalog/connect.ts';
import { acquireLease, releaseLeases } from '../../../../src/catalog/leases.ts';
import { createStream, writeRendition } from '../../../../src/catalog/streams.ts';
import type { CopyTask } from '../../../../src/copy/task.ts';
import type { Bucket } from '../../../../src/store/bucket.ts';
import { segmentName } from '../../../../src/store/names.ts';
import type { TestBucket } from '../../../support/bucket.ts';
import { type TemporaryFolder, temporaryFolder } from '../../../support/folder.ts';
import { addVideo, bytesOf } from '../../node/kit.ts';
import type { Peers } from './peers.ts';
import { Process } from './process.ts';

/** The two nodes. */
export const nodeNames = ['a', 'b'] as const;
/** One of them. */
export type NodeName = (typeof nodeNames)[number];
/** The renders: one of ours, and a stream that somebody else renders, whose segments nobody can make again. */
export const renderNames = ['own', 'foreign'] as const;
/** One of them. */
export type RenderName = (typeof renderNames)[number];
/** Their renditions. */
export const renditions = { own: ['180p', 'audio'], foreign: ['v0'] } as const;
/** Segments of each render that are played with. */
export const segments = 3;

/** What a node is sent as segment n of the stream: other bytes than the other node, as by a producer that was started anew. */
export const foreignBytes = (name: NodeName, n: number): Uint8Array => bytesOf(`sent to ${name}`, n);

/** What all runs share. */
export interface Backing {
  readonly peers: Peers;
  readonly catalog: Catalog;
  readonly bucket: Bucket;
  readonly store: TestBucket;
}

/** Rows, disks and bucket of one run: everything of it has names of its own. */
export class World implements AsyncDisposable {
  readonly backing: Backing;
  readonly ids: Readonly<Record<NodeName | RenderName, string>>;
  /** What the names of all objects begin with. */
  readonly prefix: string;
  readonly processes = new Map<NodeName, Process>();
  readonly #folder: TemporaryFolder;
  /** The disks of a node, its own first; the others it has adopted. */
  readonly #disks: Record<NodeName, string[]>;
  #newDisks = 0;

  private constructor(backing: Backing, run: number, folder: TemporaryFolder) {
    this.backing = backing;
    this.#folder = folder;
    this.#disks = { a: [this.#newDisk()], b: [this.#newDisk()] };
    this.ids = { a: `a-${run}`, b: `b-${run}`, own: `run-${run}-own`, foreign: `run-${run}-foreign` };
    this.prefix = `renders/run-${run}-`;
  }

  /** An empty world with both nodes up. */
  static async begin(backing: Backing, run: number): Promise<World> {
    const world = new World(backing, run, await temporaryFolder());
    const { ids } = world;
    const { db } = backing.catalog;
    await addVideo(backing.catalog, ids.own, 4);
    const stream = { videoId: `stream-${run}`, renderId: ids.foreign, name: '', keyHash: ids.foreign };
    await createStream(db, { ...stream, windowSeconds: null, targetDuration: 2 });
    // The rendition's row comes with the first segment; here it is there from the start, under a lease that is over.
    const first = await acquireLease(db, ids.foreign, 'before', 60);
    if (!first.ours) throw new Error('the lease is held');
    const attributes = { source: 'v.m3u8', role: 'variant', bandwidth: 1000 } as const;
    const rendition = { name: 'v0', position: 0, kind: 'video', container: 'mpegts', attributes } as const;
    await writeRendition(db, ids.foreign, first.lease, rendition);
    await releaseLeases(db, [first.lease]);
    backing.peers.answer(async ({ nodeId, ...asked }) => {
      const process = [...world.processes.values()].find(({ id }) => id === nodeId);
      return process === undefined ? 'gone' : ((await process.read(asked)) ?? 'absent');
    });
    for (const name of nodeNames) await world.start(name);
    return world;
  }

  /** Folders of the disks of a node, its own first. */
  foldersOf(name: NodeName): readonly string[] {
    return this.#disks[name];
  }

  urlOf(name: NodeName): string {
    return this.backing.peers.urlOf(this.ids[name]);
  }

  async start(name: NodeName): Promise<void> {
    const { catalog, bucket } = this.backing;
    const [folder = '', ...adopt] = this.#disks[name];
    const options = { id: this.ids[name], url: this.urlOf(name), folder, adopt, catalog, bucket };
    this.processes.set(name, await Process.start(options));
  }

  /** SIGKILL. */
  async kill(name: NodeName): Promise<void> {
    const process = this.processes.get(name);
    this.processes.delete(name);
    await process?.[Symbol.asyncDispose]();
  }

  /** The disks of a dead node are mounted where another one is about to start; the dead one has an empty disk from then on. */
  moveDisks(from: NodeName, to: NodeName): void {
    this.#disks[to].push(...this.#disks[from].filter((folder) => existsSync(folder)));
    this.#disks[from] = [this.#newDisk()];
  }

  #newDisk(): string {
    this.#newDisks += 1;
    return join(this.#folder.path, `disk-${this.#newDisks}`);
  }

  /** The process of a node that is up. */
  up(name: NodeName): Process {
    const process = this.processes.get(name);
    if (process === undefined) throw new Error(`${name} is down`);
    return process;
  }

  /** Everything on the own disk of a node is gone, and its adopted ones as well. */
  async emptyDisks(name: NodeName): Promise<void> {
    for (const folder of this.#disks[name]) await rm(folder, { recursive: true, force: true });
    this.#disks[name] = [this.#newDisk()];
  }

  /** Turns a segment on a disk into something else of the same length. Returns it as `own/180p/2`, where there is one. */
  async rot(name: NodeName, render: RenderName, n: number): Promise<string | undefined> {
    const [rendition] = renditions[render];
    for (const folder of this.#disks[name]) {
      const home = join(folder, this.ids[render], rendition);
      const file = (await readdir(home).catch(() => [])).find((each) => each.startsWith(`${n}.`));
      if (file === undefined) continue;
      await writeFile(join(home, file), Buffer.alloc(500 + n, '?'));
      return `${render}/${rendition}/${n}`;
    }
    return undefined;
  }

  /** A segment as it is called in what is seen: `own/180p/2`. */
  segmentOf({ renderId, rendition, n }: Pick<CopyTask, 'renderId' | 'rendition' | 'n'>): string {
    return `${renderNames.find((name) => this.ids[name] === renderId)}/${rendition}/${n}`;
  }

  /** Name of the object of a segment. */
  key(render: RenderName, rendition: string, n: number): string {
    return segmentName(this.ids[render], rendition, n, render === 'own' ? 'fmp4' : 'mpegts');
  }

  /** The bucket loses an object, or most of its bytes. */
  async loseObject(key: string, left: number): Promise<void> {
    const { s3, settings } = this.backing.store;
    const object = { Bucket: settings.bucket, Key: key };
    if (left === 0) await s3.send(new DeleteObjectCommand(object));
    else await s3.send(new PutObjectCommand({ ...object, Body: Buffer.alloc(left, '?') }));
  }

  /** The lease time passes without a heartbeat that would renew. */
  async passTime(): Promise<void> {
    await this.backing.catalog.db.execute(sql`
      UPDATE leases SET expires_at = now() WHERE render_id IN (${this.ids.own}, ${this.ids.foreign})`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of nodeNames) await this.kill(name);
    await this.#folder[Symbol.asyncDispose]();
  }
}
