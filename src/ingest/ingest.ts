import { acquireLease, type Lease, releaseLeases } from '../catalog/leases.ts';
import { streamKeyHash } from '../catalog/stream-key.ts';
import { streamByKey } from '../catalog/streams.ts';
import { SegueError } from '../ops/errors.ts';
import { type Loop, startLoop } from '../ops/loop.ts';
import { fileBytes, mostStreams, playlistBytes } from './limits.ts';
import { cleanPath } from './paths.ts';
import { type Part } from './playlist.ts';
import { type IngestStream, openStream, type Received, type StreamParts } from './stream.ts';

/** How a node takes foreign streams in. */
export interface IngestOptions extends Omit<StreamParts, 'now'> {
  readonly nodeId: string;
  readonly leaseSeconds: number;
  /** Monotonic clock in milliseconds. */
  readonly now?: () => number;
}

/** A body as it comes. */
export interface Body {
  readonly stream: ReadableStream<Uint8Array> | null;
  /** Bytes, where they are known beforehand. */
  readonly length: number | undefined;
  /** Where it is only a range of the file (Content-Range, RFC 9110, 14.5). */
  readonly range: Part['range'];
}

/** The streams that producers send to this node. */
export interface Ingest extends AsyncDisposable {
  /**
   * Takes an upload in. The first one takes the lease of the stream.
   * @throws SegueError `unauthorized`, `lease_held`, `invalid_request`, `invalid_playlist`, `too_large`, `storage_full`,
   * `stream_over`, `too_many_requests`, `no_node`
   */
  put(key: string, path: string, body: Body): Promise<Received>;
  /** Forgets an upload that no segment has used. What is listed stays. */
  remove(key: string, path: string): Promise<void>;
  /** Leases held now, for renewal. */
  leases(): readonly Lease[];
  /** Drops streams whose lease has passed to somebody else. */
  fenced(lost: readonly Lease[]): void;
  /** Files that wait for their playlists or for other files are given up; what is listed stays. */
  stop(): Promise<void>;
}

/** A stream to which nothing came for so long is let go of, so that its producer may go on with another node, in milliseconds. */
const idleMs = 10_000;
const tickMs = 500;

/** A playlist by its first bytes (RFC 8216, 4.3.1.1). */
const isPlaylist = (head: Uint8Array): boolean =>
  /^(\u00EF\u00BB\u00BF)?#EXTM3U/.test(String.fromCharCode(...head.subarray(0, 10)));

/** Starts with no stream. */
export function startIngest(options: IngestOptions): Ingest {
  const { catalog, nodeId, log, leaseSeconds, spool } = options;
  const now = options.now ?? (() => performance.now());
  const streams = new Map<string, Promise<IngestStream>>();
  const open = new Map<string, IngestStream>();
  let closing = false;
  let uploads = 0;

  const begin = async (hash: string): Promise<IngestStream> => {
    const row = await streamByKey(catalog.db, hash);
    if (row === undefined) {
      throw new SegueError('unauthorized', 'There is no stream with this key', {
        hint: 'POST /v1/streams makes one, and answers its key once.',
      });
    }
    const acquired = await acquireLease(catalog.db, row.renderId, nodeId, leaseSeconds);
    if (!acquired.ours) {
      throw new SegueError('lease_held', 'Another node takes this stream in', {
        hint: `Send it there, or ask again: a node lets go of a stream that is silent for ${idleMs / 1000} s.`,
        retryable: true,
      });
    }
    try {
      const stream = await openStream({ ...options, now }, row, acquired.lease);
      open.set(hash, stream);
      log.info({ renderId: row.renderId, epoch: acquired.lease.epoch }, 'stream taken in');
      return stream;
    } catch (error) {
      await releaseLeases(catalog.db, [acquired.lease]);
      throw error;
    }
  };

  const streamOf = async (key: string): Promise<IngestStream> => {
    if (closing)
      throw new SegueError('no_node', 'This node is stopping', { hint: 'Send it to another node.' });
    const hash = await streamKeyHash(key);
    const known = streams.get(hash);
    if (known !== undefined) return known;
    if (streams.size >= mostStreams) {
      throw new SegueError(
        'too_many_requests',
        `This node takes ${mostStreams} streams in, which is all it may`,
        {
          hint: 'Send it to another node.',
        },
      );
    }
    const beginning = begin(hash);
    streams.set(hash, beginning);
    beginning.catch(() => streams.delete(hash));
    return beginning;
  };

  const forget = (hash: string): void => {
    const stream = open.get(hash);
    open.delete(hash);
    streams.delete(hash);
    stream?.close().catch((error: unknown) => log.warn({ err: error }, 'uploads not removed'));
  };
  const forgetIf = (lost: (stream: IngestStream) => boolean): IngestStream[] => {
    const all = [...open].filter(([, stream]) => lost(stream));
    for (const [hash] of all) forget(hash);
    return all.map(([, stream]) => stream);
  };

  /** What fences a stream in the middle of its work drops it, as a missed renewal does. */
  const orDropped = async <T>(stream: IngestStream, work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (error instanceof SegueError && error.code === 'fenced') forgetIf((each) => each === stream);
      throw error;
    }
  };

  const step = async () => {
    const silent = forgetIf((stream) => now() - stream.usedAt > idleMs);
    await releaseLeases(
      catalog.db,
      silent.map(({ lease }) => lease),
    );
    for (const { lease, over } of silent)
      log.info({ renderId: lease.renderId, over }, 'stream let go of: nothing comes');
    for (const stream of open.values()) await stream.tick();
    return 'idle' as const;
  };
  const loop: Loop = startLoop(step, { name: 'ingest', intervalMs: tickMs, log });

  const stop = async (): Promise<void> => {
    closing = true;
    await loop.stop();
    await Promise.allSettled(streams.values());
    const leases = [...open.values()].map(({ lease }) => lease);
    for (const hash of open.keys()) forget(hash);
    await releaseLeases(catalog.db, leases).catch((error: unknown) =>
      log.warn({ err: error }, 'leases not released'),
    );
  };

  return {
    async put(key, path, { stream: body, length, range }) {
      // Before anything is waited for: ffmpeg sends the next file without waiting for an answer to the last.
      uploads += 1;
      const order = uploads;
      const clean = cleanPath(path);
      const stream = await streamOf(key);
      const most = /\.m3u8?$/i.test(clean) ? playlistBytes : fileBytes;
      const file = await spool.receive(body, most, length);
      if (isPlaylist(file.head)) {
        const text = file.bytes > playlistBytes ? undefined : (await spool.read(file)).toString();
        await spool.remove(file);
        if (text === undefined) throw new SegueError('too_large', `The playlist has ${file.bytes} bytes`);
        return orDropped(stream, stream.playlist(clean, text, order));
      }
      if (file.bytes === 0 || most === playlistBytes) {
        await spool.remove(file);
        if (most !== playlistBytes) throw new SegueError('invalid_request', `The file ${clean} is empty`);
        throw new SegueError('invalid_playlist', 'Line 1 of the playlist: a playlist begins with #EXTM3U');
      }
      if (range !== undefined && range.length !== file.bytes) {
        await spool.remove(file);
        throw new SegueError(
          'invalid_request',
          `Content-Range has ${range.length} bytes, the body ${file.bytes}`,
        );
      }
      const admitted = await orDropped(stream, stream.file({ path: clean, range }, file, order));
      return { admitted, missing: [] };
    },
    async remove(key, path) {
      const clean = cleanPath(path);
      const stream = await streamOf(key);
      await stream.remove(clean);
    },
    leases: () => [...open.values()].map(({ lease }) => lease),
    fenced(lost) {
      const gone = forgetIf(({ lease }) =>
        lost.some((each) => each.renderId === lease.renderId && each.epoch === lease.epoch),
      );
      for (const { lease } of gone)
        log.warn({ renderId: lease.renderId }, 'fenced: another node takes this stream in');
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
