import { ByteReader, malformed } from './reader.ts';
import { concat, u8 } from './writer.ts';

/** Sample entries of video, and the box of each that holds its decoder configuration record. */
export const recordBoxes = { avc1: 'avcC', hvc1: 'hvcC', av01: 'av1C' } as const;
/** A sample entry of video: H.264, HEVC with its parameter sets in the sample entry alone, AV1. */
export type VideoEntry = keyof typeof recordBoxes;

/** What a decoder must know before the first sample of a track. */
export type CodecConfig =
  | {
      readonly kind: 'video';
      readonly width: number;
      readonly height: number;
      /** Type of the sample entry. */
      readonly entry: VideoEntry;
      /** Decoder configuration record: the payload of {@link recordBoxes}, parameter sets included. */
      readonly record: Uint8Array;
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
