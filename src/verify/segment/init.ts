import { type Box, down, fourCharacters, inside, only, versionOf, viewOf, walk } from './boxes.ts';
import { codecOf } from './codec.ts';
import { FormatError } from './facts.ts';

/** What an init segment says of a track (ISO/IEC 14496-12 8). */
export interface Track {
  readonly id: number;
  readonly kind: 'video' | 'audio' | 'text' | 'unknown';
  /** Units of time a second. */
  readonly timescale: number;
  /** RFC 6381, e.g. `avc1.640020`, `mp4a.40.2`; the sample entry's four characters where the rest is not known. */
  readonly codec: string;
  /** Pixels; 0 for audio. */
  readonly width: number;
  readonly height: number;
  /** Audio samples a second; 0 for video. */
  readonly sampleRate: number;
  readonly hasEditList: boolean;
  /** Media time at which presentation begins by the edit list, in units of the timescale. */
  readonly editStart: number;
  /** Bytes of the length in front of each NAL unit of H.264 or HEVC; 0 for others, and where samples are encrypted. */
  readonly nalLength: number;
  /** Defaults for samples (`trex`, 8.8.3). */
  readonly defaults: { readonly duration: number; readonly size: number; readonly flags: number };
}

/** An init segment. */
export type Init = readonly Track[];

/** What an EXT-X-MAP gave: tracks, or the tables of MPEG-TS. */
export type Initial = { readonly init: Init } | { readonly tables: Uint8Array };

const kinds: ReadonlyMap<string, Track['kind']> = new Map([
  ['vide', 'video'],
  ['soun', 'audio'],
  ['text', 'text'],
  ['subt', 'text'],
]);
const maxTracks = 64;

/** Reads an init segment: `ftyp moov`, tracks, no samples. Throws a FormatError (or RangeError) that says what is wrong. */
export function readInit(bytes: Uint8Array): Init {
  const file = walk(viewOf(bytes));
  only(file, 'ftyp');
  const moov = only(file, 'moov');
  const stray = file.find(
    (box) => !['ftyp', 'moov', 'free', 'skip', 'styp', 'sidx', 'meta', 'uuid', 'udta'].includes(box.type),
  );
  if (stray !== undefined) throw new FormatError(`box \`${stray.type}\` has no place in an init segment`);
  const traks = inside(moov).filter(({ type }) => type === 'trak');
  if (traks.length === 0) throw new FormatError('box `trak` is missing');
  if (traks.length > maxTracks) throw new FormatError(`${traks.length} tracks`);
  const trexes = inside(down(moov, 'mvex')).filter(({ type }) => type === 'trex');
  return traks.map((trak) => readTrack(trak, trexes));
}

function readTrack(trak: Box, trexes: readonly Box[]): Track {
  const mdia = down(trak, 'mdia');
  const mdhd = down(mdia, 'mdhd');
  const timescale = mdhd.data.getUint32(versionOf(mdhd).version === 1 ? 20 : 12);
  if (timescale === 0) throw new FormatError('the timescale is 0');
  const tkhd = down(trak, 'tkhd');
  const id = tkhd.data.getUint32(versionOf(tkhd).version === 1 ? 20 : 12);
  const kind = kinds.get(fourCharacters(down(mdia, 'hdlr').data, 8)) ?? 'unknown';
  const trex = trexes.find(({ data }) => data.getUint32(4) === id)?.data;
  if (trex === undefined) throw new FormatError(`box \`trex\` of track ${id} is missing`);
  const [entry] = inside(down(mdia, 'minf', 'stbl', 'stsd'), 8);
  if (entry === undefined) throw new FormatError('`stsd` is empty');
  const isVideo = kind === 'video';
  const edit = editOf(trak);
  const encrypted = entry.type === 'encv' || entry.type === 'enca';
  const type = encrypted ? originalOf(entry, isVideo) : entry.type;
  return {
    id,
    kind,
    timescale,
    codec: codecOf(entry, type),
    width: isVideo ? entry.data.getUint16(24) : 0,
    height: isVideo ? entry.data.getUint16(26) : 0,
    sampleRate: kind === 'audio' ? entry.data.getUint32(24) >>> 16 : 0,
    hasEditList: edit !== undefined,
    editStart: edit ?? 0,
    nalLength: encrypted ? 0 : nalLengthOf(entry, type),
    defaults: { duration: trex.getUint32(12), size: trex.getUint32(16), flags: trex.getUint32(20) },
  };
}

/** Media time of the first edit that shows something; undefined where an edit list moves nothing (8.6.6). */
function editOf(trak: Box): number | undefined {
  const edts = inside(trak).find(({ type }) => type === 'edts');
  const elst = edts === undefined ? undefined : inside(edts).find(({ type }) => type === 'elst');
  if (elst === undefined) return undefined;
  const isLong = versionOf(elst).version === 1;
  const count = Math.min(64, elst.data.getUint32(4));
  const times = Array.from({ length: count }, (_, index) =>
    isLong ? Number(elst.data.getBigInt64(16 + index * 20)) : elst.data.getInt32(12 + index * 12),
  );
  const shown = times.find((time) => time >= 0) ?? 0;
  return count === 1 && shown === 0 ? undefined : shown;
}

/** The format under the encryption (ISO/IEC 14496-12 8.12). */
function originalOf(entry: Box, isVideo: boolean): string {
  const sinf = inside(entry, isVideo ? 78 : 28).find(({ type }) => type === 'sinf');
  return sinf === undefined ? entry.type : fourCharacters(down(sinf, 'frma').data, 0);
}

function nalLengthOf(entry: Box, type: string): number {
  if (/^avc[134]$/.test(type)) return (only(inside(entry, 78), 'avcC').data.getUint8(4) & 3) + 1;
  if (/^(hvc1|hev1)$/.test(type)) return (only(inside(entry, 78), 'hvcC').data.getUint8(21) & 3) + 1;
  return 0;
}
