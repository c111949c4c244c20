import { renameSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import PQueue from 'p-queue';
import { SegueError } from '../ops/errors.ts';
import { assetName } from '../store/names.ts';
import type { AssetBucket, AssetFacts, LocalAsset } from './asset.ts';
import { filesOf, readFacts, scanFolder, sizeOf, temporaryIn, writeFacts } from './files.ts';
import { probe } from './probe.ts';
import { receive } from './receive.ts';
import { decodeToWav } from './wav.ts';

/** What a cache needs. */
export interface AssetCacheOptions {
  /** Folder of this process alone. */
  readonly folder: string;
  readonly ffmpeg: string;
  readonly bucket: AssetBucket;
  /** Bytes kept, decoded sound included. Exceeded only by what is in use. */
  readonly maxBytes: number;
  /** Most bytes of one file. */
  readonly maxFileBytes: number;
  /** Bytes that may still be written to the disk. */
  readonly freeBytes: () => number;
}

/** An asset that stays on disk until it is let go. */
export interface HeldAsset extends Disposable {
  readonly asset: LocalAsset;
  /** Lets the asset go; it may be evicted from now on. Safe to call twice. */
  release(): void;
}

/** Sounds decoded together. */
const decodedAtOnce = 2;

interface Entry {
  bytes: number;
  users: number;
  /** The work of making the files ready, shared by everybody who waits for it; gone when it failed. */
  ready?: Promise<LocalAsset>;
}

/**
 * The assets on this node's disk, by content hash: fetched from the bucket when they are first needed, verified, probed,
 * their sound decoded once. Requests for the same asset share one piece of work. The least recently used go first when
 * there are too many bytes; what is in use never does.
 */
export class AssetCache implements AsyncDisposable {
  readonly #options: AssetCacheOptions;
  /** In order of last use, the oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #stopped = new AbortController();
  readonly #removals = new Set<Promise<void>>();
  /** A few bytes of some codecs are hours of sound: only so many are decoded at a time, each into its share of the disk. */
  readonly #decoding = new PQueue({ concurrency: decodedAtOnce });

  private constructor(options: AssetCacheOptions, found: ReadonlyMap<string, number>) {
    this.#options = options;
    for (const [sha256, bytes] of found) this.#entries.set(sha256, { bytes, users: 0 });
  }

  /** Opens the folder, taking over what an earlier process left there whole. */
  static async open(options: AssetCacheOptions): Promise<AssetCache> {
    const cache = new AssetCache(options, await scanFolder(options.folder));
    cache.#evict();
    return cache;
  }

  /** Bytes on disk. */
  get bytes(): number {
    let total = 0;
    for (const { bytes } of this.#entries.values()) total += bytes;
    return total;
  }

  /**
   * The asset, on disk and ready to be rendered from, until it is released. Throws SegueError `unknown_asset` where the
   * bucket has no such asset, `bucket_unavailable` where it cannot be read or holds other bytes under that name.
   */
  async use(sha256: string, signal: AbortSignal): Promise<HeldAsset> {
    signal.throwIfAborted();
    const entry = this.#touch(sha256);
    entry.users += 1;
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      this.#leave(sha256, entry);
    };
    try {
      const asset = await unlessAborted(this.#ready(sha256, entry), signal);
      return { asset, release, [Symbol.dispose]: release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Takes over a file that was just received and probed, instead of fetching it from the bucket. */
  async adopt(path: string, facts: AssetFacts): Promise<void> {
    const entry = this.#touch(facts.sha256);
    entry.users += 1;
    try {
      const files = filesOf(this.#options.folder, facts.sha256);
      if ((await sizeOf(files.original)) === facts.bytes) await rm(path, { force: true });
      else await rename(path, files.original);
      await writeFacts(this.#options.folder, facts);
      await this.#measure(facts.sha256, entry);
    } finally {
      this.#leave(facts.sha256, entry);
    }
  }

  /** Name for a file that is to be adopted: in the same folder, so that adopting is a rename. */
  temporary(): string {
    return temporaryIn(this.#options.folder);
  }

  /** Ends the work that is under way. */
  async stop(): Promise<void> {
    this.#stopped.abort(new SegueError('internal', 'the asset cache was stopped', { retryable: true }));
    await Promise.allSettled([...[...this.#entries.values()].map(({ ready }) => ready), ...this.#removals]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #touch(sha256: string): Entry {
    const entry = this.#entries.get(sha256) ?? { bytes: 0, users: 0 };
    this.#entries.delete(sha256);
    this.#entries.set(sha256, entry);
    return entry;
  }

  #leave(sha256: string, entry: Entry): void {
    entry.users -= 1;
    if (entry.users === 0 && entry.bytes === 0 && this.#entries.get(sha256) === entry)
      this.#entries.delete(sha256);
    this.#evict();
  }

  /** The shared work, begun again where somebody removed the files behind our back. */
  async #ready(sha256: string, entry: Entry): Promise<LocalAsset> {
    const known = entry.ready;
    if (known !== undefined) {
      const asset = await known;
      const isWhole = (await sizeOf(asset.path)) === asset.facts.bytes;
      if (isWhole && (asset.audioPath === undefined || (await sizeOf(asset.audioPath)) > 0)) return asset;
      if (entry.ready === known) delete entry.ready;
    }
    entry.ready ??= this.#prepare(sha256, entry);
    return entry.ready;
  }

  async #prepare(sha256: string, entry: Entry): Promise<LocalAsset> {
    // The work is a user too: everybody else may leave before it ends.
    entry.users += 1;
    try {
      return await this.#make(sha256);
    } catch (error) {
      delete entry.ready;
      throw error;
    } finally {
      await this.#measure(sha256, entry);
      this.#leave(sha256, entry);
    }
  }

  // The work goes on when the one who asked first has left: others may wait for it, and the next one will want it.
  async #make(sha256: string): Promise<LocalAsset> {
    const { folder, ffmpeg } = this.#options;
    const { signal } = this.#stopped;
    const files = filesOf(folder, sha256);
    let facts = await readFacts(files.facts);
    const bytes = await sizeOf(files.original);
    if (bytes === 0 || (facts !== undefined && facts.bytes !== bytes)) await this.#download(sha256, signal);
    if (facts === undefined || facts.sha256 !== sha256) {
      facts = await probe(
        { path: files.original, sha256, bytes: await sizeOf(files.original) },
        ffmpeg,
        signal,
      );
      await writeFacts(folder, facts);
    }
    if (facts.audio === undefined) return { sha256, facts, path: files.original };
    if ((await sizeOf(files.wav)) === 0) {
      const source = { path: files.original, channels: facts.audio.channels };
      const target = { temporary: temporaryIn(folder), target: files.wav };
      const { freeBytes } = this.#options;
      await this.#decoding.add(() =>
        decodeToWav(source, { ...target, maxBytes: freeBytes() / decodedAtOnce }, ffmpeg, signal),
      );
    }
    return { sha256, facts, path: files.original, audioPath: files.wav };
  }

  async #download(sha256: string, signal: AbortSignal): Promise<void> {
    const name = assetName(sha256);
    const source = await this.#options.bucket.get(name, signal);
    if (source === undefined) {
      throw new SegueError('unknown_asset', `the bucket has no ${name}`, {
        hint: 'post the description again, with the original file',
      });
    }
    const received = await receive(source, this.temporary(), this.#options.maxFileBytes, signal).catch(
      (error: unknown) => {
        signal.throwIfAborted();
        throw new SegueError('bucket_unavailable', `the bucket did not give all of ${name}`, {
          cause: error,
        });
      },
    );
    if (received.sha256 !== sha256) {
      await rm(received.path, { force: true });
      throw new SegueError(
        'bucket_unavailable',
        `the bucket holds other bytes under ${name}, or cut them short`,
        {
          hint: 'delete the object and post the description again',
        },
      );
    }
    await rename(received.path, filesOf(this.#options.folder, sha256).original);
  }

  async #measure(sha256: string, entry: Entry): Promise<void> {
    const { original, facts, wav } = filesOf(this.#options.folder, sha256);
    const sizes = await Promise.all([original, facts, wav].map(sizeOf));
    entry.bytes = sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Renames synchronously, so that nobody who asks for the asset in between finds half of it; the bytes go later. */
  #evict(): void {
    let excess = this.bytes - this.#options.maxBytes;
    for (const [sha256, entry] of this.#entries) {
      if (excess <= 0) return;
      if (entry.users > 0) continue;
      excess -= entry.bytes;
      this.#entries.delete(sha256);
      const { original, facts, wav } = filesOf(this.#options.folder, sha256);
      for (const path of [facts, original, wav]) this.#remove(path);
    }
  }

  #remove(path: string): void {
    const doomed = this.temporary();
    try {
      renameSync(path, doomed);
    } catch {
      return; // It was not there: an image has no sound.
    }
    // What cannot be removed now has a temporary name, and goes at the next start.
    const removal = rm(doomed, { force: true })
      .catch(() => undefined)
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }
}

/** Waits for shared work, but only as long as the one who waits wants to. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const gone = Promise.withResolvers<never>();
  const leave = (): void => gone.reject(signal.reason as Error);
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([work, gone.promise]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
