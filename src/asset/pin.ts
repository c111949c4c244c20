import { rm } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import PQueue from 'p-queue';
import { SegueError } from '../ops/errors.ts';
import { assetName } from '../store/names.ts';
import type { AssetBucket, AssetFacts } from './asset.ts';
import { AssetCache, type HeldAsset } from './cache.ts';
import { fetchRemote } from './fetch.ts';
import { openLocal } from './local.ts';
import { probe } from './probe.ts';
import { type Received, receive, tooLarge } from './receive.ts';

/** Everything that assets need; see {@link openAssets}. */
export interface AssetOptions {
  /** Cache folder of this process alone. */
  readonly folder: string;
  /** Folders that descriptions may take files from. Absolute. */
  readonly assetFolders: readonly string[];
  /** Hosts that descriptions may fetch from, as `host`, `host:port` or `*.domain`. */
  readonly assetHosts: readonly string[];
  readonly ffmpeg: string;
  readonly bucket: AssetBucket;
  /** Bytes of the cache. Default 8 GiB. */
  readonly maxCacheBytes?: number;
  /** Most bytes of one file. Default 2 GiB. */
  readonly maxFileBytes?: number;
  /** Most milliseconds for fetching one file. Default 5 minutes. */
  readonly maxFetchMs?: number;
  /** Bytes that may still be written to the disk of the folder. Default: without end. */
  readonly freeBytes?: () => number;
}

/** A node's assets: pins what descriptions name, and hands out what they have pinned. */
export interface Assets extends AsyncDisposable {
  /**
   * Fetches what a `src` names, once: hashes and probes it, and puts it in the bucket as `assets/{sha256}`. When this
   * returns, the bytes are durable. Throws SegueError `asset_refused`, `unknown_asset` or `bucket_unavailable`.
   */
  pin(src: string, signal: AbortSignal): Promise<AssetFacts>;
  /** A pinned asset on disk, until it is released; see {@link AssetCache.use}. */
  use(sha256: string, signal: AbortSignal): Promise<HeldAsset>;
  stop(): Promise<void>;
}

const gibibyte = 2 ** 30;

/** Files that are fetched and looked at together; descriptions name many, and many are posted. */
const filesAtOnce = 4;
/** Files that wait for that; one more is refused. */
const filesWaiting = 400;

const noRoom = (): SegueError =>
  new SegueError('storage_full', 'the disk of this node has no room for the file', {
    hint: 'post the description again later, or make room on the node',
  });

/** Opens the cache folder. The only asset object that a node makes. */
export async function openAssets(options: AssetOptions): Promise<Assets> {
  const {
    maxFileBytes = 2 * gibibyte,
    maxCacheBytes = 8 * gibibyte,
    maxFetchMs = 300_000,
    bucket,
    folder,
    ffmpeg,
  } = options;
  const freeBytes = options.freeBytes ?? (() => Number.POSITIVE_INFINITY);
  const limits = { maxBytes: maxCacheBytes, maxFileBytes, freeBytes };
  const cache = await AssetCache.open({ folder, ffmpeg, bucket, ...limits });
  const pins = new PQueue({ concurrency: filesAtOnce });
  /** Facts of local files that have not changed since they were pinned, by path and version, so that posting a description again only asks whether the bucket still has them. */
  const pinnedLocals = new LRUCache<string, AssetFacts>({ max: 1000 });

  /** Bytes first, facts second: the bucket has the file before anybody hears of its hash. */
  const keep = async (received: Received, signal: AbortSignal): Promise<AssetFacts> => {
    try {
      const facts = await probe(received, ffmpeg, signal);
      const name = assetName(received.sha256);
      if (!(await bucket.has(name, signal))) await bucket.put(name, received, signal);
      await cache.adopt(received.path, facts);
      return facts;
    } finally {
      await rm(received.path, { force: true });
    }
  };

  /** Writes a file to the disk, but not the disk full: each that is written together has its share of what is left. */
  const receiveWithRoom = (source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Received> => {
    const share = freeBytes() / filesAtOnce;
    const [maxBytes, error] = share < maxFileBytes ? [share, noRoom] : [maxFileBytes, tooLarge];
    return receive(source, cache.temporary(), maxBytes, signal, error);
  };

  const pinLocal = async (path: string, signal: AbortSignal): Promise<AssetFacts> => {
    const file = await openLocal(path, options.assetFolders);
    await using handle = file.handle;
    const version = `${file.version} ${path}`;
    const known = pinnedLocals.get(version);
    if (known !== undefined && (await bucket.has(assetName(known.sha256), signal))) return known;
    if (file.bytes > maxFileBytes) throw tooLarge(maxFileBytes);
    const stream = handle.createReadStream({ autoClose: false, highWaterMark: 256 * 1024 });
    const facts = await keep(await receiveWithRoom(stream, signal), signal);
    pinnedLocals.set(version, facts);
    return facts;
  };

  const pinRemote = async (src: string, signal: AbortSignal): Promise<AssetFacts> => {
    const stream = fetchRemote(
      src,
      { hosts: options.assetHosts, maxBytes: maxFileBytes, maxMs: maxFetchMs },
      signal,
    );
    return keep(await receiveWithRoom(stream, signal), signal);
  };

  const pin = async (src: string, signal: AbortSignal): Promise<AssetFacts> => {
    if (src.startsWith('file:')) return pinLocal(src.slice('file:'.length), signal);
    if (/^https?:/i.test(src)) return pinRemote(src, signal);
    const sha256 = /^sha256:([0-9a-f]{64})$/.exec(src)?.[1];
    if (sha256 === undefined)
      throw new SegueError('asset_refused', `"${src}" is no kind of src`, {
        hint: 'use file:, https: or sha256:',
      });
    using held = await cache.use(sha256, signal);
    return held.asset.facts;
  };

  return {
    async pin(src, signal) {
      if (pins.size < filesWaiting) return pins.add(() => pin(src, signal), { signal });
      throw new SegueError('too_many_requests', 'This node has too many files to look at', {
        hint: 'post the description again in a minute',
      });
    },
    use: (sha256, signal) => cache.use(sha256, signal),
    stop: () => cache.stop(),
    [Symbol.asyncDispose]: () => cache.stop(),
  };
}
