import { normaliseAvcC } from './avc.ts';
import { type CodecConfig, esdsPayload, parseEsds, recordBoxes, type VideoEntry } from './codec.ts';
import { ByteReader, boxAt, boxesIn, malformed } from './reader.ts';
import { box, concat, fullBox, text, u8, u16, u32 } from './writer.ts';

/** Bytes of a VisualSampleEntry and an AudioSampleEntry before their boxes (ISO/IEC 14496-12, 12.1.3 and 12.2.3). */
const visualEntrySize = 78;
const audioEntrySize = 28;

const isVideoEntry = (type: string): type is VideoEntry => Object.hasOwn(recordBoxes, type);

/**
 * Codec configuration of the one track in a `moov` payload.
 * @throws SegueError `render_failed` unless it holds exactly one H.264, HEVC, AV1 or AAC track
 */
export function parseMoov(moov: Uint8Array): CodecConfig {
  const tracks = [...boxesIn(moov)].filter(({ type }) => type === 'trak');
  if (tracks.length !== 1 || tracks[0] === undefined) throw malformed(`${tracks.length} tracks, not one`);
  const stsd = boxAt(tracks[0].payload, 'mdia', 'minf', 'stbl', 'stsd');
  const reader = new ByteReader(stsd);
  reader.skip(8);
  const entries = [...boxesIn(reader.bytes(reader.left))];
  const entry = entries[0];
  if (entries.length !== 1 || entry === undefined)
    throw malformed(`${entries.length} sample entries, not one`);
  const fields = new ByteReader(entry.payload);
  if (isVideoEntry(entry.type)) {
    fields.skip(24);
    const [width, height] = [fields.u16(), fields.u16()];
    fields.skip(visualEntrySize - 28);
    const found = boxAt(fields.bytes(fields.left), recordBoxes[entry.type]);
    const record = entry.type === 'avc1' ? normaliseAvcC(found) : found;
    return { kind: 'video', width, height, entry: entry.type, record };
  }
  if (entry.type === 'mp4a') {
    fields.skip(audioEntrySize);
    return parseEsds(boxAt(fields.bytes(fields.left), 'esds'));
  }
  throw malformed(`codec ${JSON.stringify(entry.type)}`);
}

/** Unity transformation (ISO/IEC 14496-12, 8.2.2). */
const unity = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);

/** The only track of every file. */
export const trackId = 1;

function sampleEntry(config: CodecConfig): Uint8Array {
  const head = concat([u8(0, 0, 0, 0, 0, 0), u16(1)]);
  if (config.kind === 'audio') {
    const fields = [u32(0, 0), u16(config.channels, 16, 0, 0), u32(config.sampleRate * 0x10000)];
    return box('mp4a', head, ...fields, fullBox('esds', 0, 0, esdsPayload(config)));
  }
  return box(
    config.entry,
    head,
    u16(0, 0),
    u32(0, 0, 0),
    u16(config.width, config.height),
    // 72 dpi, one frame a sample, no compressor name, 24 bit colour.
    u32(0x480000, 0x480000, 0),
    u16(1),
    new Uint8Array(32),
    u16(24, 0xffff),
    box(recordBoxes[config.entry], config.record),
    // BT.709 primaries, transfer and matrix, limited range.
    box('colr', text('nclx'), u16(1, 1, 1), u8(0)),
    box('pasp', u32(1, 1)),
  );
}

function track(config: CodecConfig, timescale: number): Uint8Array {
  const video = config.kind === 'video';
  const size = video ? u32(config.width * 0x10000, config.height * 0x10000) : u32(0, 0);
  // Flags: enabled, in the movie. Times, duration and alternate group are 0; sound has volume 1.
  const fields = [u32(0, 0, trackId, 0, 0, 0, 0), u16(0, 0, video ? 0 : 0x100, 0)];
  const tkhd = fullBox('tkhd', 0, 3, ...fields, unity, size);
  const language = u16(0x55c4, 0);
  const handler = concat([text(video ? 'vide' : 'soun'), u32(0, 0, 0), u8(0)]);
  const media = video ? fullBox('vmhd', 0, 1, u16(0, 0, 0, 0)) : fullBox('smhd', 0, 0, u16(0, 0));
  const stbl = box(
    'stbl',
    fullBox('stsd', 0, 0, u32(1), sampleEntry(config)),
    fullBox('stts', 0, 0, u32(0)),
    fullBox('stsc', 0, 0, u32(0)),
    fullBox('stsz', 0, 0, u32(0, 0)),
    fullBox('stco', 0, 0, u32(0)),
  );
  const dinf = box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)));
  const mdia = box(
    'mdia',
    fullBox('mdhd', 0, 0, u32(0, 0, timescale, 0), language),
    fullBox('hdlr', 0, 0, u32(0), handler),
    box('minf', media, dinf, stbl),
  );
  return box('trak', tkhd, mdia);
}

/**
 * The init segment of a rendition (ISO/IEC 23000-19, 7.3.1: `ftyp moov`, one track, no edit list). It holds nothing but
 * codec configuration and timescale, so encoders with the same configuration give the same bytes, whatever their version.
 */
export function writeInit(config: CodecConfig, timescale: number): Uint8Array {
  const ftyp = box('ftyp', text('iso6'), u32(0), text('iso6'), text('cmfc'), text('mp41'));
  const times = u32(0, 0, timescale, 0);
  const mvhd = fullBox(
    'mvhd',
    0,
    0,
    times,
    u32(0x10000),
    u16(0x100, 0),
    u32(0, 0),
    unity,
    u32(0, 0, 0, 0, 0, 0, 2),
  );
  const trex = fullBox('trex', 0, 0, u32(trackId, 1, 0, 0, 0));
  return concat([ftyp, box('moov', mvhd, track(config, timescale), box('mvex', trex))]);
}
