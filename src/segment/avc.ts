import { ByteReader, malformed } from './reader.ts';
import { concat, u8, u16 } from './writer.ts';

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
