import { createHash } from 'node:crypto';

/** What fills a held answer: an empty `free` box, and the start of a null packet of MPEG-TS. */
const fillers: readonly (readonly [start: Buffer, size: number])[] = [
  [Buffer.from([0, 0, 0, 8, 0x66, 0x72, 0x65, 0x65]), 8],
  [Buffer.from([0x47, 0x1f, 0xff]), 188],
];

/** Tells bytes apart. What fills a held answer in front is not part of a segment. */
export function digestOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (const [start, size] of fillers) {
    while (buffer.subarray(at, at + start.length).equals(start)) at += size;
  }
  return createHash('sha256').update(buffer.subarray(at)).digest('hex');
}
