import { ByteReader, malformed } from './reader.ts';
import { concat, u8, u16 } from './writer.ts';

/** What a decoder must know before the first sample of a track. */
export type CodecConfig =
  | {
      readonly kind: 'video';
      readonly width: number;
      readonly height: number;
      /** AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1): parameter sets included. */
      readonly avcC: Uint8Array;
    }
  | {
      readonly kind: 'audio';
      readonly channels: number;
      readonly sampleRate: number;
      /** MPEG-4 audio object type: 2 is AAC-LC. */
      readonly objectType: number;
    };

/** Frequencies by index (ISO/IEC 14496-3, table 1.18). */
const frequencies = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
] as const;

/**
 * Reads an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1), as far as AAC without extension needs.
 * @throws SegueError `render_failed` for anything else
 */
export function parseAudioSpecificConfig(bytes: Uint8Array): CodecConfig & { kind: 'audio' } {
  const bits = new ByteReader(bytes).u16();
  const objectType = bits >> 11;
  const sampleRate = frequencies[(bits >> 7) & 15];
  const channels = (bits >> 3) & 15;
  if (objectType === 0 || objectType === 31 || sampleRate === undefined || channels === 0 || channels > 7) {
    throw malformed('an AudioSpecificConfig other than plain AAC');
  }
  return { kind: 'audio', objectType, sampleRate, channels };
}

/** The two bytes of an AudioSpecificConfig: the shortest form, the same whichever ffmpeg encoded. */
export function audioSpecificConfig(config: CodecConfig & { kind: 'audio' }): Uint8Array {
  const index = frequencies.findIndex((frequency) => frequency === config.sampleRate);
  if (index < 0) throw malformed(`no AAC frequency index for ${config.sampleRate} Hz`);
  const bits = (config.objectType << 11) | (index << 7) | (config.channels << 3);
  return u8(bits >> 8, bits & 255);
}

/** Parameter sets of an avcC: a count, then each with its length. */
function parameterSets(reader: ByteReader, count: number): Uint8Array {
  const sets = Array.from({ length: count }, () => {
    const size = reader.u16();
    return concat([u16(size), reader.bytes(size)]);
  });
  return concat([u8(count), ...sets]);
}

/** Chroma format 4:2:0, 8 bits of luma and chroma, no SPS extension: all that High profile allows. */
const highExtension = u8(0xfd, 0xf8, 0xf8, 0);

/**
 * The same AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) in one form, whichever ffmpeg wrote it: old ones
 * leave out the extension that the High profile asks for.
 * @throws SegueError `render_failed` for a profile above High, or NAL unit lengths of other than 4 bytes
 */
export function normaliseAvcC(avcC: Uint8Array): Uint8Array {
  const reader = new ByteReader(avcC);
  const version = reader.u8();
  const [profile, constraints, level] = [reader.u8(), reader.u8(), reader.u8()];
  const lengthSize = (reader.u8() & 3) + 1;
  if (version !== 1 || profile > 100 || lengthSize !== 4) throw malformed('an avcC other than High profile');
  const sps = parameterSets(reader, reader.u8() & 31);
  const pps = parameterSets(reader, reader.u8());
  sps[0] = 0xe0 | (sps[0] ?? 0);
  const extension = profile === 100 ? highExtension : u8();
  return concat([u8(1, profile, constraints, level, 0xff), sps, pps, extension]);
}

/** Reads a descriptor's tag and length (ISO/IEC 14496-1, 8.3.3: 7 bits a byte, at most 4 bytes) and returns its body. */
function descriptor(reader: ByteReader, tag: number): ByteReader {
  const found = reader.u8();
  if (found !== tag) throw malformed(`descriptor ${found} where ${tag} was expected`);
  let length = 0;
  for (let index = 0; index < 4; index += 1) {
    const byte = reader.u8();
    length = (length << 7) | (byte & 127);
    if ((byte & 128) === 0) break;
  }
  return new ByteReader(reader.bytes(length));
}

/**
 * The AudioSpecificConfig in the payload of an `esds` box (ISO/IEC 14496-14, 5.6).
 * @throws SegueError `render_failed` when it is not there
 */
export function parseEsds(payload: Uint8Array): CodecConfig & { kind: 'audio' } {
  const box = new ByteReader(payload);
  box.skip(4);
  const stream = descriptor(box, 3);
  stream.skip(2);
  const flags = stream.u8();
  if ((flags & 0x80) !== 0) stream.skip(2);
  if ((flags & 0x40) !== 0) stream.skip(stream.u8());
  if ((flags & 0x20) !== 0) stream.skip(2);
  const decoder = descriptor(stream, 4);
  decoder.skip(13);
  const specific = descriptor(decoder, 5);
  return parseAudioSpecificConfig(specific.bytes(specific.left));
}

/** Content of an `esds` box for this configuration. Bit rates are left out: they differ from encoder to encoder. */
export function esdsPayload(config: CodecConfig & { kind: 'audio' }): Uint8Array {
  const specific = audioSpecificConfig(config);
  const decoderInfo = concat([u8(5, specific.byteLength), specific]);
  // objectTypeIndication 0x40 (MPEG-4 audio), streamType 5 (audio), buffer size and bit rates unknown.
  const decoder = concat([u8(0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), decoderInfo]);
  const stream = concat([u8(0, 0, 0), u8(4, decoder.byteLength), decoder, u8(6, 1, 2)]);
  return concat([u8(3, stream.byteLength), stream]);
}

/**
 * RFC 6381 codec string of a configuration: `avc1.64001f`, `mp4a.40.2`.
 * @throws SegueError `render_failed` for an avcC that is too short
 */
export function codecString(config: CodecConfig): string {
  if (config.kind === 'audio') return `mp4a.40.${config.objectType}`;
  const reader = new ByteReader(config.avcC);
  reader.skip(1);
  const hex = Array.from(reader.bytes(3), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `avc1.${hex}`;
}
