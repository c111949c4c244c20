import {
  type Box,
  BoxError,
  down,
  fourCharacters,
  inside,
  only,
  slice,
  versionOf,
  viewOf,
  walk,
} from './boxes.ts';

/** What an init segment says of its track (ISO/IEC 14496-12 8). */
export interface Track {
  readonly id: number;
  readonly kind: 'video' | 'audio' | 'unknown';
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
  /** Defaults for samples (`trex`, 8.8.3). */
  readonly defaults: { readonly duration: number; readonly size: number; readonly flags: number };
}

/** Reads an init segment: `ftyp moov`, one track, no samples. Throws a BoxError that says what is wrong. */
export function readInit(bytes: Uint8Array): Track {
  try {
    return read(walk(viewOf(bytes)));
  } catch (error) {
    // A DataView refuses to read past its end: a box that is too short for its fields.
    if (error instanceof RangeError)
      throw new BoxError('a box is too short for its fields', { cause: error });
    throw error;
  }
}

function read(file: readonly Box[]): Track {
  only(file, 'ftyp');
  const moov = only(file, 'moov');
  const stray = file.find(
    (box) => !['ftyp', 'moov', 'free', 'skip', 'styp', 'sidx', 'meta', 'uuid'].includes(box.type),
  );
  if (stray !== undefined) throw new BoxError(`box \`${stray.type}\` has no place in an init segment`);
  const trak = only(inside(moov), 'trak');
  const mdia = down(trak, 'mdia');
  const { version } = versionOf(down(mdia, 'mdhd'));
  const timescale = down(mdia, 'mdhd').data.getUint32(version === 1 ? 20 : 12);
  if (timescale === 0) throw new BoxError('the timescale is 0');
  const tkhd = down(trak, 'tkhd');
  const id = tkhd.data.getUint32(versionOf(tkhd).version === 1 ? 20 : 12);
  const handler = fourCharacters(down(mdia, 'hdlr').data, 8);
  const trex = only(inside(down(moov, 'mvex')), 'trex').data;
  const [entry] = inside(down(mdia, 'minf', 'stbl', 'stsd'), 8);
  if (entry === undefined) throw new BoxError('`stsd` is empty');
  const isVideo = handler === 'vide';
  const isAudio = handler === 'soun';
  return {
    id,
    kind: isVideo ? 'video' : isAudio ? 'audio' : 'unknown',
    timescale,
    codec: codecOf(entry),
    width: isVideo ? entry.data.getUint16(24) : 0,
    height: isVideo ? entry.data.getUint16(26) : 0,
    sampleRate: isAudio ? entry.data.getUint32(24) >>> 16 : 0,
    hasEditList: inside(trak).some(
      (box) => box.type === 'edts' && inside(box).some((inner) => inner.type === 'elst'),
    ),
    defaults: { duration: trex.getUint32(12), size: trex.getUint32(16), flags: trex.getUint32(20) },
  };
}

/** The codecs parameter of a sample entry (RFC 6381 3.3, ISO/IEC 14496-15, 14496-3). */
function codecOf(entry: Box): string {
  if (entry.type === 'avc1' || entry.type === 'avc3') {
    const avcC = only(inside(entry, 78), 'avcC').data;
    return `${entry.type}.${[1, 2, 3].map((i) => avcC.getUint8(i).toString(16).padStart(2, '0')).join('')}`;
  }
  if (entry.type === 'mp4a') {
    const esds = only(inside(entry, 28), 'esds').data;
    const config = audioConfig(slice(esds, 4, esds.byteLength));
    if (config !== undefined) return `mp4a.${config.objectType.toString(16)}.${config.audioObjectType}`;
  }
  return entry.type;
}

/** Finds the AudioSpecificConfig in the descriptors of `esds` (ISO/IEC 14496-1 7.2.6). */
function audioConfig(view: DataView): { objectType: number; audioObjectType: number } | undefined {
  let objectType: number | undefined;
  let at = 0;
  while (at + 2 <= view.byteLength) {
    const tag = view.getUint8(at);
    let size = 0;
    let more = true;
    at += 1;
    while (more) {
      const byte = view.getUint8(at);
      size = (size << 7) | (byte & 0x7f);
      more = (byte & 0x80) !== 0;
      at += 1;
    }
    // Of ES_Descriptor and DecoderConfigDescriptor only the fields are skipped: their content follows inside.
    if (tag === 3) at += 3;
    else if (tag === 4) {
      objectType = view.getUint8(at);
      at += 13;
    } else if (tag === 5 && objectType !== undefined) {
      return { objectType, audioObjectType: view.getUint8(at) >> 3 };
    } else at += size;
  }
  return undefined;
}
