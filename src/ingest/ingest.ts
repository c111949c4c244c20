import { hash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { endAbandoned } from '../catalog/abandoned.ts';
import { acquireLease, type Lease, releaseLeases } from '../catalog/leases.ts';
import { streamByKey, streamOfRender } from '../catalog/streams.ts';
import { SegueError } from '../ops/errors.ts';
import { type Loop, startLoop } from '../ops/loop.ts';
import { type Arrival, type Bodies, noBodies } from './bodies.ts';
import { fileBytes, mostStreams, playlistBytes } from './limits.ts';
import { cleanPath } from './paths.ts';
import type { Part } from './playlist.ts';
import { type IngestStream, openStream, type Received, type StreamParts } from './stream.ts';

/** How a node takes foreign streams in. */
export interface IngestOptions extends Omit<StreamParts, 'now'> {
  readonly nodeId: string;
  readonly leaseSeconds: number;
  /** Whether nothing more may be written to the disk. Default: it may. */
  readonly isFull?: () => boolean;
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
   * `stream_over`, `too_many_requests`, `no_node`, `fenced`
   */
  put(key: string, path: string, body: Body): Promise<Received>;
  /** Forgets an upload that no segment has used. What is listed stays. */
  remove(key: string, path: string): Promise<void>;
  /** Leases held now, for renewal. */
  leases(): readonly Lease[];
  /** Drops streams whose lease has passed to somebody else. */
  fenced(lost: readonly Lease[]): void;
  /** What was handed over is worked off, for a bounded time; files that wait for others are given up, and the leases given back. */
  stop(): Promise<void>;
}

/**
 * A stream to which nothing came for so long is let go of, so that its producer may go on with another node, in milliseconds. One
 * that has something to do by itself is kept until that is done, but not for ever: its disk may be broken.
 */
const idleMs = 10_000;
const busyMs = 600_000;
const tickMs = 500;
/** Streams whose node died before it could end them are looked for so often, in milliseconds. */
const abandonedMs = 10_000;
/** What was handed over before the node stops is worked off for so long, in milliseconds. */
const drainMs = 3000;

/** A stream that is open or being opened, and what is under way for it. */
interface Slot {
  readonly bodies: Bodies;
  readonly opening: Promise<IngestStream>;
  stream?: IngestStream;
  ticking?: boolean;
}

/** A playlist by its first bytes (RFC 8216, 4.3.1.1). */
const isPlaylist = (head: Uint8Array): boolean =>
  /^(\u00EF\u00BB\u00BF)?#EXTM3U/.test(String.fromCharCode(...head.subarray(0, 10)));

const isPlaylistPath = (path: string): boolean => /\.m3u8?$/i.test(path);

/** Starts with no stream. */
export function startIngest(options: IngestOptions): Ingest {
  const { catalog, nodeId, log, leaseSeconds, spool } = options;
  const now = options.now ?? (() => performance.now());
  const slots = new Map<string, Slot>();
  const leaving = new Set<Promise<void>>();
  let closing = false;
  let lookedAt = Number.NEGATIVE_INFINITY;

  const begin = async (keyHash: string, bodies: Bodies): Promise<IngestStream> => {
    const known = await streamByKey(catalog.db, keyHash);
    if (known === undefined) {
      throw new SegueError('unauthorized', 'There is no stream with this key', {
        hint: 'POST /v1/streams makes one, and answers its key once.',
      });
    }
    const { renderId } = known;
    const acquired = await acquireLease(catalog.db, renderId, nodeId, leaseSeconds);
    if (!acquired.ours) {
      throw new SegueError('lease_held', 'Another node takes this stream in', {
        hint: `Send it there, or ask again: a node lets go of a stream that is silent for ${idleMs / 1000} s.`,
        retryable: true,
      });
    }
    try {
      // As it stands now that nobody else may change it.
      const row = (await streamOfRender(catalog.db, renderId)) ?? known;
      const stream = await openStream({ ...options, now }, row, acquired.lease, bodies);
      log.info({ renderId, epoch: acquired.lease.epoch }, 'stream taken in');
      return stream;
    } catch (error) {
      await releaseLeases(catalog.db, [acquired.lease]);
      throw error;
    }
  };

  const slotOf = (key: string): Slot => {
    if (closing)
      throw new SegueError('no_node', 'This node is stopping', { hint: 'Send it to another node.' });
    // As `streamKeyHash` does it, at once: uploads are numbered in the order in which they begin.
    const keyHash = hash('sha256', key);
    const known = slots.get(keyHash);
    if (known !== undefined) return known;
    if (slots.size >= mostStreams) {
      throw new SegueError(
        'too_many_requests',
        `This node takes ${mostStreams} streams in, which is all it may`,
        {
          hint: 'Send it to another node.',
        },
      );
    }
    const bodies = noBodies();
    const slot: Slot = { bodies, opening: begin(keyHash, bodies) };
    slots.set(keyHash, slot);
    slot.opening.then(
      (stream) => (slot.stream = stream),
      () => slots.delete(keyHash),
    );
    return slot;
  };

  const open = (): IngestStream[] => [...slots.values()].flatMap(({ stream }) => stream ?? []);
  /** Takes nothing more in for these. */
  const forget = (isMeant: (stream: IngestStream, slot: Slot) => boolean): IngestStream[] => {
    const all = [...slots].filter(([, slot]) => slot.stream !== undefined && isMeant(slot.stream, slot));
    for (const [keyHash] of all) slots.delete(keyHash);
    return all.flatMap(([, { stream }]) => stream ?? []);
  };
  /** Lets go of streams that are forgotten. A lease that is still ours is given back, once what was handed over is worked off. */
  const letGo = (streams: readonly IngestStream[], isOurs: boolean): void => {
    for (const stream of streams) {
      const gone = (async () => {
        try {
          await stream.close();
          if (isOurs) await releaseLeases(catalog.db, [stream.lease]);
        } catch (error) {
          log.warn({ renderId: stream.row.renderId, err: error }, 'stream not let go of cleanly');
        }
      })();
      leaving.add(gone);
      gone.then(
        () => leaving.delete(gone),
        () => undefined,
      );
    }
  };

  /** What fences a stream in the middle of its work drops it, as a missed renewal does. */
  const orDropped = async <T>(stream: IngestStream, work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (error instanceof SegueError && error.code === 'fenced')
        letGo(
          forget((each) => each === stream),
          false,
        );
      throw error;
    }
  };

  /** Each stream on its own: none waits for another one's disk or database. */
  const tick = (slot: Slot): void => {
    const { stream } = slot;
    if (stream === undefined || slot.ticking === true) return;
    slot.ticking = true;
    orDropped(stream, stream.tick())
      .catch((error: unknown) =>
        log.warn({ renderId: stream.row.renderId, err: error }, 'stream does not go on'),
      )
      .finally(() => (slot.ticking = false));
  };

  const step = async () => {
    const silent = forget(({ silentMs, isBusy }) => silentMs > (isBusy ? busyMs : idleMs));
    for (const { row, over } of silent)
      log.info({ renderId: row.renderId, over }, 'stream let go of: nothing comes');
    letGo(silent, true);
    for (const slot of slots.values()) tick(slot);
    if (now() - lookedAt >= abandonedMs) {
      lookedAt = now();
      for (const renderId of await endAbandoned(catalog.db))
        log.info({ renderId }, 'stream ended: the node that took it in had not come to it');
    }
    return 'idle' as const;
  };
  const loop: Loop = startLoop(step, { name: 'ingest', intervalMs: tickMs, log });

  const stop = async (): Promise<void> => {
    closing = true;
    const drain = async (): Promise<void> => {
      await loop.stop();
      await Promise.allSettled([...slots.values()].map(({ opening }) => opening));
      letGo(
        forget(() => true),
        true,
      );
      await Promise.all(leaving);
    };
    await Promise.race([drain(), delay(drainMs, undefined, { ref: false })]);
  };

  const receive = async (
    { opening }: Slot,
    part: Part,
    { stream: body, length }: Body,
    arrival: Arrival,
  ): Promise<Received> => {
    const { path, range } = part;
    const stream = await opening;
    const most = isPlaylistPath(path) ? playlistBytes : fileBytes;
    const file = await spool.receive(body, most, length, (bytes) => arrival.took(bytes));
    const refuse = async (error: SegueError): Promise<never> => {
      await spool.remove(file);
      throw error;
    };
    if (isPlaylist(file.head)) {
      if (file.bytes > playlistBytes)
        return refuse(new SegueError('too_large', `The playlist has ${file.bytes} bytes`));
      return orDropped(stream, stream.playlist(path, file, arrival));
    }
    if (most === playlistBytes) {
      return refuse(
        new SegueError('invalid_playlist', 'Line 1 of the playlist: a playlist begins with #EXTM3U'),
      );
    }
    if (file.bytes === 0) return refuse(new SegueError('invalid_request', `The file ${path} is empty`));
    if (range !== undefined && range.length !== file.bytes) {
      return refuse(
        new SegueError('invalid_request', `Content-Range has ${range.length} bytes, the body ${file.bytes}`),
      );
    }
    return { admitted: await orDropped(stream, stream.file(part, file, arrival)), missing: [] };
  };

  return {
    async put(key, path, body) {
      const part = { path: cleanPath(path), range: body.range };
      // Lists are small, and what is listed already may be asked for.
      if (options.isFull?.() === true && !isPlaylistPath(part.path)) {
        throw new SegueError('storage_full', "This node's disk has no room for segments", {
          hint: 'Send it again: room is made as what it holds gets to the bucket. Or send it to another node.',
          retryable: true,
        });
      }
      const slot = slotOf(key);
      const arrival = slot.bodies.begin(part);
      try {
        return await receive(slot, part, body, arrival);
      } finally {
        arrival.done();
      }
    },
    async remove(key, path) {
      const clean = cleanPath(path);
      const stream = await slotOf(key).opening;
      await orDropped(stream, stream.remove(clean));
    },
    leases: () => open().map(({ lease }) => lease),
    fenced(lost) {
      const gone = forget(({ lease }) =>
        lost.some((each) => each.renderId === lease.renderId && each.epoch === lease.epoch),
      );
      for (const { lease } of gone)
        log.warn({ renderId: lease.renderId }, 'fenced: another node takes this stream in');
      letGo(gone, false);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
