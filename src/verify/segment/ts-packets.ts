import { FormatError } from './facts.ts';

/** One packet (ISO/IEC 13818-1 2.4.3.2) that has a payload. */
export interface TsPacket {
  readonly pid: number;
  /** A PES packet or section begins in it. */
  readonly isStart: boolean;
  readonly payload: Uint8Array;
}

/** Packets of a segment, and how its continuity counters run. */
export interface TsPackets {
  readonly packets: readonly TsPacket[];
  /** Bytes of null packets in front of everything. */
  readonly padding: number;
  /** First and last counter by PID. */
  readonly counters: Map<number, readonly [first: number, last: number]>;
  /** The first counter that jumps, or undefined. */
  readonly counterProblem: string | undefined;
}

const size = 188;

/** Whether bytes look like MPEG-TS: two sync bytes, a packet apart. */
export function looksLikeTs(bytes: Uint8Array): boolean {
  return bytes[0] === 0x47 && (bytes.length === size || bytes[size] === 0x47);
}

/** Splits a segment into packets. Throws a FormatError where it is no whole number of packets. */
export function readPackets(bytes: Uint8Array): TsPackets {
  if (bytes.length === 0) throw new FormatError('it is empty');
  if (bytes.length % size !== 0) throw new FormatError(`${bytes.length % size} bytes after the last packet`);
  const packets: TsPacket[] = [];
  const counters = new Map<number, readonly [number, number]>();
  let counterProblem: string | undefined;
  let padding = 0;
  for (let at = 0; at < bytes.length; at += size) {
    const packet = bytes.subarray(at, at + size);
    const [sync = 0, high = 0, low = 0, control = 0, adaptation = 0] = packet;
    if (sync !== 0x47)
      throw new FormatError(`packet ${at / size} begins with 0x${sync.toString(16)}, not 0x47`);
    const pid = ((high & 31) << 8) | low;
    const hasPayload = (control & 0x10) !== 0;
    if (pid === 0x1fff && padding === at) padding += size;
    if (pid === 0x1fff || !hasPayload) continue;
    const hasAdaptation = (control & 0x20) !== 0;
    const isJump = hasAdaptation && adaptation > 0 && ((packet[5] ?? 0) & 0x80) !== 0;
    const counter = control & 15;
    const [first, last] = counters.get(pid) ?? [counter, undefined];
    // The same counter twice is a packet that was sent twice.
    if (last !== undefined && !isJump && counter !== ((last + 1) & 15) && counter !== last)
      counterProblem ??= `PID ${pid} counts ${last}, ${counter} at packet ${at / size}`;
    counters.set(pid, [first, counter]);
    const from = 4 + (hasAdaptation ? 1 + adaptation : 0);
    if (from > size)
      throw new FormatError(`the adaptation field of packet ${at / size} is longer than the packet`);
    packets.push({ pid, isStart: (high & 0x40) !== 0, payload: packet.subarray(from) });
  }
  return { packets, padding, counters, counterProblem };
}
