import { noFacts, type SegmentFacts, type TrackFacts } from './facts.ts';
import { type Pes, readPes } from './pes.ts';
import { readElementary } from './ts-elementary.ts';
import { readPackets, type TsPacket } from './ts-packets.ts';

/** What an MPEG-TS segment has besides its tracks. */
export interface TsFacts extends SegmentFacts {
  /** Why the tables are not as HLS wants them, or undefined. */
  readonly tablesProblem: string | undefined;
  readonly timesProblem: string | undefined;
  readonly counterProblem: string | undefined;
}

/** Timestamps have 33 bits. */
const wrap = 2 ** 33;

/** Reads a segment of MPEG-TS (RFC 8216 3.2). Throws a FormatError where there are no packets. */
export function readTs(bytes: Uint8Array): TsFacts {
  const { packets, padding, counters, counterProblem } = readPackets(bytes);
  const { streams, problem } = readTables(packets);
  const byPid = new Map<number, Pes[]>([...streams.keys()].map((pid) => [pid, []]));
  let orphans = 0;
  for (const { pid, isStart, payload } of packets) {
    const list = byPid.get(pid);
    if (list === undefined) continue;
    if (isStart) list.push(readPes(payload));
    else if (list.length > 0) list.at(-1)?.chunks.push(payload);
    else orphans += 1;
  }
  let timesProblem =
    orphans > 0 ? `${orphans} packets belong to a PES packet of the segment before` : undefined;
  const tracks: TrackFacts[] = [];
  for (const [pid, list] of byPid) {
    const read = readElementary(pid, streams.get(pid) ?? 0, list.map(unwrapFrom(list)));
    if (read === undefined) continue;
    timesProblem ??= read.problem;
    if (read.track !== undefined) tracks.push(read.track);
  }
  return {
    ...noFacts,
    container: 'ts',
    tracks,
    wrap: wrap / 90_000,
    padding,
    counters,
    tablesProblem: problem,
    timesProblem,
    counterProblem,
  };
}

/** Puts every time beside the first one, where the counter wraps within the segment. */
function unwrapFrom(list: readonly Pes[]): (pes: Pes) => Pes {
  const base = list.find(({ dts }) => dts !== undefined)?.dts ?? 0;
  const near = (time: number | undefined): number | undefined => {
    if (time === undefined) return undefined;
    if (time - base > wrap / 2) return time - wrap;
    return base - time > wrap / 2 ? time + wrap : time;
  };
  return ({ pts, dts, chunks }) => ({ pts: near(pts), dts: near(dts), chunks });
}

/** Elementary streams: type by PID. */
function readTables(packets: readonly TsPacket[]): {
  streams: Map<number, number>;
  problem: string | undefined;
} {
  const streams = new Map<number, number>();
  const pat = packets.findIndex(({ pid, isStart }) => pid === 0 && isStart);
  if (pat < 0) return { streams, problem: 'there is no PAT' };
  const programs: number[] = [];
  const table = section(packets[pat]);
  for (let at = 8; at + 4 <= table.length - 4; at += 4) {
    const program = word(table, at);
    if (program !== 0) programs.push(word(table, at + 2) & 0x1fff);
  }
  const [pmtPid] = programs;
  const pmt = packets.findIndex(({ pid, isStart }) => pid === pmtPid && isStart);
  if (pmtPid === undefined || pmt < 0) return { streams, problem: 'there is no PMT' };
  const map = section(packets[pmt]);
  let at = 12 + (word(map, 10) & 0xfff);
  while (at + 5 <= map.length - 4) {
    streams.set(word(map, at + 1) & 0x1fff, map[at] ?? 0);
    at += 5 + (word(map, at + 3) & 0xfff);
  }
  const early = packets.findIndex(({ pid }) => streams.has(pid));
  let problem: string | undefined;
  if (programs.length > 1) problem = `there are ${programs.length} programs`;
  else if (streams.size === 0) problem = 'the PMT lists no stream';
  else if (early >= 0 && early < pmt) problem = 'media comes before the PMT';
  return { streams, problem };
}

const word = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

/** The section that begins in a packet, as far as it lies there; CRC included. */
function section(packet: TsPacket | undefined): Uint8Array {
  if (packet === undefined) return new Uint8Array();
  const from = 1 + (packet.payload[0] ?? 0);
  const length = 3 + (word(packet.payload, from + 1) & 0xfff);
  return packet.payload.subarray(from, from + length);
}
