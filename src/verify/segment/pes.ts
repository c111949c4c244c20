import { FormatError } from './facts.ts';

/** A PES packet: its times in 1/90000 s, and its bytes. */
export interface Pes {
  readonly pts: number | undefined;
  readonly dts: number | undefined;
  readonly chunks: Uint8Array[];
}

/** The header of a PES packet (ISO/IEC 13818-1 2.4.3.6). Throws a FormatError where there is none. */
export function readPes(payload: Uint8Array): Pes {
  if (payload[0] !== 0 || payload[1] !== 0 || payload[2] !== 1)
    throw new FormatError('a PES packet has no start code');
  const flags = payload[7] ?? 0;
  const pts = (flags & 0x80) === 0 ? undefined : timestamp(payload, 9);
  const dts = (flags & 0xc0) === 0xc0 ? timestamp(payload, 14) : pts;
  return { pts, dts, chunks: [payload.subarray(9 + (payload[8] ?? 0))] };
}

function timestamp(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) >> 1) & 7;
  return high * 2 ** 30 + (word(bytes, at + 1) >> 1) * 2 ** 15 + (word(bytes, at + 3) >> 1);
}

const word = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
