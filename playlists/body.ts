import type { Ports } from './ports.ts';

/** Bytes that are handed to the runtime at once. */
const sliceBytes = 256 * 1024;
/** Between two paddings of a held answer, in milliseconds: under every player's stall time-out. */
const keepAliveMs = 1000;
/**
 * A client that takes no slice for so long, in milliseconds, may be cut: it takes less than 32 kB/s. Less than a node's answer is
 * waited for (10 s), so that who waits for room meanwhile does not take the node for a slow one.
 */
const patienceMs = 8000;
/** Between two looks at whether a client takes its bytes, in milliseconds. */
const lookMs = 1000;

/** What an answer ends with. */
export interface HeldBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Gives the bytes back: to be called once nobody sends them any more. */
  readonly release: () => void;
  /** Whether others wait for what `release` gives back. Absent: nobody ever does. */
  readonly isWaitedFor?: () => boolean;
}

/** Cuts a connection whose body cannot be finished; false where it cannot, and the stream is to fail instead. */
export type Cut = (error: unknown) => boolean;

/** Why a connection is cut whose client takes none of its bytes while others wait for them. */
export class StalledReader extends Error {
  override readonly name = 'StalledReader';
  constructor() {
    super('The client does not take its bytes, and others wait for them');
  }
}

/** Cuts the connection of a request, and tells of those that stall. @param environment of the request, as the runtime gave it */
export function cutFor({ cut, onTrouble }: Pick<Ports, 'cut' | 'onTrouble'>, environment: unknown): Cut {
  return (error) => {
    if (error instanceof StalledReader) onTrouble?.('stalled reader', error);
    return cut?.(environment) ?? false;
  };
}

/**
 * A body that hands out slices as the client takes them, and releases them when all are taken or the client has gone. A client that
 * takes none for {@link patienceMs} is cut while others wait for the bytes; as long as there is room it may take any time.
 */
export function pacedBody(held: HeldBytes, cut: Cut): ReadableStream<Uint8Array> {
  let sender: Sender | undefined;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        sender = sending(held, (error) => {
          if (!cut(error)) controller.error(error);
        });
      },
      pull(controller) {
        sender?.next(controller);
      },
      cancel: () => sender?.end(),
    },
    { highWaterMark: 0 },
  );
}

/**
 * A body that begins at once and sends `padding` each second until `work` resolves, then its bytes as {@link pacedBody} does. When
 * `work` fails, `cut` is asked to cut the connection; if it cannot, the stream fails: in no case does the body end cleanly
 * without the bytes. `gone` is called once, when the client has gone or all is over.
 */
export function heldBody(
  work: Promise<HeldBytes>,
  padding: Uint8Array<ArrayBuffer>,
  cut: Cut,
  gone: () => void,
): ReadableStream<Uint8Array> {
  let sender: Sender | undefined;
  let begun = false;
  let over = false;
  const finish = (): void => {
    if (over) return;
    over = true;
    sender?.end();
    gone();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const arrived = (held: HeldBytes): void => {
          // Bytes that come after the client has gone are given back.
          if (over) {
            held.release();
            return;
          }
          // From now on, not from the next pull: a client that has stopped reading never pulls.
          sender = sending(held, (error) => {
            finish();
            if (!cut(error)) controller.error(error);
          });
        };
        work.then(arrived).catch(() => undefined);
      },
      async pull(controller) {
        if (sender === undefined && begun) await within(work, keepAliveMs);
        begun = true;
        if (over) return;
        if (sender === undefined) controller.enqueue(padding.slice());
        else if (sender.next(controller)) finish();
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  );

  async function within(promise: Promise<HeldBytes>, ms: number): Promise<void> {
    try {
      await settledWithin(promise, ms);
    } catch (error) {
      const wasOver = over;
      finish();
      // After a cut nobody reads any more: what pull gives then goes nowhere.
      if (!wasOver && !cut(error)) throw error;
    }
  }
}

/** The promise's value if it settles within `ms` milliseconds, else undefined. Rejects if the promise does so in that time. */
export async function settledWithin<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Hands out bytes in slices. */
interface Sender {
  /** Enqueues the next slice; true once the last has been taken, when it closes the stream and the bytes are released. */
  next(controller: ReadableStreamDefaultController<Uint8Array>): boolean;
  /** Releases the bytes, once. */
  end(): void;
}

/** Sends bytes. `cutOff` is called, after their release, when the client stalls while others wait for them. */
function sending({ bytes, release, isWaitedFor }: HeldBytes, cutOff: (error: Error) => void): Sender {
  let at = 0;
  let idleMs = 0;
  let ended = false;
  const look = (): void => {
    idleMs += lookMs;
    // A release that admits those who wait saves all other readers that stall.
    if (idleMs < patienceMs || isWaitedFor?.() !== true) return;
    end();
    cutOff(new StalledReader());
  };
  const looks = isWaitedFor === undefined ? undefined : setInterval(look, lookMs);
  const end = (): void => {
    if (ended) return;
    ended = true;
    clearInterval(looks);
    release();
  };
  return {
    end,
    next(controller) {
      idleMs = 0;
      // The last slice is in memory, with all others, until the next pull tells that it was taken.
      if (at >= bytes.length) {
        end();
        controller.close();
        return true;
      }
      const slice = bytes.subarray(at, at + sliceBytes);
      at += slice.length;
      controller.enqueue(slice);
      return false;
    },
  };
}
