import type { HeldBytes } from './body.ts';
import type { ByteBudget } from './byte-budget.ts';
import { crcText } from './crc32.ts';

/** A whole, verified segment in memory. */
export interface SegmentBytes extends HeldBytes {
  /** CRC-32 as eight hexadecimal digits. */
  readonly crc: string;
}

/** How fetching a segment from a node went. */
export type Fetched =
  | { readonly kind: 'bytes'; readonly segment: SegmentBytes }
  /** The node lives, and does not have it. */
  | { readonly kind: 'absent' }
  /** Refused, reset, or cut off: the process is gone. */
  | { readonly kind: 'gone'; readonly cause: unknown }
  /** Too slow, or not the bytes that were promised. */
  | { readonly kind: 'faulty'; readonly cause: unknown };

/** No segment is larger: 6 s at 100 Mbit/s. */
const maxSegmentBytes = 80 * 1024 * 1024;

/**
 * Reads a body of known length into one buffer, within the budget, and checks it against the CRC that came with it;
 * `crcRequired` for a sender that must give one.
 */
export async function readWhole(
  response: Response,
  { budget, crc32 }: { readonly budget: ByteBudget; readonly crc32: (bytes: Uint8Array) => number },
  crcRequired: boolean,
  signal: AbortSignal,
): Promise<Fetched> {
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  if (!Number.isInteger(length) || length < 1 || length > maxSegmentBytes || response.body === null) {
    await response.body?.cancel();
    return { kind: 'faulty', cause: 'no usable content-length' };
  }
  const release = await budget.take(length, signal);
  let kept = false;
  try {
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const reader = response.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      if (at + value.length > length) {
        await reader.cancel();
        return { kind: 'faulty', cause: 'more bytes than promised' };
      }
      bytes.set(value, at);
      at += value.length;
    }
    if (at !== length) return { kind: 'gone', cause: `cut off after ${at} of ${length} bytes` };
    const crc = crcText(crc32(bytes));
    const promised = response.headers.get('x-segue-crc32');
    if (promised === null ? crcRequired : promised !== crc)
      return { kind: 'faulty', cause: `CRC ${crc}, promised ${promised}` };
    kept = true;
    return { kind: 'bytes', segment: { bytes, crc, release, isWaitedFor: () => budget.isWaitedFor } };
  } finally {
    if (!kept) release();
  }
}
