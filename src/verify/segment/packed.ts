import { readAdts } from './adts.ts';
import { noFacts, type SegmentFacts, type TrackFacts } from './facts.ts';

/** What a segment of packed audio has besides its track. */
export interface PackedFacts extends SegmentFacts {
  readonly timestampProblem: string | undefined;
  readonly framesProblem: string | undefined;
}

const owner = 'com.apple.streaming.transportStreamTimestamp';
const rate = 90_000;

const syncsafe = (bytes: Uint8Array, at: number): number =>
  [0, 1, 2, 3].reduce((value, i) => value * 128 + ((bytes[at + i] ?? 0) & 127), 0);

/** Bytes of the ID3 tag in front (ID3v2 3.1); 0 where there is none. */
function tagLength(bytes: Uint8Array): number {
  const isTag = bytes[0] === 0x49 && bytes[1] === 0x44 && bytes[2] === 0x33;
  return isTag ? Math.min(bytes.length, 10 + syncsafe(bytes, 6)) : 0;
}

/** Codec of audio frames by their first bytes; undefined where they are none that HLS packs. */
function family(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0x0b && bytes[1] === 0x77) return (bytes[5] ?? 0) >> 3 > 10 ? 'ec-3' : 'ac-3';
  if (bytes[0] !== 0xff) return undefined;
  if (((bytes[1] ?? 0) & 0xf6) === 0xf0) return 'mp4a.40.2';
  return ((bytes[1] ?? 0) & 0xe6) >= 0xe2 ? 'mp4a.40.34' : undefined;
}

/** Whether bytes look like packed audio: frames, perhaps after an ID3 tag. */
export function looksPacked(bytes: Uint8Array): boolean {
  return family(bytes.subarray(tagLength(bytes))) !== undefined;
}

/** Reads a segment of packed audio (RFC 8216 3.4). */
export function readPacked(bytes: Uint8Array): PackedFacts {
  const length = tagLength(bytes);
  const stamp = timestampOf(bytes.subarray(0, length));
  const body = bytes.subarray(length);
  const adts = readAdts(body);
  const start = stamp ?? 0;
  const track: TrackFacts = {
    id: 0,
    kind: 'audio',
    codec: adts?.codec ?? family(body) ?? '',
    timescale: rate,
    start,
    shown: start,
    duration: adts === undefined ? 0 : (adts.frames * 1024 * rate) / adts.sampleRate,
    // Only AAC frames are counted.
    slack: adts === undefined || stamp === undefined ? Number.POSITIVE_INFINITY : 180,
    samples: adts?.frames ?? 0,
    firstIsSync: undefined,
    width: 0,
    height: 0,
    frameRate: undefined,
    sampleRate: adts?.sampleRate ?? 0,
  };
  return {
    ...noFacts,
    container: 'packed',
    tracks: [track],
    wrap: 2 ** 33 / rate,
    timestampProblem: stamp === undefined ? `no ID3 PRIV frame \`${owner}\` in front` : undefined,
    framesProblem:
      adts !== undefined && adts.rest > 0 ? `${adts.rest} bytes after the last whole frame` : undefined,
  };
}

/** The 33 bits of the PRIV frame (RFC 8216 3.4). */
function timestampOf(tag: Uint8Array): number | undefined {
  const buffer = Buffer.from(tag.buffer, tag.byteOffset, tag.byteLength);
  const at = buffer.indexOf(`${owner}\0`, 0, 'latin1');
  const value = at + owner.length + 1;
  if (at < 0 || buffer.subarray(at - 10, at - 6).toString('latin1') !== 'PRIV' || value + 8 > buffer.length)
    return undefined;
  return Number(buffer.readBigUInt64BE(value) & 0x1_ffff_ffffn);
}
