/** Bytes that are handed to the runtime at once. */
const sliceBytes = 256 * 1024;
/** Between two paddings of a held answer, in milliseconds: under every player's stall time-out. */
const keepAliveMs = 1000;

/** A body that hands out slices as the client takes them, and calls `done` once, when all is sent or the client has gone. */
export function pacedBody(bytes: Uint8Array<ArrayBuffer>, done: () => void): ReadableStream<Uint8Array> {
  const slices = slicer(bytes);
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (slices(controller)) done();
      },
      cancel: done,
    },
    { highWaterMark: 0 },
  );
}

/** What a held answer ends with. */
export interface HeldBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly release: () => void;
}

/**
 * A body that begins at once and sends `padding` each second until `work` resolves, then its bytes. When `work` fails, `cut` is asked to cut the connection; if it cannot, the stream fails: in no case does the body end cleanly
 * without the bytes. `gone` is called once, when the client has gone or all is over.
 */
export function heldBody(
  work: Promise<HeldBytes>,
  padding: Uint8Array<ArrayBuffer>,
  cut: (error: unknown) => boolean,
  gone: () => void,
): ReadableStream<Uint8Array> {
  let slices: ((controller: ReadableStreamDefaultController<Uint8Array>) => boolean) | undefined;
  let release: () => void = () => undefined;
  let begun = false;
  let over = false;
  const finish = (): void => {
    if (over) return;
    over = true;
    release();
    gone();
  };
  // Bytes that come after the client has gone are given back.
  work.then((held) => (over ? held.release() : undefined)).catch(() => undefined);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (slices === undefined) {
          const held = begun ? await within(work, keepAliveMs) : undefined;
          begun = true;
          if (over) return;
          if (held === undefined) {
            controller.enqueue(padding.slice());
            return;
          }
          release = held.release;
          slices = slicer(held.bytes);
        }
        if (slices(controller)) finish();
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  );

  async function within(promise: Promise<HeldBytes>, ms: number): Promise<HeldBytes | undefined> {
    try {
      return await settledWithin(promise, ms);
    } catch (error) {
      const wasOver = over;
      finish();
      // After a cut nobody reads any more: what pull gives then goes nowhere.
      if (wasOver || cut(error)) return undefined;
      throw error;
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

/** Enqueues the next slice; true after the last, when it also closes the stream. */
function slicer(
  bytes: Uint8Array<ArrayBuffer>,
): (controller: ReadableStreamDefaultController<Uint8Array>) => boolean {
  let at = 0;
  return (controller) => {
    const slice = bytes.subarray(at, at + sliceBytes);
    at += slice.length;
    if (slice.length > 0) controller.enqueue(slice);
    if (at < bytes.length) return false;
    controller.close();
    return true;
  };
}
