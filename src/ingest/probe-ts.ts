import { readSps } from './avc-sps.ts';
import type { Probed } from './describe.ts';
import { joined } from './probe-fmp4.ts';

const packet = 188;
/** Bytes of a segment that are looked at: tables and parameter sets come first. */
export const probeBytes = 1024 * 1024;

/** The payload of every packet of one PID, after the adaptation field (ISO/IEC 13818-1, 2.4.3). */
function* payloads(data: Uint8Array, pid: number): Generator<{ starts: boolean; bytes: Uint8Array }> {
  for (let at = 0; at + packet <= data.byteLength; at += packet) {
    const [sync, high = 0, low = 0, flags = 0, adaptation = 0] = data.subarray(at, at + 5);
    if (sync !== 0x47 || (((high & 31) << 8) | low) !== pid || (flags & 0x10) === 0) continue;
    const skip = (flags & 0x20) === 0 ? 4 : 5 + adaptation;
    if (skip < packet) yield { starts: (high & 0x40) !== 0, bytes: data.subarray(at + skip, at + packet) };
  }
}

/** The first section of a table; tables of real streams fit into one packet. */
function section(data: Uint8Array, pid: number): Uint8Array | undefined {
  for (const { starts, bytes } of payloads(data, pid)) {
    if (!starts) continue;
    const from = 1 + (bytes[0] ?? 0);
    const length = (((bytes[from + 1] ?? 0) & 15) << 8) | (bytes[from + 2] ?? 0);
    return bytes.subarray(from, Math.max(from, from + 3 + length - 4));
  }
  return undefined;
}

const u16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

/** Elementary streams of the first program: their types and PIDs (2.4.4). */
function streams(data: Uint8Array): { type: number; pid: number }[] {
  const pat = section(data, 0);
  if (pat === undefined) return [];
  let map: number | undefined;
  for (let at = 8; at + 4 <= pat.byteLength && map === undefined; at += 4) {
    if (u16(pat, at) !== 0) map = u16(pat, at + 2) & 0x1fff;
  }
  const pmt = map === undefined ? undefined : section(data, map);
  if (pmt === undefined) return [];
  const list: { type: number; pid: number }[] = [];
  for (let at = 12 + (u16(pmt, 10) & 0xfff); at + 5 <= pmt.byteLength; at += 5 + (u16(pmt, at + 3) & 0xfff)) {
    list.push({ type: pmt[at] ?? 0, pid: u16(pmt, at + 1) & 0x1fff });
  }
  return list.slice(0, 16);
}

/** Elementary bytes of the first frames of a PID. */
function elementary(data: Uint8Array, pid: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (const { starts, bytes } of payloads(data, pid)) {
    const part = starts ? bytes.subarray(9 + (bytes[8] ?? 0)) : bytes;
    parts.push(part);
    size += part.byteLength;
    if (size > 64 * 1024) break;
  }
  return Buffer.concat(parts);
}

function avc(bytes: Uint8Array): Probed | undefined {
  for (let at = 0; at + 8 < bytes.byteLength; at += 1) {
    if (bytes[at] !== 0 || bytes[at + 1] !== 0 || bytes[at + 2] !== 1 || ((bytes[at + 3] ?? 0) & 31) !== 7)
      continue;
    const { codec, width, height } = readSps(bytes.subarray(at + 3, at + 515));
    return { codecs: [codec], video: true, audio: false, width, height };
  }
  return { codecs: [], video: true, audio: false };
}

/** AAC in ADTS (ISO/IEC 14496-3, 1.A.2). */
function adts(bytes: Uint8Array): Probed {
  const [first = 0, second = 0, third = 0, fourth = 0] = bytes;
  const isAdts = first === 0xff && (second & 0xf6) === 0xf0;
  const channels = isAdts ? ((third & 1) << 2) | (fourth >> 6) : undefined;
  return {
    codecs: [`mp4a.40.${isAdts ? (third >> 6) + 1 : 2}`],
    video: false,
    audio: true,
    channels: channels === 0 ? undefined : channels,
  };
}

/** What the tables and first frames of an MPEG-TS segment say. Undefined where nothing can be told. */
export function probeTs(data: Uint8Array): Probed | undefined {
  const tracks = streams(data).flatMap(({ type, pid }): Probed[] => {
    const sound = (codec: string): Probed[] => [{ codecs: [codec], video: false, audio: true }];
    if (type === 0x1b) return [avc(elementary(data, pid))].filter((track) => track !== undefined);
    if (type === 0x24) return [{ codecs: [], video: true, audio: false }];
    if (type === 0x0f) return [adts(elementary(data, pid))];
    if (type === 0x81) return sound('ac-3');
    if (type === 0x87) return sound('ec-3');
    return type === 0x03 || type === 0x04 ? sound('mp4a.40.34') : [];
  });
  return joined(tracks);
}

/** What a segment of packed audio says: AAC after its ID3 tag, or what it begins with. */
export function probePacked(data: Uint8Array): Probed {
  const tagged = String.fromCharCode(...data.subarray(0, 3)) === 'ID3';
  const size = [6, 7, 8, 9].reduce((sum, at) => (sum << 7) | ((data[at] ?? 0) & 127), 0);
  const sound = data.subarray(tagged ? 10 + size : 0);
  if (u16(sound, 0) === 0x0b77) return { codecs: ['ac-3'], video: false, audio: true };
  return adts(sound);
}
